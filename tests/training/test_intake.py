"""Reports of other systems about attendances: every answer they can get, on real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.support.waiting import eventually
from tests.training.harness import JIAOCHENG, XIAPU, Service, codes, pointers, report
from tests.training.test_api import held, session_body


def attendance(session: Any, volunteer: Any, **change: Any) -> dict[str, Any]:
    envelope = {name: change.pop(name) for name in ("id", "producer") if name in change}
    data = {"session_id": session, "volunteer_id": volunteer, "venue_no": 1, "hours": 2.5, "held_on": "2014-05-27"}
    return report("attendance_reported", data | change, **envelope)


async def test_attendances_of_a_venue_list(training: Service) -> None:
    session_id = await held(training)
    here, there = await training.volunteer(), await training.volunteer(XIAPU)
    answers = await training.take(attendance(session_id, here), attendance(session_id, there, venue_no=10))
    assert codes(answers) == ["accepted", "accepted"]
    events = await training.events("attendance_recorded")
    assert [answer["data"]["event_ids"] for [answer] in answers] == [[str(event.id)] for event in events]
    assert [answer["data"]["subjects"] for [answer] in answers] == [
        [f"attendance/{event.data.attendance_id}"] for event in events
    ]
    assert [(event.county, event.data.venue_no) for event in events] == [(JIAOCHENG, 1), (XIAPU, 10)]
    assert await training.answers() == {answer["data"]["request_id"]: answer for [answer] in answers}


async def test_attendances_refused_at_once(training: Service) -> None:
    session_id, cancelled = await held(training), await held(training)
    await training.post(f"/sessions/{cancelled}/cancel", {"reason": "x"})
    volunteer, gone, present = [await training.volunteer() for _ in range(3)]
    await training.know(training.roster.left(gone, "2014-05-20"))
    refusals = [
        (attendance(session_id, "我们的 4711"), "unknown_volunteer", "/data/volunteer_id"),
        (attendance(session_id, gone), "volunteer_not_active", "/data/volunteer_id"),
        (attendance(cancelled, volunteer), "unknown_session", "/data/session_id"),
        (attendance(session_id, volunteer, venue_no=11), "schema", "/data/venue_no"),
        (attendance(session_id, volunteer, venue_no=0), "schema", "/data/venue_no"),
        (attendance(session_id, volunteer, hours=24.01), "schema", "/data/hours"),
        (attendance(session_id, volunteer, hours=0), "schema", "/data/hours"),
        (attendance(session_id, volunteer, held_on="1999-12-31"), "time_out_of_range", "/data/held_on"),
        (attendance(session_id, volunteer, held_on="9998-12-31"), "time_out_of_range", "/data/held_on"),
        (attendance(session_id, volunteer, party="x"), "schema", "/data/party"),
        (attendance(session_id, volunteer) | {"type": "qingsheng.intake.post_reported.v1"}, "schema", "/data/channel"),
        (attendance(session_id, volunteer) | {"type": "qingsheng.intake.tip_reported.v2"}, "unknown_type", "/type"),
        (attendance(session_id, volunteer) | {"time": "9998-01-01T00:00:00Z"}, "time_out_of_range", "/time"),
        (attendance(session_id, volunteer) | {"source": "/ext/others"}, "source_not_allowed", "/source"),
    ]
    answers = await training.take(*(told for told, _, _ in refusals))
    assert codes(answers) == [code for _, code, _ in refusals]
    assert pointers(answers) == [pointer for _, _, pointer in refusals]
    # A report of another service keeps the contract, and is none of ours.
    others = report("repost_withdrawn", {"report_id": "x", "reason": "error"})
    assert codes(await training.take(others)) == ["unknown_type"]

    first = attendance(session_id, present)
    assert codes(await training.take(first, attendance(session_id, present, venue_no=2))) == [
        "accepted",
        "already_recorded",
    ]
    assert codes(await training.take(attendance(session_id, present))) == ["already_recorded"]
    assert codes(await training.take(first)) == ["accepted"], "the same report again gets its first answer"
    reused = attendance(session_id, volunteer, id=first["id"])
    assert codes(await training.take(reused)) == ["accepted+id_reused"]
    assert len(await training.events("attendance")) == 1
    assert await training.pool.fetchval("select count(*) from parked") == 0


async def test_a_report_waits_for_its_volunteer(training: Service) -> None:
    session_id, volunteer = await held(training), uuid4()
    told = attendance(session_id, volunteer)
    assert codes(await training.take(told)) == ["waiting"]
    row = await training.pool.fetchrow("select thing, awaits from parked")
    assert tuple(row or ()) == (f"volunteer/{volunteer}", "qingsheng.roster.events")
    assert await training.settle() == 0, "neither arrived nor over"
    await training.know(training.roster.registered(volunteer))
    assert await training.settle() == 1
    assert "code" not in (await training.answers())[told["id"]]["data"]
    assert len(await training.events("attendance_recorded")) == 1


async def test_a_report_waits_in_vain(training: Service) -> None:
    session_id, volunteer = await held(training), await training.volunteer()
    no_volunteer, no_session = attendance(session_id, uuid4()), attendance(uuid4(), volunteer)
    assert codes(await training.take(no_volunteer, no_session)) == ["waiting", "waiting"]
    awaited = await training.pool.fetchval("select awaits from parked where thing like 'session/%'")
    assert awaited is None, "sessions come over HTTP only"
    await training.let_waits_end()
    assert await training.settle() == 2
    answers = await training.answers()
    assert [answers[told["id"]]["data"]["code"] for told in (no_volunteer, no_session)] == [
        "unknown_volunteer",
        "unknown_session",
    ]
    assert answers[no_session["id"]]["data"]["pointer"] == "/data/session_id"
    assert await training.pool.fetchval("select count(*) from parked") == 0


async def test_a_report_of_a_session_that_is_only_planned_waits_for_it_to_be_held(training: Service) -> None:
    volunteer = await training.volunteer()
    planned = (await training.post("/plan", session_body())).json()["session_id"]
    told = attendance(planned, volunteer)
    assert codes(await training.take(told)) == ["waiting"]
    assert (await training.post(f"/sessions/{planned}/hold", {})).status_code == 200
    assert await training.settle() == 1
    assert "code" not in (await training.answers())[told["id"]]["data"]


async def test_reports_and_a_cancelling_meet(training: Service) -> None:
    session_id, volunteer = await held(training), await training.volunteer()
    async with training.transaction() as first:
        assert codes(await training.take_in(first, attendance(session_id, volunteer))) == ["accepted"]
        cancelling = asyncio.create_task(training.post(f"/sessions/{session_id}/cancel", {"reason": "x"}))
        await eventually(training.someone_waits)
    assert (await cancelling).status_code == 200
    assert [event.type.split(".")[2] for event in await training.events()] == [
        "session_held",
        "attendance_recorded",
        "session_cancelled",
        "attendance_voided",
    ]
