"""Who is a volunteer is not found out by guessing, and nobody's key or erasure reaches another's work."""

from typing import Any

import pytest

from services.roster import comparing
from shared.access.roles import Role
from tests.roster.conftest import roster as roster
from tests.roster.harness import CONSENT, MEMBER, PLAIN, ROW, Roster, workbook

PHONE = "13805931417"
NOBODYS = "13900000009"
HTML = {"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"}
XIAPU = {"unit_id": "350921"}


def _without_ids(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name != "volunteer_id"}


async def _send(roster: Roster, headers: dict[str, str], *rows: dict[str, Any], dry_run: bool) -> Any:
    return await roster.send(workbook(*rows), dry_run=dry_run, **headers)


@pytest.mark.parametrize("state", ["nominated", "registered", "declined", "left"])
async def test_no_answer_tells_a_county_who_volunteers_in_another(roster: Roster, state: str) -> None:
    """Status, body and what is shown later are those of a contact that nobody has."""
    first = await roster.nominated(contact={"phone": PHONE, "email": "a@example.org"})
    if state in ("registered", "left"):
        await roster.post(f"/volunteers/{first}/register", CONSENT, 200)
    if state == "left":
        await roster.post(f"/volunteers/{first}/leave", None, 200)
    if state == "declined":
        await roster.post(f"/volunteers/{first}/decline", {"reason": "other"}, 200)
    theirs = await roster.as_county("350921")
    answers: dict[str, list[Any]] = {}
    for phone in (PHONE, NOBODYS):
        told = await roster.post("/volunteers", MEMBER | XIAPU | {"contact": {"phone": phone}}, 201, headers=theirs)
        here = f"/volunteers/{told['volunteer_id']}"
        found = await roster.get(here, headers=theirs)
        more = theirs | {"If-Match": "*"}
        blank = (await roster.post("/volunteers", MEMBER | XIAPU, 201, headers=theirs))["volunteer_id"]
        kept = await roster.put(f"/volunteers/{blank}/contact", {"phone": phone}, 200, headers=more)
        # The same contact is the own county's by now: it is named there, and there alone.
        assert kept.pop("possible_duplicate_of") == [told["volunteer_id"]]
        row = PLAIN | XIAPU | {"team": "city", "phone": phone}
        tried = await _send(roster, theirs, row, dry_run=True)
        assert set(tried["rows"][0].pop("possible_duplicate_of")) == {told["volunteer_id"], blank}
        page = await roster.http.post(
            "/roster/nominate",
            data=MEMBER | XIAPU | {"team": "city", "phone": phone},
            headers=theirs | HTML,
            follow_redirects=False,
        )
        assert (page.status_code, first in page.headers["location"]) == (303, False)
        registered = await roster.post(f"{here}/register", CONSENT, 200, headers=theirs)
        shown = await roster.http.get(f"/roster{here}", headers=theirs | HTML)
        review = await roster.http.get("/roster/review", headers=theirs | HTML)
        assert first not in shown.text + review.text
        assert "another county" not in shown.text + review.text
        answers[phone] = [_without_ids(each) for each in (told, found, kept, registered)] + [tried]
    assert answers[PHONE] == answers[NOBODYS]
    # The city's operator is told, on the desk and at each of the two.
    desk = (await roster.http.get("/roster/review", headers=HTML)).text
    assert ("Volunteers of two counties" in desk, first in desk) == (
        (True, True) if state != "declined" else (False, False)
    )


async def test_a_trial_and_a_record_of_a_ledger_tell_a_county_nothing_of_another(roster: Roster) -> None:
    await roster.registered(contact={"phone": PHONE})
    theirs = await roster.as_county("350921")
    for dry_run in (True, False):
        rows = [PLAIN | XIAPU | {"phone": phone} for phone in (PHONE, NOBODYS)]
        told = await _send(roster, theirs, *rows, dry_run=dry_run)
        one, other = ({n: v for n, v in row.items() if n not in ("row", "volunteer_id")} for row in told["rows"])
        assert one == other == {"status": "registered", "account_id": None, "contact_kept": True}


async def test_the_citys_operator_sees_who_volunteers_in_two_counties(roster: Roster) -> None:
    first = await roster.registered(contact={"phone": PHONE})
    theirs = await roster.as_county("350921")
    second = await roster.post("/volunteers", MEMBER | XIAPU | {"contact": {"phone": PHONE}}, 201, headers=theirs)
    city = await roster.as_role(Role.CITY_OPERATOR)
    for path in ("/roster/review", f"/roster/volunteers/{second['volunteer_id']}"):
        shown = (await roster.http.get(path, headers=city | HTML)).text
        assert "Also a volunteer in another county" in shown
        assert f"/roster/volunteers/{first}" in shown
    # Who may read but decides nothing is not told.
    auditor = await roster.as_role(Role.AUDITOR)
    shown = await roster.http.get(f"/roster/volunteers/{second['volunteer_id']}", headers=auditor | HTML)
    assert first not in shown.text
    await roster.post(f"/volunteers/{first}/erase", None, 200)
    assert "another county" not in (await roster.http.get("/roster/review", headers=city | HTML)).text


