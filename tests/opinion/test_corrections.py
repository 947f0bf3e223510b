"""Corrections over HTTP, on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.opinion.harness import closing_body, correction_body, correction_of, signed_in
from tests.training.harness import JIAOCHENG, XIAPU, Service, at, refused


async def test_a_claim_answered_with_facts(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit("350902-TW", JIAOCHENG))
    body = correction_body(unit_id="350902-TW")
    answer = await opinion.post("/corrections", body)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    case = answer.json()
    assert case == {
        **body,
        "claim_published_at": "2014-07-10T00:00:00Z",
        "opened_at": "2014-07-10T07:00:00Z",
        "case_id": case["case_id"],
        "county": JIAOCHENG,
        "claim": None,
        "claim_link": None,
        "closed": None,
        "evidence": [],
        "timeline": [],
    }
    evidence = ["https://news.example/reply", "https://news.example/figures", "https://news.example/reply"]
    path = f"/corrections/{case['case_id']}"
    answer = await opinion.post(f"{path}/close", closing_body(evidence=evidence), If_Match='"1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    closed = answer.json()["closed"]
    assert closed == {
        "at": "2014-07-12T09:00:00Z",
        "outcome": "clarified",
        "evidence": evidence[:2],
        "official_source": "https://www.ningde.example/notice/20140712",
        "media_met": True,
        "finding": None,
    }
    exhibits = [{"link": link, "title": None, "kind": "other"} for link in evidence[:2]]
    shown = await opinion.get(path)
    assert (shown.json(), shown.headers["etag"]) == (case | {"closed": closed, "evidence": exhibits}, '"2"')

    opening, closing = await opinion.events()
    assert [(event.type.split(".")[2], event.county, event.sequence, event.time) for event in (opening, closing)] == [
        ("correction_opened", JIAOCHENG, 1, at("2014-07-10 15:00")),
        ("correction_closed", JIAOCHENG, 2, at("2014-07-12 17:00")),
    ]
    assert (opening.data.claim_published_at, opening.data.source_kind) == (at("2014-07-10 08:00"), "media")
    assert (closing.data.opened_at, closing.data.evidence_count, closing.data.media_met) == (
        at("2014-07-10 15:00"),
        2,
        True,
    )
    assert closing.data.official_source == "https://www.ningde.example/notice/20140712"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit_id": XIAPU}, (422, "unknown_unit", "/unit_id")),
        ({"opened_at": "2014-07-09T00:00:00Z"}, (422, "out_of_order_date", "/opened_at")),
        ({"opened_at": "9998-07-09T00:00:00Z"}, (422, "time_out_of_range", "/opened_at")),
        ({"claim_published_at": "1999-07-09T00:00:00Z"}, (422, "time_out_of_range", "/claim_published_at")),
        ({"source_kind": "person"}, (422, "schema", "/source_kind")),
        ({"author": "x"}, (422, "schema", "/author")),
        ({"claim_url": "https://x.example"}, (422, "schema", "/claim_url")),
    ],
)
async def test_corrections_refused(opinion: Service, change: dict[str, Any], problem: Any) -> None:
    await opinion.know(opinion.roster.unit())
    assert refused(await opinion.post("/corrections", correction_body(**change))) == problem
    assert await opinion.events() == []


async def test_closings_refused(opinion: Service) -> None:
    path = f"/corrections/{await correction_of(opinion)}"
    late = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    refusals = [
        ({"closed_at": at("2014-07-10 14:59").isoformat()}, (422, "out_of_order_date", "/closed_at")),
        ({"closed_at": late}, (422, "time_out_of_range", "/closed_at")),
        ({"evidence": ["ftp://a.example"]}, (422, "schema", "/evidence/0")),
        ({"evidence": ["http://a.example"]}, (422, "schema", "/evidence/0")),
        ({"evidence": ["https://a.example", "https://weibo.com/u/1234567890"]}, (422, "personal_data", "/evidence/1")),
        ({"official_source": "https://x.com/somebody"}, (422, "personal_data", "/official_source")),
        ({"outcome": "deleted"}, (422, "schema", "/outcome")),
        ({"media_met": None}, (422, "schema", "/media_met")),
    ]
    for change, problem in refusals:
        assert refused(await opinion.post(f"{path}/close", closing_body(**change))) == problem, change
    assert refused(await opinion.post(f"{path}/close", closing_body(), If_Match='"2"'))[:2] == (412, "version_conflict")
    assert refused(await opinion.post(f"/corrections/{uuid4()}/close", closing_body()))[0] == 404
    assert refused(await opinion.get(f"/corrections/{uuid4()}"))[0] == 404
    assert await opinion.events("closed") == []


async def test_a_correction_closes_once(opinion: Service) -> None:
    path = f"/corrections/{await correction_of(opinion)}/close"
    answers = await asyncio.gather(*(opinion.post(path, closing_body(closed_at=None)) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    [closed] = await opinion.events("closed")
    assert abs(closed.time - datetime.now(UTC)) < timedelta(minutes=5)


async def test_lists(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit(XIAPU))
    ids = [await correction_of(opinion), await correction_of(opinion, unit_id=XIAPU)]
    await opinion.post(f"/corrections/{ids[0]}/close", closing_body())

    async def listed(**query: Any) -> list[str]:
        return [case["case_id"] for case in (await opinion.get("/corrections", **query)).json()["items"]]

    assert await listed() == ids
    assert await listed(closed=True) == ids[:1]
    assert await listed(closed=False) == ids[1:]
    assert await listed(unit_id=XIAPU) == ids[1:]


async def test_a_case_from_claim_to_public_page(opinion: Service) -> None:
    case_id = await correction_of(opinion, claim="网传青少年宫开始收费", claim_link="https://news.example/7")
    path = f"/corrections/{case_id}"
    assert (await opinion.get(f"/public/corrections/{case_id}")).status_code == 404, "not public while it is open"
    await opinion.post(f"{path}/claim", {"claim": "网传青少年宫自七月起收费"})
    items = [
        {"link": "https://a.example/1", "title": "收费公示", "kind": "document"},
        {"link": "https://a.example/2", "kind": "photo"},
        {"link": "https://a.example/1", "title": "同一份"},
    ]
    assert (await opinion.post(f"{path}/evidence", {"evidence": items})).status_code == 200
    for when, text in (("2014-07-11 09:00", "与记者见面，现场查看账目"), ("2014-07-10 16:00", "调取收费公示")):
        assert (await opinion.post(f"{path}/timeline", {"at": at(when).isoformat(), "text": text})).status_code == 200
    body = closing_body(evidence=None, finding="公共课程一直免费，收费的是场地租用。")
    del body["evidence"]
    answer = await opinion.post(f"{path}/close", body)
    assert answer.status_code == 200, answer.text
    [closed] = await opinion.events("closed")
    assert closed.data.evidence_count == 2
    async with signed_in(opinion) as anyone:
        shown = (await anyone.get(f"/public/corrections/{case_id}")).json()
        assert [case["case_id"] for case in (await anyone.get("/public/corrections")).json()["items"]] == [case_id]
    assert (shown["claim"], shown["claim_link"]) == ("网传青少年宫自七月起收费", None)
    assert [(item["title"], item["kind"]) for item in shown["evidence"]] == [("收费公示", "document"), (None, "photo")]
    assert [entry["text"] for entry in shown["timeline"]] == ["调取收费公示", "与记者见面，现场查看账目"]
    assert shown["closed"]["finding"] == "公共课程一直免费，收费的是场地租用。"
    sent = await opinion.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert "收费" not in sent, "events carry no free text"
    for step, body in (
        ("claim", {"claim": "x"}),
        ("evidence", {"evidence": items}),
        ("timeline", {"text": "x"}),
    ):
        assert refused(await opinion.post(f"{path}/{step}", body))[:2] == (409, "invalid_state"), step


@pytest.mark.parametrize(
    ("step", "body", "problem"),
    [
        ("claim", {"claim": "网民某某造谣"}, ("person_targeted", "/claim")),
        ("claim", {"claim": "x", "claim_link": "https://weibo.com/u/1234567890"}, ("personal_data", "/claim_link")),
        ("evidence", {"evidence": []}, ("schema", "/evidence")),
        ("evidence", {"evidence": [{"link": "http://a.example"}]}, ("schema", "/evidence/0/link")),
        ("evidence", {"evidence": [{"link": "https://a.example", "title": "找李建国谈话"}]},
         ("person_targeted", "/evidence/0/title")),
        ("evidence", {"evidence": [{"link": "https://x.com/somebody"}]}, ("personal_data", "/evidence/0")),
        ("timeline", {"text": "已约谈发帖人"}, ("person_targeted", "/text")),
        ("timeline", {"text": "x", "at": "1999-01-01T00:00:00Z"}, ("time_out_of_range", "/at")),
        ("close", closing_body(finding="请查清发帖人是谁"), ("person_targeted", "/finding")),
    ],
)  # fmt: skip
async def test_words_of_a_case_are_screened(
    opinion: Service, step: str, body: dict[str, Any], problem: tuple[str, str]
) -> None:
    path = f"/corrections/{await correction_of(opinion)}/{step}"
    assert refused(await opinion.post(path, body)) == (422, *problem)


async def test_a_case_takes_evidence_only_so_far(opinion: Service) -> None:
    path = f"/corrections/{await correction_of(opinion)}/evidence"
    items = [{"link": f"https://a.example/{number}"} for number in range(100)]
    assert (await opinion.post(path, {"evidence": items})).status_code == 200
    assert refused(await opinion.post(path, {"evidence": [{"link": "https://b.example"}]}))[:2] == (413, "too_large")
