"""What is personal: sealed, recognised without being read, read with an audit line, given out, and erased for good."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import python_calamine

from services.roster import personal
from services.roster.personal import Contact, Sealed, Vault
from shared.access import audit
from shared.contracts.refusals import Refusal
from tests.roster.harness import ACCOUNT, CONSENT, MEMBER, PLAIN, ROW, Roster, fact, workbook
from tests.support.services import SECRET

CANARY = {
    "name": "李金丝雀",
    "phone": "138 0593 1417",
    "email": "Canary.Li@Example.ORG",
    "handles": {"wechat": "canary-wx", "weibo": "canary-wb"},
}
KEPT = CANARY | {
    "phone": "+8613805931417",
    "email": "canary.li@example.org",
    "handles": {"wechat": "canary-wx", "weibo": "canary-wb"},
}
TRACES = ("金丝雀", "3805931417", "canary", "Canary")


async def everything_stored(roster: Roster) -> str:
    """The text of every row of every table of the whole database; bytes as hex and as text."""
    connection = await asyncpg.connect(roster.settings.database_url)
    try:
        tables = await connection.fetch(
            """select format('%I.%I', table_schema, table_name) as name from information_schema.tables
               where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')"""
        )
        rows = [row for table in tables for row in await connection.fetch(f"select * from {table['name']}")]
    finally:
        await connection.close()
    return "\n".join(
        f"{dict(row)} {[bytes(v).decode('utf-8', 'replace') for v in row if isinstance(v, bytes)]}" for row in rows
    )


def traces(stored: str) -> list[str]:
    shown = [json.dumps(trace)[1:-1] for trace in TRACES]
    return [trace for trace in {*TRACES, *shown} if trace in stored]


# -- the vault ---------------------------------------------------------------------------------------------------------


def test_a_contact_opens_under_its_own_person_and_secret_only() -> None:
    one, other = uuid4(), uuid4()
    vault, contact = Vault(SECRET), Contact("张三", "+8613800138000")
    sealed = vault.seal(one, contact)
    assert vault.open(one, sealed) == contact
    mine = vault.seal(other, Contact("李四"))
    for attempt in (
        lambda: vault.open(other, sealed),
        lambda: Vault("another secret of tests").open(one, sealed),
        lambda: vault.open(one, Sealed(mine.wrapped_key, sealed.sealed)),
        lambda: vault.open(one, Sealed(sealed.wrapped_key, sealed.sealed[:-1] + b"x")),
        lambda: vault.open(one, Sealed(b"", sealed.sealed)),
    ):
        with pytest.raises(ValueError, match="do not open"):
            attempt()
    assert vault.seal(one, contact, sealed.wrapped_key) != sealed  # never the same bytes twice


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("13800138000", "+8613800138000"),
        ("138-0013-8000", "+8613800138000"),
        ("+86 138 0013 8000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("0593-2822222", "+865932822222"),
        ("+44 20 7946 0958", "+442079460958"),
        ("  ", None),
    ],
)
def test_phones_are_kept_in_one_form(written: str, kept: str | None) -> None:
    assert personal.normalised({"phone": written}).phone == kept


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ({"phone": "call me"}, "/phone"),
        ({"phone": "12"}, "/phone"),
        ({"email": "nobody"}, "/email"),
        ({"email": "a@b@c.d"}, "/email"),
        ({"name": "a\nb"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"handles": {"weibo": "a\x00"}}, "/handles/weibo"),
    ],
)
def test_what_is_no_contact_is_refused_and_not_quoted(told: Any, pointer: str) -> None:
    with pytest.raises(Refusal) as caught:
        personal.normalised(told)
    assert (caught.value.code, caught.value.pointer) == ("schema", pointer)
    value = next(iter(told.values()))
    assert not isinstance(value, str) or value not in str(caught.value.message)


def test_the_same_person_has_the_same_hash_however_it_is_written() -> None:
    vault = Vault(SECRET)
    one = vault.hashes(personal.normalised({"phone": "138 0593 1417", "email": "A@Example.org"}))
    assert vault.hashes(personal.normalised({"phone": "+8613805931417", "email": "a@eXample.ORG"})) == one
    assert Vault("another secret of tests").hashes(Contact(phone="+8613805931417"))["phone"] != one["phone"]


# -- kept and read -----------------------------------------------------------------------------------------------------


