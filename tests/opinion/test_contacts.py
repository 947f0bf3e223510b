"""Charter C5: contacts for the answer: sealed, looked at with an audit line, erased when the answer has been given."""

from datetime import timedelta
from typing import Any

import pytest

from services.opinion.contacts import Contacts, SealedContact
from shared.access import audit
from shared.access.roles import Role
from tests.opinion.harness import opinion_at, retention_of, signed_in, tip_body, tip_of
from tests.training.harness import JIAOCHENG, XIAPU, Service, at, refused

PHONE = "13800138000（晚上）"


async def contact(opinion: Service, tip_id: str) -> str | None:
    answer = await opinion.get(f"/tips/{tip_id}/contact")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["contact"]


async def keys(opinion: Service) -> int:
    return await opinion.pool.fetchval("select count(*) from contact_key")


async def test_c5_a_contact_is_kept_sealed_and_every_look_leaves_a_line(opinion: Service) -> None:
    tip_id = await tip_of(opinion, contact=PHONE)
    shown = (await opinion.get(f"/tips/{tip_id}")).json()
    assert (shown["has_contact"], "contact" in shown) == (True, False)
    assert await contact(opinion, tip_id) == PHONE
    row = await opinion.pool.fetchrow("select contact, key from tip join contact_key using (tip_id)")
    assert b"138001" not in row["contact"] + row["key"]
    with pytest.raises(ValueError):
        Contacts("another secret altogether").open(SealedContact(row["key"], row["contact"]))
    async with opinion.transaction() as connection:
        [line] = await audit.lines(connection, None, 10)
        assert (line["action"], line["subject"], line["details"]) == ("contact.read", f"tip/{tip_id}", {})
    told = await opinion.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert "13800138000" not in told


async def test_c5_each_contact_has_a_key_of_its_own(opinion: Service) -> None:
    for _ in range(2):
        await tip_of(opinion, contact=PHONE)
    rows = await opinion.pool.fetch("select contact, key from tip join contact_key using (tip_id)")
    contacts = Contacts(opinion.settings.secret_key.get_secret_value())
    assert contacts.open(SealedContact(rows[0]["key"], rows[0]["contact"])) == PHONE
    with pytest.raises(ValueError):
        contacts.open(SealedContact(rows[1]["key"], rows[0]["contact"]))


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([("resolve", {"outcome": "answered", "answered": True})], None),
        ([("resolve", {"outcome": "answered", "answered": True, "answer": "八月底补发。"})], None),
        ([("resolve", {"outcome": "referred", "answered": False})], PHONE),
        ([("resolve", {"outcome": "referred", "answered": False}), ("answer", {"answer": "已转交通局。"})], None),
        ([("answer", {"answer": "正在核实。"})], PHONE),
        ([("triage", {"responsible_unit_id": JIAOCHENG})], PHONE),
        ([("void", {"reason": "spam"})], None),
        ([("void", {"reason": "duplicate"})], None),
    ],
)
async def test_c5_it_is_erased_when_the_answer_has_been_given(
    opinion: Service, steps: list[tuple[str, dict[str, Any]]], left: str | None
) -> None:
    tip_id = await tip_of(opinion, contact=PHONE)
    for step, body in steps:
        answer = await opinion.post(f"/tips/{tip_id}/{step}", body)
        assert answer.status_code == 200, answer.text
    assert await contact(opinion, tip_id) == left
    assert await keys(opinion) == (left is not None)


async def test_c5_of_a_duplicate_it_stays_until_the_tip_that_stands_is_answered(opinion: Service) -> None:
    stands, first, second = [await tip_of(opinion, contact=PHONE) for _ in range(3)]
    await opinion.post(f"/tips/{second}/void", {"reason": "duplicate", "merged_into": first})
    await opinion.post(f"/tips/{first}/void", {"reason": "duplicate", "merged_into": stands})
    assert await keys(opinion) == 3
    await opinion.post(f"/tips/{stands}/resolve", {"outcome": "answered", "answered": True})
    assert await keys(opinion) == 0


async def test_c5_the_job_erases_contacts_at_the_latest_with_the_text(database_url: str) -> None:
    async with opinion_at(database_url, story_mode=True) as opinion:
        tip_id = await tip_of(opinion, contact=PHONE)
        resolved_at = at("2014-08-04 09:00")
        body = {"outcome": "referred", "answered": False, "resolved_at": resolved_at.isoformat()}
        await opinion.post(f"/tips/{tip_id}/resolve", body, Qingsheng_Story_Time=resolved_at.isoformat())
        retention = retention_of(opinion)
        for days, erased in ((180, 0), (181, 1), (182, 0)):
            with retention._clock.told(resolved_at + timedelta(days=days)):
                async with opinion.transaction() as connection:
                    assert await retention.erase_needless_contacts(connection) == erased
        assert await keys(opinion) == 0


async def test_c5_texts_and_answers_go_in_the_storys_time(database_url: str) -> None:
    async with opinion_at(database_url, story_mode=True, tip_text_days=30) as opinion:
        tip_id = await tip_of(opinion)
        resolved_at = at("2014-08-04 09:00")
        body = {"outcome": "answered", "answered": True, "answer": "已补发。", "resolved_at": resolved_at.isoformat()}
        answer = await opinion.post(f"/tips/{tip_id}/resolve", body, Qingsheng_Story_Time=resolved_at.isoformat())
        assert answer.status_code == 200, answer.text
        retention = retention_of(opinion)
        for days, erased in ((30, 0), (31, 1), (32, 0)):
            with retention._clock.told(resolved_at + timedelta(days=days)):
                async with opinion.transaction() as connection:
                    assert await retention.erase_old_texts(connection) == erased
        shown = (await opinion.get(f"/tips/{tip_id}")).json()
        assert (shown["text"], shown["answer"], shown["text_erased_at"]) == (None, None, "2014-09-04T01:00:00Z")


async def test_contacts_are_for_operators_who_see_to_the_tip(opinion: Service) -> None:
    tip_id = await tip_of(opinion, contact=PHONE)
    for role, county, status in (
        (Role.COUNTY_OPERATOR, JIAOCHENG, 200),
        (Role.CITY_OPERATOR, None, 200),
        (Role.COUNTY_OPERATOR, XIAPU, 403),
        (Role.COMMITTEE, None, 403),
        (Role.AUDITOR, None, 403),
    ):
        async with signed_in(opinion, role, county=county) as desk:
            assert (await desk.get(f"/tips/{tip_id}/contact")).status_code == status, (role, county)
    async with signed_in(opinion) as nobody:
        assert refused(await nobody.get(f"/tips/{tip_id}/contact"))[:2] == (401, "unauthorized")


async def test_a_contact_is_short(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit())
    assert refused(await opinion.post("/tips", tip_body(contact="1" * 201))) == (422, "schema", "/contact")
    assert refused(await opinion.post("/tips", tip_body(contact=""))) == (422, "schema", "/contact")
