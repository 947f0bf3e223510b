"""The roster's pages, as a browser without script gets them."""

import io
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import python_calamine

from services.roster import ledger_runs
from shared.access.roles import Role
from shared.web.i18n import catalogue
from tests.roster.harness import ACCOUNT, CONSENT, MEMBER, PLAIN, ROW, Roster, fact, workbook
from tests.support.waiting import eventually

BROWSER = {"Accept": "text/html"}
TEMPLATES = Path(ledger_runs.__file__).with_name("templates")
CONTACT = {"name": "李金丝雀", "phone": "13805931417", "handles": {"wechat": "canary-wx"}}


async def look(roster: Roster, path: str, status: int = 200, **headers: str) -> str:
    response = await roster.http.get(f"/roster{path}", headers=BROWSER | {"Accept-Language": "en"} | headers)
    assert response.status_code == status, response.text
    return response.text


async def send(roster: Roster, path: str, told: Any = None, status: int = 303, **more: Any) -> httpx.Response:
    headers = BROWSER | {"Accept-Language": "en"} | more.pop("headers", {})
    response = await roster.http.post(f"/roster{path}", data=told or {}, headers=headers, **more)
    assert response.status_code == status, response.text
    return response


def test_both_languages_say_the_same_things() -> None:
    zh, en = ({key for key in catalogue(code).messages if key.startswith("roster.")} for code in ("zh", "en"))
    assert zh == en
    used = {
        key
        for file in TEMPLATES.iterdir()
        for key in re.findall(r'words\(\s*"(roster\.[a-z_.]+[a-z])"', file.read_text())
    }
    assert used <= zh
    assert len(used) > 100


async def test_without_anything_the_pages_say_what_to_do(roster: Roster) -> None:
    await roster.pool.execute("delete from unit")
    assert "POST /roster/api/v1/units" in await look(roster, "/")
    assert "There are no units yet" in await look(roster, "/nominate")
    assert "No nominations await review" in await look(roster, "/review")
    assert "No accounts fit" in await look(roster, "/disclosures")


async def test_home_shows_places_and_what_awaits(roster: Roster) -> None:
    year = (await roster.post("/volunteers", MEMBER, 201))["nominated_on"][:4]
    await roster.put(f"/units/350902/quotas/county/{year}", {"quota": 1}, 200)
    await roster.registered(unit_id="350921")
    await roster.nominated()
    page = await look(roster, "/")
    assert "Jiaocheng" in page
    assert "0 / 1" in page
    assert "1 (no quota)" in page
    assert "Waiting for your review: 2." in page
    own = await look(roster, "/", **await roster.as_county("350921"))
    assert "Jiaocheng" not in own
    assert "霞浦" in own
    read_only = await look(roster, "/", **await roster.as_role(Role.AUDITOR))
    assert "/roster/review" not in read_only


async def test_a_unit_page_finds_volunteers(roster: Roster) -> None:
    told = await roster.send(workbook(ROW, ROW | {"row_ref": "r2"}))
    first, second = (row["volunteer_id"] for row in told["rows"])
    page = await look(roster, "/units/350902")
    assert first in page
    assert second in page
    found = await look(roster, "/units/350902?ref=r2")
    assert second in found
    assert first not in found
    assert "Nobody fits" in await look(roster, "/units/350902?state=left")
    assert "This unit has no volunteers" in await look(roster, "/units/350921")
    await send(roster, "/units/350902/quota", {"team": "county", "year": "2014", "quota": "9"})
    assert "2 / 9" in await look(roster, "/units/350902?year=2014")
    await look(roster, "/units/350921", 403, **await roster.as_county("350902"))
    await look(roster, "/units/999999", 404)
    await look(roster, "/volunteers/x", 422)