async def test_c11_a_contact_is_kept_sealed_and_every_look_leaves_an_audit_line(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    told = await roster.keep(volunteer_id, CANARY)
    assert told == {"volunteer_id": volunteer_id, "fields": ["name", "phone", "email", "handles"]}
    path = f"/volunteers/{volunteer_id}/contact"
    assert await roster.get(path) == KEPT
    assert await roster.get(path) == KEPT
    lines = [(line["actor"], line["action"], line["subject"]) for line in await roster.audited()]
    about = f"volunteer/{volunteer_id}"
    assert lines == [
        ("tester", "contacts.compared", "city"),
        ("tester", "contact.changed", about),
        ("tester", "contact.read", about),
        ("tester", "contact.read", about),
    ]
    assert await audit.first_broken_line(roster.pool) is None
    assert traces(await everything_stored(roster)) == []
    response = await roster.http.get(f"/roster/api/v1{path}")
    assert response.headers["cache-control"] == "no-store"


async def test_changing_a_contact_names_the_version_read(roster: Roster) -> None:
    volunteer_id = await roster.registered()
    path = f"/volunteers/{volunteer_id}/contact"
    assert (await roster.put(path, CANARY, 428))["code"] == "version_required"
    assert (await roster.put(path, CANARY, 412, headers={"If-Match": '"1"'}))["code"] == "version_conflict"
    version = (await roster.get(f"/volunteers/{volunteer_id}"))["version"]
    await roster.put(path, CANARY, 200, headers={"If-Match": f'"{version}"'})
    assert (await roster.get(f"/volunteers/{volunteer_id}"))["version"] == version + 1
    assert (await roster.keep(str(uuid4()), CANARY, 404))["code"] == "not_found"
    assert (await roster.get(f"/volunteers/{uuid4()}/contact", 404))["code"] == "not_found"
    # Nothing kept yet is an empty contact; what is put anew takes the place of all that stood there.
    await roster.keep(volunteer_id, {"name": "张三"})
    assert await roster.get(path) == {"name": "张三", "phone": None, "email": None, "handles": {}}


async def test_events_carry_nothing_personal(roster: Roster) -> None:
    told = await roster.post("/volunteers", MEMBER | {"contact": CANARY}, 201)
    assert "contact" not in told
    await roster.post(f"/volunteers/{told['volunteer_id']}/register", CONSENT, 200)
    values = await roster.pool.fetch("select value from outbox")
    assert traces("".join(bytes(row["value"]).decode() for row in values)) == []


# -- the same person ---------------------------------------------------------------------------------------------------


async def test_who_is_known_is_told_without_being_read(roster: Roster) -> None:
    first = (await roster.post("/volunteers", MEMBER | {"contact": CANARY}, 201))["volunteer_id"]
    elsewhere = MEMBER | {"unit_id": "350921", "contact": {"phone": "+86-138-0593-1417"}}
    second = await roster.post("/volunteers", elsewhere, 201)
    assert second["possible_duplicate_of"] == [first]
    other_team = await roster.post("/volunteers", MEMBER | {"team": "city", "contact": {"email": KEPT["email"]}}, 201)
    assert other_team["possible_duplicate_of"] == [first]
    refused = await roster.post("/volunteers", MEMBER | {"contact": {"phone": "13805931417"}}, 409)
    assert (refused["code"], refused["pointer"]) == ("duplicate_volunteer", "/contact")
    assert first in refused["message"]["en"]
    assert await roster.audited("contact.read") == []
    # Who was declined may be proposed again; who is nobody's double is not mentioned.
    await roster.post(f"/volunteers/{first}/decline", {"reason": "other"}, 200)
    again = await roster.post("/volunteers", MEMBER | {"contact": CANARY}, 201)
    assert set(again["possible_duplicate_of"]) == {first, second["volunteer_id"], other_team["volunteer_id"]}
    assert "possible_duplicate_of" not in await roster.post("/volunteers", MEMBER | {"contact": {"name": "王五"}}, 201)
    told = await roster.keep(again["volunteer_id"], {"phone": "13805931417"})
    assert set(told["possible_duplicate_of"]) == {first, second["volunteer_id"]}


async def test_a_ledger_recognises_people_too(roster: Roster) -> None:
    first = (await roster.post("/volunteers", MEMBER | {"contact": CANARY}, 201))["volunteer_id"]
    book = workbook(
        PLAIN | {"phone": 13805931417, "name": "李"},
        PLAIN | {"unit_id": "350921", "phone": "13805931417"},
        PLAIN | {"phone": "13900000001"},
        PLAIN | {"phone": "+86 139 0000 0001"},
        PLAIN | {"phone": "12"},
    )
    for dry_run in (True, False):
        told = await roster.send(book, dry_run=dry_run)
        assert [(row["status"], row.get("code"), row.get("pointer")) for row in told["rows"]] == [
            ("refused", "duplicate_volunteer", "/contact"),
            ("registered", None, None),
            ("registered", None, None),
            ("refused", "duplicate_volunteer", "/contact"),
            ("refused", "schema", "/phone"),
        ]
        assert told["rows"][1]["possible_duplicate_of"] == [first]
        assert told["contacts_kept"] == 2
        assert "3805931417" not in json.dumps(told)
    [line] = await roster.audited("contacts.imported")
    assert line["details"]["volunteers"] == [row["volunteer_id"] for row in told["rows"][1:3]]


async def test_a_ledger_sent_again_with_contacts_fills_them_in(roster: Roster) -> None:
    volunteer_id = (await roster.send(workbook(ROW)))["rows"][0]["volunteer_id"]
    with_phone = await roster.send(workbook(ROW | {"phone": "13805931417"}))
    assert (with_phone["already_registered"], with_phone["contacts_kept"]) == (1, 1)
    with_name = await roster.send(workbook(ROW | {"name": "李"}))
    assert with_name["rows"][0]["contact_kept"]
    again = await roster.send(workbook(ROW | {"name": "李", "phone": "138 0593 1417"}))
    assert again["contacts_kept"] == 0
    found = await roster.get(f"/volunteers/{volunteer_id}/contact")
    assert (found["name"], found["phone"]) == ("李", "+8613805931417")


# -- given out and erased ----------------------------------------------------------------------------------------------


async def test_c1_a_volunteer_gets_all_that_is_held_of_them(roster: Roster) -> None:
    volunteer_id = (await roster.send(workbook(ROW | {"name": "李金丝雀"})))["rows"][0]["volunteer_id"]
    await roster.get(f"/volunteers/{volunteer_id}/contact")
    other = await roster.registered()
    await roster.keep(other, {"name": "别人"})
    response = await roster.http.get(f"/roster/api/v1/volunteers/{volunteer_id}/export")
    assert response.headers["content-disposition"].startswith("attachment")
    found = response.json()
    assert found["contact"]["name"] == "李金丝雀"
    assert found["volunteer"]["consented_on"] == ROW["consented_on"]
    assert [each["disclosure_url"] for each in found["volunteer"]["accounts"]] == [ROW["disclosure_url"]]
    assert [each["kind"] for each in found["volunteer"]["movements"]] == ["registered"]
    assert found["ledger_rows"] == [{"unit_id": "350902", "row_ref": "r1"}]
    assert [each["action"] for each in found["looked_at"]] == [
        "contacts.imported",
        "contact.read",
        "volunteer.exported",
    ]
    assert "别人" not in response.text


async def test_c1_after_erasure_nothing_can_be_read(roster: Roster) -> None:
    told = await roster.send(
        workbook(
            ROW | {"phone": CANARY["phone"], "row_ref": "canary-row", "disclosure_url": "https://example.org/canary"}
        )
    )
    volunteer_id = told["rows"][0]["volunteer_id"]
    await roster.keep(volunteer_id, CANARY)
    key = {"Idempotency-Key": "canary"}
    second = ACCOUNT | {"disclosure_url": "https://example.org/canary"}
    await roster.post(f"/volunteers/{volunteer_id}/accounts", second, 201, headers=key)
    before = await roster.pool.fetchrow("select wrapped_key, sealed from contact")
    hashes = [row["hash"] for row in await roster.pool.fetch("select hash from contact_hash")]
    assert len(hashes) == 2
    done = await roster.post(f"/volunteers/{volunteer_id}/erase", None, 200)
    assert done == {"volunteer_id": volunteer_id, "erased": True}

    stored = await everything_stored(roster)
    # The unit's own reference of the row stays, so that the row is not taken again; it leads to nobody.
    assert traces(stored.replace("canary-row", "")) == []
    assert await roster.pool.fetchval("select volunteer_id from ledger_row where row_ref = 'canary-row'") is None
    for secret in (before["wrapped_key"], before["sealed"], *hashes):
        assert str(bytes(secret)) not in stored
    assert await roster.get(f"/volunteers/{volunteer_id}/contact") == {
        "name": None,
        "phone": None,
        "email": None,
        "handles": {},
    }
    # Even whoever kept the sealed bytes has no key to them: a new one opens nothing.
    vault = Vault(SECRET)
    fresh = vault.seal(UUID(volunteer_id), Contact())
    with pytest.raises(ValueError, match="do not open"):
        vault.open(UUID(volunteer_id), Sealed(fresh.wrapped_key, bytes(before["sealed"])))

    facts = [(fact(event), event.sequence) for event in await roster.events(volunteer_id)]
    assert [name for name, _ in facts[-3:]] == ["account_withdrawn", "account_withdrawn", "volunteer_left"]
    found = await roster.get(f"/volunteers/{volunteer_id}")
    assert found["state"] == "left"
    assert all(each["withdrawn_at"] and each["disclosure_url"] is None for each in found["accounts"])


async def test_c1_erasure_takes_no_reason_leaves_no_mark_and_can_be_said_twice(roster: Roster) -> None:
    nominated, left = await roster.nominated(contact=CANARY), await roster.registered()
    await roster.post(f"/volunteers/{left}/leave", None, 200)
    for volunteer_id in (nominated, left, nominated):
        assert (await roster.post(f"/volunteers/{volunteer_id}/erase", None, 200))["erased"]
    [declined] = [event.data for event in await roster.events(nominated) if fact(event) == "volunteer_declined"]
    assert declined.reason == "withdrawn"
    assert [fact(event) for event in await roster.events(left)][-1] == "volunteer_left"
    assert (await roster.post(f"/volunteers/{uuid4()}/erase", None, 404))["code"] == "not_found"
    # The same person may come again, as somebody new.
    again = await roster.post("/volunteers", MEMBER | {"contact": CANARY}, 201)
    assert "possible_duplicate_of" not in again


async def test_c1_the_id_of_the_erased_is_used_no_more(roster: Roster) -> None:
    told = await roster.send(workbook(ROW))
    volunteer_id = told["rows"][0]["volunteer_id"]
    await roster.post(f"/volunteers/{volunteer_id}/erase", None, 200)
    path = f"/volunteers/{volunteer_id}"
    calls: dict[str, Any] = {"register": CONSENT, "decline": {"reason": "other"}, "leave": None, "accounts": ACCOUNT}
    for call, body in calls.items():
        assert (await roster.post(f"{path}/{call}", body, 409))["code"] == "erased", call
    assert (await roster.keep(volunteer_id, CANARY, 409))["code"] == "erased"
    [row] = (await roster.send(workbook(ROW | {"phone": "13805931417"})))["rows"]
    assert (row["status"], row["code"]) == ("refused", "erased")
    assert (await roster.get("/volunteers?ref=r1"))["items"] == []


# -- lists of contacts -------------------------------------------------------------------------------------------------


async def test_a_contact_list_has_a_reason_and_an_audit_line(roster: Roster) -> None:
    evil = {
        "name": '=HYPERLINK("https://example.org")',
        "phone": "13800138000",
        "handles": {"wechat": "@cmd", "other": "-1+1"},
    }
    listed, other_team = await roster.registered(), await roster.registered(team="city")
    nominated, foreign = await roster.nominated(), await roster.registered(unit_id="350921")
    for each in (other_team, nominated, foreign):
        await roster.keep(each, {"name": "别人"})
    await roster.keep(listed, evil)
    call = {"unit_id": "350902", "team": "county", "reason": "通知五月培训"}
    for wrong in ({"reason": ""}, {"reason": "    x    "}, {"reason": "打给 13800138000"}, {"team": "x"}):
        told = await roster.post("/contact-lists", call | wrong, 422)
        assert told["code"] in ("schema", "personal_data")
    assert (await roster.post("/contact-lists", {"unit_id": "350902"}, 422))["pointer"] == "/reason"
    assert await roster.audited("contacts.exported") == []
    response = await roster.http.post("/roster/api/v1/contact-lists", json=call)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    rows: Any = (
        python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(response.content)).get_sheet_by_index(0).to_python()
    )
    assert [row[0] for row in rows[1:]] == [listed]
    assert rows[1][2:] == ["county", evil["name"], "+8613800138000", "", "", "@cmd", "-1+1"]
    # Written as texts: no cell is a formula.
    with zipfile.ZipFile(io.BytesIO(response.content)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert 'quotePrefix="1"' in book.read("xl/styles.xml").decode()
    [line] = await roster.audited("contacts.exported")
    assert (line["actor"], line["subject"]) == ("tester", "unit/350902")
    assert line["details"] == {"team": "county", "reason": "通知五月培训", "volunteers": [listed]}
    assert (await roster.post("/contact-lists", call | {"unit_id": "999999"}, 404))["code"] == "not_found"