async def test_every_comparison_leaves_a_line_also_a_rolled_back_one(roster: Roster) -> None:
    await roster.registered(contact={"phone": PHONE})
    theirs = await roster.as_county("350902")
    before = len(await roster.audited("contacts.compared"))
    await _send(roster, theirs, PLAIN | {"phone": PHONE}, PLAIN | {"email": "b@example.org"}, dry_run=True)
    await roster.post("/volunteers", MEMBER | {"contact": {"phone": PHONE}}, 409, headers=theirs)
    other = await roster.nominated()
    path = f"/volunteers/{other}/contact"
    await roster.put(path, {"phone": PHONE}, 412, headers=theirs | {"If-Match": '"99"'})
    form = {"phone": PHONE, "email": "no address"} | MEMBER
    assert (await roster.http.post("/roster/nominate", data=form, headers=theirs | HTML)).status_code == 422
    await roster.http.post("/roster/nominate", data=MEMBER | {"phone": PHONE}, headers=theirs | HTML)
    await roster.http.post(f"/roster/volunteers/{other}/contact", data={"phone": PHONE}, headers=theirs | HTML)
    files = {"file": ("ledger.xlsx", workbook(PLAIN | {"phone": PHONE}))}
    done = await roster.http.post("/roster/ledgers", files=files, headers=theirs | HTML, follow_redirects=False)
    assert done.status_code == 303
    lines = (await roster.audited("contacts.compared"))[before:]
    assert [line["details"]["contacts"] for line in lines] == [2, 1, 1, 1, 1, 1]
    assert {(line["actor"], line["subject"]) for line in lines} == {("county_operator-350902", "county/350902")}
    assert PHONE not in str(lines)


async def test_a_county_has_a_budget_of_comparisons(roster: Roster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "CAPACITY", 3)
    monkeypatch.setattr(comparing, "PER_HOUR", 1)
    theirs, others = await roster.as_county("350902"), await roster.as_county("350921")
    rows = [PLAIN | {"phone": f"1380000000{n}"} for n in range(5)]
    assert (await _send(roster, theirs, *rows, dry_run=True))["registered"] == 5, "one list of any length passes"
    told = await _send(roster, theirs, rows[0], dry_run=True)
    assert told["code"] == "rate_limited"
    contact = {"contact": {"phone": PHONE}}
    assert (await roster.post("/volunteers", MEMBER | contact, 429, headers=theirs))["code"] == "rate_limited"
    files = {"file": ("ledger.xlsx", workbook(rows[0]))}
    done = await roster.http.post("/roster/ledgers", files=files, headers=theirs | HTML, follow_redirects=False)
    place = done.headers["location"]
    await roster.http.post(f"{place}/record", headers=theirs | HTML)
    assert (await roster.get("/volunteers"))["items"] == [], "a list that was never tried is not recorded for nothing"
    assert [line["details"].get("refused") for line in await roster.audited("contacts.compared")][-2:] == [True, True]
    # What compares nothing goes on, and so do another county and the city.
    await roster.post("/volunteers", MEMBER, 201, headers=theirs)
    await roster.post("/volunteers", MEMBER | XIAPU | contact, 201, headers=others)
    await roster.post("/volunteers", MEMBER | {"contact": {"phone": NOBODYS}}, 201)


async def test_a_list_that_was_tried_is_recorded_within_its_budget(
    roster: Roster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "CAPACITY", 1)
    monkeypatch.setattr(comparing, "PER_HOUR", 1)
    theirs = await roster.as_county("350902")
    files = {"file": ("ledger.xlsx", workbook(PLAIN | {"phone": PHONE}, PLAIN | {"phone": NOBODYS}))}
    done = await roster.http.post("/roster/ledgers", files=files, headers=theirs | HTML, follow_redirects=False)
    await roster.http.post(f"{done.headers['location']}/record", headers=theirs | HTML)
    assert len((await roster.get("/volunteers"))["items"]) == 2


# -- what is somebody's own --------------------------------------------------------------------------------------------


async def test_an_idempotency_key_is_its_senders_own(roster: Roster) -> None:
    mine, theirs = await roster.as_county("350902"), await roster.as_county("350921")
    key = {"Idempotency-Key": "monday"}
    first = await roster.post("/volunteers", MEMBER, 201, headers=mine | key)
    # The very same request, which the other one may not make: no stored answer takes the refusal's place.
    assert (await roster.post("/volunteers", MEMBER, 403, headers=theirs | key))["code"] == "forbidden"
    other = await roster.post("/volunteers", MEMBER | XIAPU, 201, headers=theirs | key)
    assert other["volunteer_id"] != first["volunteer_id"]
    again = [await roster.post("/volunteers", MEMBER, 201, headers=mine | key) for _ in range(2)]
    assert again == [first, first]
    assert (await roster.post("/volunteers", MEMBER | {"team": "city"}, 409, headers=mine | key))["code"] == (
        "idempotency_key_reused"
    )


async def test_an_erasure_leaves_other_counties_uploads(roster: Roster) -> None:
    mine, theirs = await roster.as_county("350902"), await roster.as_county("350921")
    city = await roster.as_role(Role.CITY_OPERATOR)

    async def upload(headers: dict[str, str], unit_id: str) -> str:
        files = {"file": ("ledger.xlsx", workbook(ROW | {"unit_id": unit_id, "name": "李金丝雀"}))}
        done = await roster.http.post("/roster/ledgers", files=files, headers=headers | HTML, follow_redirects=False)
        assert done.status_code == 303, done.text
        return done.headers["location"]

    kept = [(theirs, await upload(theirs, "350921")), (city, await upload(city, "350921"))]
    gone = [(mine, await upload(mine, "350902")), (city, await upload(city, "350902"))]
    volunteer_id = (await roster.post("/volunteers", MEMBER, 201, headers=mine))["volunteer_id"]
    await roster.post(f"/volunteers/{volunteer_id}/erase", None, 200, headers=mine)
    for expected, uploads in ((200, kept), (404, gone)):
        for headers, place in uploads:
            assert (await roster.http.get(place, headers=headers | HTML)).status_code == expected
    assert await roster.pool.fetchval("select count(*) from upload") == 2