async def test_the_city_defines_and_changes_units_by_form(roster: Roster) -> None:
    assert "/roster/units/new" in await look(roster, "/")
    county = await roster.as_county("350921")
    assert "/roster/units/new" not in await look(roster, "/", **county)
    await look(roster, "/units/new", 403, **county)
    other = {"unit_id": "350902-101", "name": {"zh": "霍童镇"}, "kind": "township", "county": "350902"}
    await roster.post("/units", other, 201)
    town = {"unit_id": "350902-103", "name_zh": "赤溪镇", "kind": "township", "county": "350902", "parent_id": "350902"}
    wrong = (await send(roster, "/units/new", town | {"unit_id": "350902", "county": "35x"}, 422)).text
    assert 'id="county-error"' in wrong
    assert 'value="赤溪镇"' in wrong
    taken = (await send(roster, "/units/new", town | {"unit_id": "350902-101"}, 422)).text
    assert "exists" in taken
    done = await send(roster, "/units/new", town)
    assert done.headers["location"] == "/roster/units/350902-103?done=defined"
    assert "The unit is saved." in await look(roster, "/units/350902-103?done=defined")
    form = await look(roster, "/units/350902-103/edit")
    version = re.search(r'name="version" value="(\d+)"', form)
    assert version
    change = {name: told for name, told in town.items() if name != "unit_id"} | {"name_en": "Chixi"}
    await send(roster, "/units/350902-103/edit", change | {"version": version[1]})
    assert (await roster.get("/units/350902-103"))["name"] == {"zh": "赤溪镇", "en": "Chixi"}
    late = (await send(roster, "/units/350902-103/edit", change | {"version": version[1]}, 422)).text
    assert "Chixi" in late
    itself = (await send(roster, "/units/350902/edit", {"name_zh": "蕉城", "kind": "county", "county": "350902",
        "parent_id": "350902-103", "version": str((await roster.get("/units/350902"))["version"])}, 422)).text  # fmt: skip
    assert 'id="parent_id-error"' in itself
    await look(roster, "/units/999999/edit", 404)


async def test_what_a_form_was_answered_with_can_be_read_in_the_other_language(roster: Roster) -> None:
    """The language's link leads to the form's page: what answers a form has no address of its own."""

    async def switched(path: str, form: dict[str, str], status: int, **headers: str) -> str:
        answer = await send(roster, path, form, status, headers=headers)
        found = re.search(r'<a href="([^"]+)" lang="zh"', answer.text)
        assert found
        await look(roster, found[1].removeprefix("/roster"))
        return found[1]

    beyond = {"team": "county", "year": "1900", "quota": "1"}
    assert await switched("/units/350902/quota", beyond, 422) == "/roster/units/350902?lang=zh"
    assert await switched("/nominate", {}, 422) == "/roster/nominate?lang=zh"
    volunteer = f"/volunteers/{(await roster.post('/volunteers', MEMBER | {'contact': CONTACT}, 201))['volunteer_id']}"
    there = {"Referer": f"{roster.http.base_url}/roster{volunteer}?done=nominate"}
    assert await switched(f"{volunteer}/contact/show", {}, 200, **there) == f"/roster{volunteer}?lang=zh"
    elsewhere = {"Referer": "https://elsewhere.example/roster/disclosures"}
    assert await switched("/units/350902/quota", beyond, 422, **elsewhere) == "/roster/units/350902?lang=zh"


async def test_a_nomination_with_a_contact_by_form(roster: Roster) -> None:
    form = MEMBER | {"name": "李", "phone": "call", "wechat": "canary-wx"}
    wrong = (await send(roster, "/nominate", form, 422)).text
    assert "Must be a phone number" in wrong
    assert 'aria-describedby="phone-hint phone-error"' in wrong
    done = await send(roster, "/nominate", form | {"phone": "138 0593 1417"})
    volunteer = done.headers["location"].partition("?")[0]
    assert "Nominated." in await look(roster, done.headers["location"].removeprefix("/roster"))
    found = await roster.get(f"{volunteer.removeprefix('/roster')}/contact")
    assert found == {"name": "李", "phone": "+8613805931417", "email": None, "handles": {"wechat": "canary-wx"}}
    again = (await send(roster, "/nominate", form | {"phone": "13805931417"}, 422)).text
    assert "in that unit" in again
    elsewhere = await send(roster, "/nominate", form | {"phone": "13805931417", "unit_id": "350921"})
    shown = await look(roster, elsewhere.headers["location"].removeprefix("/roster"))
    assert "may be the same person" in shown
    assert volunteer in shown


async def test_the_review_in_bulk(roster: Roster) -> None:
    ids = [await roster.nominated() for _ in range(3)]
    await roster.put("/units/350902/quotas/county/2014", {"quota": 1}, 200)
    page = await look(roster, "/review")
    assert all(each in page for each in ids)
    nobody = await send(roster, "/review", {"what": "confirm"} | CONSENT, 422)
    assert "Choose at least one" in nobody.text
    unsure = await send(roster, "/review", {"what": "confirm", "chosen": ids, "registered_on": "soon"}, 422)
    assert "registered_on-error" in unsure.text
    # Nominated in a later year, they wait for no place of 2014: the first takes it, the second finds it taken.
    some = await send(roster, "/review", {"what": "confirm", "chosen": ids[:2]} | CONSENT, 422)
    assert some.text.count('class="error"') == 1
    assert f'id="w-{ids[1]}"' in some.text
    done = await send(roster, "/review", {"what": "decline", "chosen": ids[1:], "reason": "not_eligible"})
    assert "Done: 2." in await look(roster, done.headers["location"].removeprefix("/roster"))
    states = {item["volunteer_id"]: item["state"] for item in (await roster.get("/volunteers"))["items"]}
    assert states == {ids[0]: "registered", ids[1]: "declined", ids[2]: "declined"}


