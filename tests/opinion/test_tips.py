"""Tips over HTTP, on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.opinion.harness import opinion_at, tip_body, tip_of
from tests.training.harness import GUTIAN, JIAOCHENG, XIAPU, Service, at, refused

SOON = timedelta(minutes=5)


async def test_a_wish_from_report_to_resolution(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit("350902-TW", JIAOCHENG), opinion.roster.unit(XIAPU))
    volunteer = await opinion.volunteer()
    body = tip_body(unit_id="350902-TW", relayed_by=str(volunteer))
    answer = await opinion.post("/tips", body)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    tip = answer.json()
    text = body.pop("text")
    assert tip == {
        **body,
        "reported_at": "2014-07-28T02:00:00Z",
        "tip_id": tip["tip_id"],
        "county": JIAOCHENG,
        "state": "reported",
        "due_on": "2014-08-04",
        "overdue": True,
        "assigned_to": None,
        "has_contact": False,
        "triaged": None,
        "resolved": None,
        "voided": None,
    }
    path = f"/tips/{tip['tip_id']}"
    shown = await opinion.get(path)
    assert (shown.json(), shown.headers["etag"]) == (
        tip | {"text": text, "text_erased_at": None, "answer": None, "answer_at": None},
        '"1"',
    )

    triage = {"responsible_unit_id": XIAPU, "triaged_at": at("2014-07-29 09:00").isoformat()}
    answer = await opinion.post(f"{path}/triage", triage, If_Match='"1"')
    assert (answer.status_code, answer.json()["state"], answer.headers["etag"]) == (200, "triaged", '"2"')
    assert answer.json()["triaged"] == {"at": "2014-07-29T01:00:00Z", "responsible_unit_id": XIAPU}
    action = {"title": "青年交友联谊晚会", "held_on": "2014-08-02", "participants": 300}
    resolve = {
        "outcome": "acted",
        "answered": True,
        "action": action,
        "resolved_at": at("2014-08-04 09:00").isoformat(),
    }
    answer = await opinion.post(f"{path}/resolve", resolve, If_Match='"2"')
    assert (answer.status_code, answer.json()["state"], answer.headers["etag"]) == (200, "resolved", '"3"')
    assert answer.json()["resolved"] == {
        "at": "2014-08-04T01:00:00Z",
        "outcome": "acted",
        "answered": True,
        "action": action,
    }

    reported, triaged, resolved = await opinion.events()
    assert [event.type.split(".")[2] for event in (reported, triaged, resolved)] == [
        "tip_reported",
        "tip_triaged",
        "tip_resolved",
    ]
    assert [(event.county, event.sequence) for event in (reported, triaged, resolved)] == [
        (JIAOCHENG, 1),
        (JIAOCHENG, 2),
        (JIAOCHENG, 3),
    ]
    assert [event.time for event in (reported, triaged, resolved)] == [
        at("2014-07-28 10:00"),
        at("2014-07-29 09:00"),
        at("2014-08-04 09:00"),
    ]
    assert (reported.data.relayed_by, reported.data.unit_id, reported.data.kind) == (volunteer, "350902-TW", "need")
    assert (triaged.data.responsible_unit_id, triaged.data.reported_at) == (XIAPU, at("2014-07-28 10:00"))
    assert (resolved.data.action.participants, resolved.data.answered) == (300, True)


async def test_the_text_stays_in_the_service(opinion: Service) -> None:
    body = tip_body(text="自来水有异味，请核实。")
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/tips", body, Idempotency_Key="tip-1")
    assert (await opinion.post("/tips", body, Idempotency_Key="tip-1")).json() == answer.json()
    listed = await opinion.get("/tips")
    assert [tip["tip_id"] for tip in listed.json()["items"]] == [answer.json()["tip_id"]]
    kept = await opinion.pool.fetchval("select convert_from(body, 'UTF8') from idempotency_key")
    sent = await opinion.pool.fetchval("select string_agg(convert_from(value, 'UTF8'), '') from outbox")
    assert all("异味" not in told for told in (answer.text, listed.text, kept, sent))


async def test_times_default_to_now(opinion: Service) -> None:
    tip_id = await tip_of(opinion, reported_at=None)
    await opinion.post(f"/tips/{tip_id}/triage", {"responsible_unit_id": JIAOCHENG})
    await opinion.post(f"/tips/{tip_id}/resolve", {"outcome": "answered", "answered": True})
    reported, triaged, resolved = await opinion.events()
    assert reported.time <= triaged.time <= resolved.time
    assert abs(resolved.time - datetime.now(UTC)) < SOON


async def test_a_sender_whose_clock_is_ahead(opinion: Service) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    tip_id = await tip_of(opinion, reported_at=ahead.isoformat())
    answer = await opinion.post(f"/tips/{tip_id}/triage", {"responsible_unit_id": JIAOCHENG})
    assert answer.status_code == 200, answer.text
    [triaged] = await opinion.events("tip_triaged")
    assert triaged.time == ahead


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"unit_id": XIAPU}, (422, "unknown_unit", "/unit_id")),
        ({"relayed_by": str(uuid4())}, (422, "unknown_volunteer", "/relayed_by")),
        ({"relayed_by": "our-4711"}, (422, "schema", "/relayed_by")),
        ({"reported_at": "1999-12-31T00:00:00Z"}, (422, "time_out_of_range", "/reported_at")),
        ({"reported_at": "9998-12-31T00:00:00Z"}, (422, "time_out_of_range", "/reported_at")),
        ({"text": ""}, (422, "schema", "/text")),
        ({"text": "字" * 4001}, (422, "schema", "/text")),
        ({"text": "a\x00b"}, (422, "schema", "/text")),
        ({"channel": "spy"}, (422, "schema", "/channel")),
    ],
)
async def test_tips_refused(opinion: Service, change: dict[str, Any], problem: Any) -> None:
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/tips", tip_body(**change))
    assert refused(answer) == problem
    assert await opinion.events() == []
    missing = tip_body()
    del missing["text"]
    assert refused(await opinion.post("/tips", missing)) == (422, "schema", "/text")


async def test_steps_refused(opinion: Service) -> None:
    tip_id = await tip_of(opinion)
    path = f"/tips/{tip_id}"
    early, late = at("2014-07-28 09:59").isoformat(), (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    triage = {"responsible_unit_id": JIAOCHENG}
    resolve: dict[str, Any] = {"outcome": "acted", "answered": True}
    action = {"title": "座谈会", "held_on": "2014-08-02", "participants": 3}
    refusals = [
        ("/triage", {"responsible_unit_id": GUTIAN}, (422, "unknown_unit", "/responsible_unit_id")),
        ("/triage", triage | {"triaged_at": early}, (422, "out_of_order_date", "/triaged_at")),
        ("/triage", triage | {"triaged_at": late}, (422, "time_out_of_range", "/triaged_at")),
        ("/triage", triage | {"author": "x"}, (422, "schema", "/author")),
        ("/resolve", resolve | {"resolved_at": early}, (422, "out_of_order_date", "/resolved_at")),
        ("/resolve", resolve | {"resolved_at": late}, (422, "time_out_of_range", "/resolved_at")),
        ("/resolve", resolve | {"outcome": "deleted"}, (422, "schema", "/outcome")),
        ("/resolve", resolve | {"action": action | {"held_on": "1999-01-01"}}, (422, "time_out_of_range", "/action/held_on")),
        ("/resolve", resolve | {"action": action | {"title": "找李建国谈话"}}, (422, "person_targeted", "/action/title")),
        ("/resolve", resolve | {"action": action | {"participants": -1}}, (422, "schema", "/action/participants")),
        ("/void", {"reason": "bored"}, (422, "schema", "/reason")),
        ("/void", {"reason": "duplicate", "merged_into": str(uuid4())}, (422, "schema", "/merged_into")),
        ("/void", {"reason": "duplicate", "merged_into": tip_id}, (422, "schema", "/merged_into")),
    ]  # fmt: skip
    for step, body, problem in refusals:
        assert refused(await opinion.post(path + step, body)) == problem, (step, body)
    assert len(await opinion.events()) == 1
    for step, body in (("triage", triage), ("resolve", resolve), ("void", {"reason": "spam"})):
        assert refused(await opinion.post(f"/tips/{uuid4()}/{step}", body))[:2] == (404, "not_found")
        assert refused(await opinion.post(f"{path}/{step}", body, If_Match='"7"'))[:2] == (412, "version_conflict")
    assert refused(await opinion.get(f"/tips/{uuid4()}"))[0] == 404


async def test_each_step_is_taken_once(opinion: Service) -> None:
    path = f"/tips/{await tip_of(opinion)}"
    triage, resolve = {"responsible_unit_id": JIAOCHENG}, {"outcome": "referred", "answered": False}
    answers = await asyncio.gather(*(opinion.post(f"{path}/triage", triage) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    answers = await asyncio.gather(*(opinion.post(f"{path}/resolve", resolve) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {refused(answer)[1] for answer in answers if answer.status_code == 409} == {"invalid_state"}
    assert len(await opinion.events()) == 3


async def test_a_tip_never_triaged_may_be_resolved_but_not_triaged_after(opinion: Service) -> None:
    path = f"/tips/{await tip_of(opinion)}"
    assert (await opinion.post(f"{path}/resolve", {"outcome": "declined", "answered": False})).status_code == 200
    late = await opinion.post(f"{path}/triage", {"responsible_unit_id": JIAOCHENG})
    assert refused(late)[:2] == (409, "invalid_state")


async def test_a_duplicate_is_merged_into_the_tip_that_stands(opinion: Service) -> None:
    first, second = await tip_of(opinion), await tip_of(opinion)
    answer = await opinion.post(f"/tips/{second}/void", {"reason": "duplicate", "merged_into": first})
    assert (answer.status_code, answer.json()["state"]) == (200, "voided")
    assert answer.json()["voided"]["merged_into"] == first
    [voided] = await opinion.events("tip_voided")
    assert (str(voided.data.tip_id), str(voided.data.merged_into), voided.data.reason) == (second, first, "duplicate")
    assert (voided.county, voided.sequence, voided.data.reported_at) == (JIAOCHENG, 2, at("2014-07-28 10:00"))
    assert abs(voided.time - datetime.now(UTC)) < SOON
    circle = await opinion.post(f"/tips/{first}/void", {"reason": "duplicate", "merged_into": second})
    assert refused(circle) == (409, "invalid_state", "/merged_into")
    for step, body in (
        ("triage", {"responsible_unit_id": JIAOCHENG}),
        ("resolve", {"outcome": "acted", "answered": True}),
        ("void", {"reason": "spam"}),
    ):
        assert refused(await opinion.post(f"/tips/{second}/{step}", body))[:2] == (409, "invalid_state")


async def test_two_tips_merged_into_each_other_at_once(opinion: Service) -> None:
    first, second = await tip_of(opinion), await tip_of(opinion)
    answers = await asyncio.gather(
        opinion.post(f"/tips/{first}/void", {"reason": "duplicate", "merged_into": second}),
        opinion.post(f"/tips/{second}/void", {"reason": "duplicate", "merged_into": first}),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await opinion.events("tip_voided")) == 1


async def test_a_resolved_tip_may_be_voided(opinion: Service) -> None:
    path = f"/tips/{await tip_of(opinion)}"
    await opinion.post(f"{path}/resolve", {"outcome": "acted", "answered": True})
    answer = await opinion.post(f"{path}/void", {"reason": "test"})
    assert (answer.json()["state"], answer.json()["resolved"]["outcome"]) == ("voided", "acted")


async def test_lists(opinion: Service) -> None:
    await opinion.know(opinion.roster.unit(XIAPU))
    ids = [await tip_of(opinion, unit_id=unit) for unit in (JIAOCHENG, JIAOCHENG, XIAPU, XIAPU)]
    await opinion.post(f"/tips/{ids[1]}/triage", {"responsible_unit_id": XIAPU})
    await opinion.post(f"/tips/{ids[2]}/resolve", {"outcome": "answered", "answered": True})
    await opinion.post(f"/tips/{ids[3]}/void", {"reason": "spam"})

    async def listed(**query: Any) -> list[int]:
        page = (await opinion.get("/tips", **query)).json()
        assert page["next_cursor"] is None
        return [ids.index(tip["tip_id"]) for tip in page["items"]]

    assert await listed() == [0, 1, 2, 3]
    assert [await listed(state=s) for s in ("reported", "triaged", "resolved", "voided")] == [[0], [1], [2], [3]]
    assert await listed(unit_id=XIAPU) == [2, 3]
    assert await listed(responsible_unit_id=XIAPU) == [1]
    assert await listed(unit_id=XIAPU, state="voided") == [3]
    first = (await opinion.get("/tips", limit=3)).json()
    second = (await opinion.get("/tips", limit=3, cursor=first["next_cursor"])).json()
    assert [tip["tip_id"] for tip in first["items"] + second["items"]] == ids
    assert refused(await opinion.get("/tips", state="hidden"))[:2] == (422, "schema")


async def test_in_a_story_things_happen_when_it_tells(database_url: str) -> None:
    async with opinion_at(database_url, story_mode=True) as opinion:
        await opinion.know(opinion.roster.unit())
        told = at("2014-07-28 18:00")
        answer = await opinion.post("/tips", tip_body(reported_at=None), Qingsheng_Story_Time=told.isoformat())
        assert answer.status_code == 201
        [event] = await opinion.events()
        assert (event.time, event.recordedtime) == (told, told)
