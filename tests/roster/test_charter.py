"""What the charter asks of the roster."""

import json
from typing import Any

from tests.contracts.test_charter import FORBIDDEN
from tests.roster.harness import ACCOUNT, CONSENT, MEMBER, MOVE, PLAIN, ROW, UNIT, Roster, fact, workbook


async def test_c1_nobody_is_registered_without_consent(roster: Roster) -> None:
    path = f"/volunteers/{await roster.nominated()}/register"
    for body in ({}, {"consented_on": None}, {"consented_on": "2014-05-02"}):
        told = await roster.post(path, {"registered_on": "2014-05-01"} | body, 422)
        assert (told["code"], told["pointer"]) == ("no_consent", "/consented_on")
        assert told["message"]["zh"]
        assert told["message"]["en"]
    assert "volunteer_registered" not in map(fact, await roster.events())


async def test_c1_a_ledger_registers_nobody_without_consent(roster: Roster) -> None:
    told = await roster.send(workbook(PLAIN | {"consented_on": None}, PLAIN | {"consented_on": "2014-05-02"}))
    assert [(row["code"], row["pointer"]) for row in told["rows"]] == [("no_consent", "/consented_on")] * 2
    assert "volunteer_registered" not in map(fact, await roster.events())


async def test_c1_consent_travels_with_the_event(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    assert str((await roster.events(volunteer_id))[1].data.consented_on) == CONSENT["consented_on"]


async def test_c1_leaving_takes_no_reason(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    told = await roster.post(f"/volunteers/{volunteer_id}/leave", {"reason": "x"}, 422)
    assert (told["code"], told["pointer"]) == ("schema", "/reason")
    assert (await roster.post(f"/volunteers/{volunteer_id}/leave", None, 200))["state"] == "left"


async def test_c2_an_account_is_published_with_the_moment_it_was_verified(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    before = ACCOUNT | {"verified_at": "2014-05-03T08:00:00+08:00"}
    assert (await roster.post(f"/volunteers/{volunteer_id}/accounts", before, 201))["verified_at"].startswith("2014-05")
    await roster.post(f"/volunteers/{volunteer_id}/accounts", ACCOUNT, 201)
    # A ledger that says nothing of a verification is seen by who imports it, and not before.
    await roster.send(workbook(ROW | {"verified_at": None}))
    *_, entered, imported = [event for event in await roster.events() if fact(event) == "account_disclosed"]
    for event in (entered, imported):
        assert event.data.verified_at.year > 2014
        assert event.data.verified_at <= event.recordedtime


async def test_c9_fields_that_are_not_asked_for_are_refused(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    calls: dict[str, dict[str, Any]] = {
        "/units": UNIT,
        "/volunteers": MEMBER,
        f"/volunteers/{volunteer_id}/register": CONSENT,
        f"/volunteers/{volunteer_id}/decline": {"reason": "other"},
        f"/volunteers/{volunteer_id}/transfer": MOVE,
        f"/volunteers/{volunteer_id}/leave": {},
        f"/volunteers/{volunteer_id}/accounts": ACCOUNT,
    }
    for field in ("party", "religion", "ethnicity", "health", "phone", "handle", "penalty"):
        for path, body in calls.items():
            told = await roster.post(path, body | {field: "x"}, 422)
            assert (told["code"], told["pointer"]) == ("schema", f"/{field}"), path


async def test_c9_a_ledger_with_such_a_column_is_refused_whole(roster: Roster) -> None:
    for heading in ("党员", "民族", "party", "religion", "ethnicity", "health", "身份证号", "住址"):
        told = await roster.send(workbook(PLAIN | {heading: "x"}, headings=[*PLAIN, heading]))
        assert told["code"] == "schema"
        assert heading in told["message"]["zh"]
        assert heading in told["message"]["en"]
    assert await roster.pool.fetchval("select count(*) from volunteer") == 0


async def test_c9_what_stands_under_no_heading_is_refused(roster: Roster) -> None:
    told = await roster.send(workbook(PLAIN | {"": "x"}, PLAIN, headings=[*PLAIN, ""]))
    assert [(row["status"], row.get("code")) for row in told["rows"]] == [("refused", "schema"), ("registered", None)]


async def test_no_names_phones_or_handles_are_kept(roster: Roster) -> None:
    told = await roster.send(workbook(ROW | {"row_ref": "13800138000"}, ROW | {"row_ref": "张三"}))
    assert [(row["code"], row["pointer"]) for row in told["rows"]] == [
        ("personal_data", "/row_ref"),
        ("schema", "/row_ref"),
    ]
    assert "13800138000" not in json.dumps(told)


async def test_c3_c9_no_such_name_in_the_openapi_document(roster: Roster) -> None:
    """What is personal is asked for in one place, the contact of a volunteer."""
    document = (await roster.http.get("/roster/openapi.json")).json()
    schemas = {name: set(schema.get("properties", ())) for name, schema in document["components"]["schemas"].items()}
    found = {name: schemas[name] & FORBIDDEN for name in schemas if schemas[name] & FORBIDDEN}
    assert found == {"PersonalContact": {"phone", "email"}, "Nominate": {"contact"}}
    assert {"consented_on", "disclosure_url"} <= set.union(*schemas.values())