async def test_a_volunteers_steps(roster: Roster) -> None:
    volunteer_id = await roster.nominated()
    place = f"/volunteers/{volunteer_id}"

    async def step(name: str, told: Any, status: int = 303) -> str:
        assert "<h1>" in await look(roster, f"{place}/{name}")
        return (await send(roster, f"{place}/{name}", told, status)).text

    assert "consented_on-error" in await step("register", {"registered_on": "2014-05-01"}, 422)
    await step("register", CONSENT)
    disclosure = {"platform": "weibo", "disclosure_url": "x", "disclosed_at": "2014-05-02T08:00"}
    assert "disclosure_url-error" in await step("disclose", disclosure, 422)
    await step("disclose", disclosure | {"disclosure_url": "https://example.org/d"})
    await step("transfer", {"to_unit_id": "350921", "effective_on": "2014-06-01"})
    page = await look(roster, place)
    assert "Transferred to" in page
    assert "https://example.org/d" in page
    assert "tester" in page
    [account] = (await roster.get(f"{place}/accounts"))["items"]
    query = f"?account_id={account['account_id']}"
    assert "https://example.org/d" in await look(roster, f"{place}/withdraw{query}")
    await look(roster, f"{place}/withdraw", 404)
    await send(roster, f"{place}/withdraw", {"account_id": account["account_id"]})
    await step("leave", {"left_on": "2014-07-01"})
    told = await step("leave", {}, 422)
    assert "the volunteer has left" in told
    assert "sure-error" in await step("erase", {}, 422)
    await step("erase", {"sure": "yes"})
    assert "Data erased" in await look(roster, place)
    facts = [fact(event) for event in await roster.events(volunteer_id)]
    assert facts[-3:] == ["volunteer_transferred", "account_withdrawn", "volunteer_left"]
    await look(roster, f"{place}/nonsense", 422)


async def test_a_contact_is_shown_on_purpose_only(roster: Roster) -> None:
    volunteer_id = await roster.registered(contact=CONTACT)
    place = f"/volunteers/{volunteer_id}"
    for path in (place, f"{place}/contact", "/units/350902"):
        assert "canary" not in await look(roster, path)
    assert await roster.audited("contact.read") == []
    shown = await send(roster, f"{place}/contact/show", status=200)
    assert all(text in shown.text for text in ("李金丝雀", "+8613805931417", "canary-wx"))
    assert shown.headers["cache-control"] == "no-store"
    assert len(await roster.audited("contact.read")) == 1
    # What is left empty stays.
    await send(roster, f"{place}/contact", {"email": "a@example.org"})
    found = await roster.get(f"{place}/contact")
    assert (found["name"], found["email"]) == ("李金丝雀", "a@example.org")
    headers = await roster.as_role(Role.AUDITOR)
    assert "contact/show" not in await look(roster, place, **headers)
    await send(roster, f"{place}/contact/show", status=403, headers=headers)
    await send(roster, f"{place}/contact/show", status=403, headers=await roster.as_county("350921"))


async def test_contacts_are_exported_for_a_reason(roster: Roster) -> None:
    volunteer_id = await roster.registered(contact=CONTACT)
    assert "reason" in await look(roster, "/units/350902/contacts")
    assert "reason-error" in (await send(roster, "/units/350902/contacts", {}, 422)).text
    done = await send(roster, "/units/350902/contacts", {"reason": "通知五月培训"}, 200)
    book: Any = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(done.content))
    assert book.get_sheet_by_index(0).to_python()[1][:1] == [volunteer_id]
    assert len(await roster.audited("contacts.exported")) == 1


async def test_the_disclosure_register_by_county(roster: Roster) -> None:
    for unit_id in ("350902", "350921"):
        volunteer_id = await roster.registered(unit_id=unit_id)
        url = f"https://example.org/{unit_id}"
        await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT | {"disclosure_url": url}, 201)
    page = await look(roster, "/disclosures")
    assert page.count("https://example.org/3509") == 4
    assert "https://example.org/350921" not in await look(roster, "/disclosures?county=350902")
    assert "No accounts fit" in await look(roster, "/disclosures?state=withdrawn")
    assert "https://example.org/350902" not in await look(roster, "/disclosures", **await roster.as_county("350921"))


# -- ledgers -----------------------------------------------------------------------------------------------------------


def files(book: bytes) -> dict[str, Any]:
    return {"files": {"file": ("ledger.xlsx", book)}}


