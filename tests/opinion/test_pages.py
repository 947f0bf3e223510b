"""Opinion's pages as browsers ask for them: the public form and link, the corrections, the operators' desk."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest

from services.opinion.throttle import CAPACITY
from shared.access import audit
from shared.access.roles import Role
from tests.opinion.harness import closing_body, correction_of, signed_in, tip_of
from tests.training.harness import GUTIAN, JIAOCHENG, XIAPU, Service, at

TOLD = {"kind": "need", "topic": "transport", "unit_id": JIAOCHENG, "text": "希望早班公交提前发车。"}


@pytest.fixture
async def anyone(opinion: Service) -> AsyncIterator[Service]:
    await opinion.know(opinion.roster.unit(), opinion.roster.unit(XIAPU))
    async with signed_in(opinion) as found:
        yield found


@pytest.fixture
async def desk(opinion: Service) -> AsyncIterator[Service]:
    await opinion.know(opinion.roster.unit(), opinion.roster.unit(XIAPU))
    async with signed_in(opinion, Role.COUNTY_OPERATOR, county=JIAOCHENG) as found:
        yield found


async def page(service: Service, path: str, language: str = "zh", **query: Any) -> httpx.Response:
    accept = {"Accept": "text/html", "Accept-Language": language}
    return await service.http.get(f"/opinion{path}", params=query or None, headers=accept)


async def send(service: Service, path: str, told: dict[str, str], language: str = "zh") -> httpx.Response:
    accept = {"Accept": "text/html", "Accept-Language": language}
    return await service.http.post(f"/opinion{path}", data=told, headers=accept)


async def done(service: Service, path: str, told: dict[str, str]) -> httpx.Response:
    """The page that a form leads to."""
    answer = await send(service, path, told)
    assert answer.status_code == 303, unescape(re.sub(r"<[^>]+>", " ", answer.text))
    shown = await service.http.get(answer.headers["location"], headers={"Accept": "text/html", "Accept-Language": "zh"})
    assert shown.status_code == 200
    return shown


# -- everybody ---------------------------------------------------------------------------------------------------------


async def test_the_front_door(anyone: Service, desk: Service) -> None:
    for service, path in ((anyone, "/opinion/tell"), (desk, "/opinion/desk/tips")):
        answer = await page(service, "/")
        assert (answer.status_code, answer.headers["location"]) == (302, path)


async def test_whoever_tells_gets_a_private_link(anyone: Service, opinion: Service) -> None:
    answer = await send(anyone, "/tell", TOLD | {"contact": "13800138000"})
    assert answer.status_code == 303
    link = answer.headers["location"]
    thanks = await page(anyone, link.removeprefix("/opinion"))
    address = f"http://test{link.partition('?')[0]}"
    assert address in thanks.text
    assert (thanks.headers["cache-control"], thanks.headers["x-robots-tag"]) == ("no-store", "noindex")
    assert (thanks.headers["referrer-policy"]) == "no-referrer"
    assert "13800138000" not in thanks.text
    assert TOLD["text"] not in thanks.text
    [event] = await opinion.events()
    assert (event.data.channel, event.data.unit_id, event.county) == ("web_form", JIAOCHENG, JIAOCHENG)
    await opinion.post(
        f"/tips/{event.data.tip_id}/resolve",
        {"outcome": "acted", "answered": True, "answer": "九月起\n提前<半小时>发车。"},
    )
    later = await page(anyone, link.partition("?")[0].removeprefix("/opinion"), "en")
    assert "提前&lt;半小时&gt;发车" in later.text
    assert "Acted on" in later.text
    assert address not in later.text


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("请回电 13800138000，路灯坏了。", "电话号码", "a phone number"),
        ("举报张建国，他骂人。", "点名某人", "it names a person"),
    ],
)
async def test_c4_the_form_says_what_to_remove_and_keeps_what_was_typed(
    anyone: Service, opinion: Service, text: str, zh: str, en: str
) -> None:
    for language, told in (("zh", zh), ("en", en)):
        answer = await send(anyone, "/tell", TOLD | {"text": text, "contact": "a@b.example"}, language)
        assert answer.status_code == 422
        assert told in answer.text
        assert f">{text}</textarea>" in answer.text
        assert 'value="a@b.example"' in answer.text
        assert '<option value="transport" selected>' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert await opinion.events() == []


async def test_what_is_missing_is_said_beside_its_field(anyone: Service) -> None:
    answer = await send(anyone, "/tell", {"topic": "transport", "unit_id": GUTIAN, "text": "x" * 4001}, "en")
    assert answer.status_code == 422
    assert 'id="kind-error"' in answer.text
    assert 'id="text-error"' in answer.text
    answer = await send(anyone, "/tell", TOLD | {"unit_id": GUTIAN})
    assert 'id="unit_id-error">没有这个单位' in answer.text


async def test_a_filled_honeypot_changes_nothing(anyone: Service, opinion: Service) -> None:
    answer = await send(anyone, "/tell", TOLD | {"website": "https://spam.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/opinion/received")
    assert await opinion.events() == []
    assert (await page(anyone, "/received")).status_code == 200


async def test_the_form_is_taken_so_often_from_one_address(anyone: Service, opinion: Service) -> None:
    statuses = [(await send(anyone, "/tell", TOLD)).status_code for _ in range(CAPACITY + 1)]
    assert statuses == [303] * CAPACITY + [429]
    assert len(await opinion.events()) == CAPACITY
    told = await send(anyone, "/tell", TOLD, "en")
    assert "what you wrote is still there" in told.text
    assert TOLD["text"] in told.text


async def test_without_units_the_form_says_so(opinion: Service) -> None:
    async with signed_in(opinion) as anyone:
        assert "还没有可以受理的单位" in (await page(anyone, "/tell")).text


async def test_a_link_that_leads_nowhere(anyone: Service) -> None:
    answer = await page(anyone, "/status/nothing")
    assert answer.status_code == 404
    assert "没有这个链接" in answer.text


async def test_closed_corrections_are_public(anyone: Service, opinion: Service) -> None:
    assert "还没有办结的更正" in (await page(anyone, "/corrections")).text
    claim = "网传</script><b>青少年宫</b>收费"
    case_id = await correction_of(opinion, claim=claim, claim_link="https://news.example/7")
    assert (await page(anyone, f"/corrections/{case_id}")).status_code == 404
    await opinion.post(
        f"/corrections/{case_id}/timeline", {"text": "与记者见面", "at": at("2014-07-11 09:00").isoformat()}
    )
    await opinion.post(f"/corrections/{case_id}/close", closing_body(outcome="right_fixed", finding="确有其事。"))
    listed = await page(anyone, "/corrections", "en")
    assert f'href="/opinion/corrections/{case_id}"' in listed.text
    shown = await page(anyone, f"/corrections/{case_id}", "en")
    assert "Right, and fixed" in shown.text
    for told in (
        "确有其事。",
        "与记者见面",
        "https://news.example/2014/07/12/reply",
        "https://www.ningde.example/notice/20140712",
    ):
        assert told in shown.text
    [data] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', shown.text)
    review = json.loads(data)
    assert (review["@type"], review["claimReviewed"]) == ("ClaimReview", claim)
    assert review["url"] == f"http://test/opinion/corrections/{case_id}"
    assert review["reviewRating"] == {"@type": "Rating", "alternateName": "Right, and fixed"}
    assert review["itemReviewed"]["appearance"]["url"] == "https://news.example/7"
    assert (review["datePublished"], review["isBasedOn"]) == ("2014-07-12", ["https://news.example/2014/07/12/reply"])


# -- the desk ----------------------------------------------------------------------------------------------------------


async def test_the_desk_asks_for_sign_in(anyone: Service, opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    for path in ("/desk/tips", "/desk/tips/new", f"/desk/tips/{tip_id}", "/desk/corrections"):
        answer = await page(anyone, path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/roster/sign-in?next=%2Fopinion%2Fdesk")
    assert (await send(anyone, f"/desk/tips/{tip_id}/void", {"reason": "spam"})).status_code == 401


async def test_a_county_does_not_see_anothers(desk: Service, opinion: Service) -> None:
    tip_id, case_id = await tip_of(opinion, unit_id=XIAPU), await correction_of(opinion, unit_id=XIAPU)
    for path in (f"/desk/tips/{tip_id}", f"/desk/corrections/{case_id}"):
        assert (await page(desk, path)).status_code == 403
    assert (await send(desk, f"/desk/tips/{tip_id}/void", {"reason": "spam"})).status_code == 403
    assert (await send(desk, f"/desk/tips/{tip_id}/contact", {})).status_code == 403
    assert (await send(desk, f"/desk/corrections/{case_id}/timeline", {"text": "x"})).status_code == 403
    assert tip_id not in (await page(desk, "/desk/tips")).text
    assert case_id not in (await page(desk, "/desk/corrections")).text


async def test_the_inbox_shows_what_is_due_first(desk: Service, opinion: Service) -> None:
    assert "没有符合条件的反映" in (await page(desk, "/desk/tips")).text
    days = {"2014-07-28": "transport", "2014-07-01": "housing", "2014-07-15": "jobs"}
    ids = {
        day: await tip_of(opinion, topic=topic, reported_at=at(f"{day} 10:00").isoformat())
        for day, topic in days.items()
    }
    await opinion.post(f"/tips/{ids['2014-07-01']}/due", {"due_on": "2014-12-31"})
    resolved = await tip_of(opinion)
    await opinion.post(f"/tips/{resolved}/resolve", {"outcome": "answered", "answered": True})

    async def listed(**query: Any) -> list[str]:
        shown = await page(desk, "/desk/tips", **query)
        assert shown.status_code == 200
        return re.findall(r'<a href="/opinion/desk/tips/([0-9a-f-]{36})">', shown.text)

    expected = [ids["2014-07-15"], ids["2014-07-28"], ids["2014-07-01"]]
    assert await listed() == expected
    assert await listed(which="", topic="", unit="") == expected
    assert await listed(which="all") == [*expected, resolved]
    assert await listed(which="resolved") == [resolved]
    assert await listed(topic="jobs") == [ids["2014-07-15"]]
    assert await listed(mine="true") == []


async def test_the_inbox_in_pages(desk: Service, opinion: Service) -> None:
    for _ in range(51):
        await tip_of(opinion)
    first = (await page(desk, "/desk/tips", which="all")).text
    [address] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = (await desk.http.get(unescape(address), headers={"Accept": "text/html"})).text
    links = re.compile(r'<a href="/opinion/desk/tips/([0-9a-f-]{36})">')
    assert (len(links.findall(first)), len(links.findall(second))) == (50, 1)
    assert not set(links.findall(first)) & set(links.findall(second))
    assert (await page(desk, "/desk/tips", cursor="bm8=")).status_code == 422


async def test_a_tip_by_phone_from_entry_to_answer(desk: Service, opinion: Service) -> None:
    told = TOLD | {"channel": "phone", "reported_at": "2014-07-28T10:00", "contact": "13800138000"}
    shown = await done(desk, "/desk/tips/new", told)
    [link] = re.findall(r'<a id="link" href="http://test(/opinion/status/[^"]+)">', shown.text)
    [event] = await opinion.events()
    assert (event.time, event.data.channel) == (at("2014-07-28 10:00"), "phone")
    place = f"/desk/tips/{event.data.tip_id}"

    contact = await send(desk, f"{place}/contact", {})
    assert ("13800138000" in contact.text, contact.headers["cache-control"]) == (True, "no-store")
    async with opinion.transaction() as connection:
        [line] = await audit.lines(connection, None, 10)
    assert (line["action"], line["actor"]) == ("contact.read", f"desk-{JIAOCHENG}")
    assert "13800138000" not in (await page(desk, place)).text

    await done(desk, f"{place}/triage", {"responsible_unit_id": XIAPU, "topic": "other", "due_on": "2014-08-20"})
    await done(desk, f"{place}/assign", {"assigned_to": f"desk-{JIAOCHENG}"})
    await done(desk, f"{place}/due", {"due_on": "2014-08-30"})
    await done(desk, f"{place}/answer", {"answer": "正在核实。"})
    resolve = {"outcome": "acted", "answered": "yes", "final_answer": "九月起提前发车。"}
    resolve |= {"action_title": "公交线路座谈会", "action_held_on": "2014-08-02", "action_participants": "12"}
    shown = await done(desk, f"{place}/resolve", resolve)
    assert "公交线路座谈会" in shown.text
    assert "没有留下，或已经删除" in shown.text
    assert "九月起提前发车。" in (await page(desk, link.removeprefix("/opinion"))).text
    resolved = (await opinion.events("tip_resolved"))[0].data
    assert (resolved.action.title, resolved.action.participants) == ("公交线路座谈会", 12)


async def test_forms_of_a_tip_keep_what_was_typed(desk: Service, opinion: Service) -> None:
    place = f"/desk/tips/{await tip_of(opinion)}"
    forms: list[tuple[str, dict[str, str], str]] = [
        ("resolve", {"outcome": "acted", "answered": "no", "final_answer": "好"}, "answered"),
        ("resolve", {"outcome": "acted", "answered": "yes", "final_answer": "请回电13800138000"}, "final_answer"),
        ("resolve", {"outcome": "acted", "answered": "yes", "action_title": "会"}, "action_held_on"),
        ("resolve", {"outcome": "acted"}, "answered"),
        ("answer", {"answer": "已找李建国谈话"}, "answer"),
        ("triage", {"responsible_unit_id": GUTIAN}, "responsible_unit_id"),
        ("triage", {"responsible_unit_id": XIAPU, "due_on": "2014-07-01"}, "due_on"),
        ("assign", {"assigned_to": "nobody"}, ""),
        ("void", {"reason": "duplicate", "merged_into": "nonsense"}, "merged_into"),
        ("void", {}, "reason"),
    ]
    for step, told, field in forms:
        answer = await send(desk, f"{place}/{step}", told)
        assert answer.status_code == 422, (step, told)
        assert 'role="alert"' in answer.text
        if field:
            assert f'id="{field}-error"' in answer.text, (step, told)
    assert len(await opinion.events()) == 1


async def test_a_duplicate_is_merged_by_the_address_of_the_other(desk: Service, opinion: Service) -> None:
    stands, second = await tip_of(opinion), await tip_of(opinion)
    address = f"https://q.example/opinion/desk/tips/{stands}?done=1"
    shown = await done(desk, f"/desk/tips/{second}/void", {"reason": "duplicate", "merged_into": address})
    assert f'<a href="/opinion/desk/tips/{stands}">' in shown.text
    assert second in (await page(desk, f"/desk/tips/{stands}")).text


async def test_a_correction_from_the_desk_to_the_public(desk: Service, opinion: Service) -> None:
    told = {
        "unit_id": JIAOCHENG,
        "source_kind": "media",
        "claim": "网传青少年宫收费",
        "claim_published_at": "2014-07-08T07:00",
        "opened_at": "2014-07-08T15:00",
    }
    await done(desk, "/desk/corrections", told)
    [opened] = await opinion.events()
    assert (opened.time, opened.data.claim_published_at) == (at("2014-07-08 15:00"), at("2014-07-08 07:00"))
    case_id = opened.data.case_id
    place = f"/desk/corrections/{case_id}"
    closing = {"outcome": "clarified", "official_source": "https://a.example/notice", "media_met": "yes"}
    early = await send(desk, f"{place}/close", closing)
    assert early.status_code == 422
    assert "至少一条依据" in early.text
    await done(desk, f"{place}/evidence", {"link": "https://a.example/1", "title": "公示", "kind": "document"})
    for told, field in (({"link": "http://a.example", "kind": "photo"}, "link"), ({"link": "https://a.example"}, "")):
        wrong = await send(desk, f"{place}/evidence", told)
        assert (wrong.status_code, not field or f'id="{field}-error"' in wrong.text) == (
            303 if not field else 422,
            True,
        )
    await done(desk, f"{place}/timeline", {"text": "与记者见面", "at": "2014-07-09T10:00"})
    await done(desk, f"{place}/claim", {"claim": "网传青少年宫自七月起收费"})
    no_source = await send(desk, f"{place}/close", closing | {"official_source": "市政府"})
    assert 'id="official_source-error"' in no_source.text
    shown = await done(desk, f"{place}/close", closing | {"finding": "一直免费。"})
    assert f"/opinion/corrections/{case_id}" in shown.text
    assert (await opinion.events("closed"))[0].data.evidence_count == 2
    async with signed_in(opinion) as anyone:
        assert "网传青少年宫自七月起收费" in (await page(anyone, f"/corrections/{case_id}")).text


async def test_readers_see_no_forms(opinion: Service) -> None:
    tip_id, case_id = await tip_of(opinion), await correction_of(opinion)
    async with signed_in(opinion, Role.COMMITTEE) as committee:
        for path in (f"/desk/tips/{tip_id}", f"/desk/corrections/{case_id}", "/desk/corrections"):
            shown = await page(committee, path)
            assert shown.status_code == 200
            assert 'action="/opinion/desk/' not in shown.text
        assert (await send(committee, f"/desk/tips/{tip_id}/contact", {})).status_code == 403


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_page_is_there(desk: Service, opinion: Service, language: str) -> None:
    tip_id, case_id = await tip_of(opinion), await correction_of(opinion)
    paths = ["/tell", "/corrections", "/desk/tips", "/desk/tips/new", "/desk/corrections", "/received"]
    for path in [*paths, f"/desk/tips/{tip_id}", f"/desk/corrections/{case_id}"]:
        shown = await page(desk, path, language)
        assert (shown.status_code, shown.headers["content-language"]) == (200, language), path
        assert 'role="alert"' not in shown.text, path