async def test_a_ledger_is_tried_and_then_taken_once(roster: Roster) -> None:
    names = [name for name in ROW if name != "unit_id"]
    book = workbook(ROW | {"name": "李金丝雀"}, PLAIN | {"consented_on": None}, headings=[*names, "name"])
    done = await send(roster, "/ledgers", {"unit_id": "350902"}, **files(book))
    place = done.headers["location"].removeprefix("/roster")
    page = await look(roster, place)
    assert "nothing is recorded yet" in page
    assert "Row 3" in page
    assert "同意日期" in page
    assert (await roster.get("/volunteers"))["items"] == []
    # What was uploaded is kept sealed.
    kept = await roster.pool.fetchrow("select content, results::text as results, file_name from upload")
    assert not bytes(kept["content"]).startswith(b"PK")
    assert "金丝雀" not in kept["results"]
    for _ in range(2):
        await send(roster, f"{place}/record")
    assert "Imported." in await look(roster, place)
    assert len((await roster.get("/volunteers"))["items"]) == 1
    copy = await roster.http.get(f"/roster{place}/copy.xlsx")
    read: Any = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(copy.content))
    assert [row[-2] for row in read.get_sheet_by_index(0).to_python()[1:]] == ["已登记 registered", "未登记 refused"]
    # It is the uploader's own.
    for headers in (await roster.as_county("350902"), await roster.as_role(Role.CITY_OPERATOR)):
        await look(roster, place, 404, **headers)
        await send(roster, f"{place}/record", status=404, headers=headers)


async def test_c1_uploads_go_with_the_erased(roster: Roster) -> None:
    """Whom a list names is not known without reading it, so none of the county's is kept when somebody is erased."""
    volunteer_id = await roster.registered()
    done = await send(roster, "/ledgers", {}, **files(workbook(ROW | {"name": "李金丝雀"})))
    await roster.post(f"/volunteers/{volunteer_id}/erase", None, 200)
    assert await roster.pool.fetchval("select count(*) from upload") == 0
    assert "no such thing" in await look(roster, done.headers["location"].removeprefix("/roster"), 404)


async def test_what_is_no_ledger_is_told_beside_the_file(roster: Roster) -> None:
    assert "choose a file" in (await send(roster, "/ledgers", {"unit_id": ""}, 422)).text.lower()
    told = await send(
        roster, "/ledgers", {}, 422, **files(workbook(PLAIN | {"party": "x"}, headings=[*PLAIN, "party"]))
    )
    assert "file-error" in told.text
    assert "party" in told.text
    headers = await roster.as_county("350902")
    await send(roster, "/ledgers", {"unit_id": "350921"}, 422, headers=headers, **files(workbook(PLAIN)))


async def test_a_long_ledger_tells_how_far_it_is(roster: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_runs, "AT_FIRST", 0.0)
    monkeypatch.setattr(ledger_runs, "BEAT", 0.02)
    book = workbook(*(ROW | {"row_ref": f"r{n}"} for n in range(3000)))
    done = await send(roster, "/ledgers", {}, **files(book))
    place = done.headers["location"].removeprefix("/roster")
    seen: list[int] = []

    async def ended() -> bool:
        response = await roster.http.get(f"/roster{place}", headers=BROWSER | {"Accept-Language": "en"})
        if found := re.search(r'<progress value="(\d+)" max="3000"', response.text):
            assert response.headers["refresh"] == "1"
            seen.append(int(found[1]))
            return False
        return "rows can be registered" in response.text

    await eventually(ended, 60)
    assert seen == sorted(seen)
    assert len({*seen, 3000}) > 2
    assert "refresh" not in (await roster.http.get(f"/roster{place}", headers=BROWSER)).headers


async def test_an_interrupted_ledger_can_be_tried_again(roster: Roster) -> None:
    done = await send(roster, "/ledgers", {}, **files(workbook(ROW)))
    place = done.headers["location"].removeprefix("/roster")
    await roster.pool.execute("update ledger_run set ended_at = null, beat_at = now() - interval '1 minute'")
    assert "It was interrupted" in await look(roster, place)
    await send(roster, f"{place}/try")
    assert "rows can be registered" in await look(roster, place)


async def test_every_step_is_closed_to_another_county(roster: Roster) -> None:
    volunteer_id = await roster.registered(unit_id="350921")
    headers = await roster.as_county("350902")
    for step in ("register", "decline", "transfer", "leave", "erase", "contact", "disclose", "withdraw"):
        await look(roster, f"/volunteers/{volunteer_id}/{step}", 403, **headers)
        for form in ({}, CONSENT, {"sure": "yes"}):
            status = 404 if step == "withdraw" else 403  # it names an account that is not this volunteer's
            await send(roster, f"/volunteers/{volunteer_id}/{step}", form, status, headers=headers)
    assert (await roster.get(f"/volunteers/{volunteer_id}"))["state"] == "registered"
