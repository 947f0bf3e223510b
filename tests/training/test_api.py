"""Sessions and attendances over HTTP, on real PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.waiting import eventually
from tests.training.harness import GUTIAN, JIAOCHENG, XIAPU, Service, at, refused, training_at


def session_body(**change: Any) -> dict[str, Any]:
    return {
        "kind": "teleconference",
        "title": {"zh": "全国电视电话会议"},
        "starts_at": at("2014-05-27 15:00").isoformat(),
        "hours": 2.5,
        "venue_count": 10,
        "organisers": [JIAOCHENG],
        **change,
    }


def entry(volunteer: Any, **change: Any) -> dict[str, Any]:
    return {"volunteer_id": str(volunteer), "venue_no": 1, "hours": 2.5, "held_on": "2014-05-27", **change}


async def held(training: Service, **change: Any) -> str:
    """The id of a session."""
    await training.know(training.roster.unit())
    answer = await training.post("/sessions", session_body(**change))
    assert answer.status_code == 201, answer.text
    return answer.json()["session_id"]


async def attended(training: Service, session_id: str, *entries: dict[str, Any]) -> dict[str, Any]:
    answer = await training.post(f"/sessions/{session_id}/attendances", {"entries": entries})
    assert answer.status_code == 200, answer.text
    return answer.json()


# -- sessions ----------------------------------------------------------------------------------------------------------


async def test_a_session_has_the_county_of_its_first_organiser(training: Service) -> None:
    await training.know(training.roster.unit("350922-TW", GUTIAN), training.roster.unit("350900-TW", "350900"))
    body = session_body(
        kind="class",
        title={"zh": "联合培训班", "en": "Joint class"},
        organisers=["350922-TW", "350900-TW"],
        joint_with="市网信协会",
    )
    answer = await training.post("/sessions", body)
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    session = answer.json()
    assert session == {
        **body,
        "starts_at": "2014-05-27T07:00:00Z",
        "session_id": session["session_id"],
        "county": GUTIAN,
        "attendances": 0,
        "state": "held",
        "ends_on": None,
        "planned_for": None,
        "venues": [],
        "cancelled": None,
    }
    [event] = await training.events()
    assert event.type == "qingsheng.training.session_held.v1"
    assert (event.county, event.sequence, event.time) == (GUTIAN, 1, at("2014-05-27 15:00"))
    assert (str(event.data.session_id), event.data.kind, event.data.hours, event.data.venue_count) == (
        session["session_id"],
        "class",
        2.5,
        10,
    )
    assert (event.data.title.en, event.data.organisers, event.data.joint_with) == (
        "Joint class",
        ["350922-TW", "350900-TW"],
        "市网信协会",
    )
    shown = await training.get(f"/sessions/{session['session_id']}")
    assert (shown.json(), shown.headers["etag"]) == (session, '"1"')
    del session["venues"]
    assert (await training.get("/sessions")).json() == {"items": [session], "next_cursor": None}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"organisers": [JIAOCHENG, XIAPU]}, (422, "unknown_unit", "/organisers/1")),
        ({"organisers": []}, (422, "schema", "/organisers")),
        ({"starts_at": "1999-12-31T00:00:00Z"}, (422, "time_out_of_range", "/starts_at")),
        ({"starts_at": "2014-05-27T15:00:00"}, (422, "schema", "/starts_at")),
        ({"hours": 0}, (422, "schema", "/hours")),
        ({"venue_count": 0}, (422, "schema", "/venue_count")),
        ({"kind": "drill"}, (422, "schema", "/kind")),
        ({"title": {"en": "x"}}, (422, "schema", "/title/zh")),
        ({"religion": "x"}, (422, "schema", "/religion")),
    ],
)
async def test_sessions_refused(training: Service, change: dict[str, Any], problem: Any) -> None:
    await training.know(training.roster.unit())
    assert refused(await training.post("/sessions", session_body(**change))) == problem
    assert await training.events() == []


async def test_a_session_that_is_only_planned_is_not_held(training: Service) -> None:
    await training.know(training.roster.unit())
    planned = (datetime.now(UTC) + timedelta(hours=25)).isoformat()
    answer = await training.post("/sessions", session_body(starts_at=planned))
    assert refused(answer) == (422, "time_out_of_range", "/starts_at")


async def test_cancelling_voids_each_attendance(training: Service) -> None:
    session_id = await held(training)
    here, there = await training.volunteer(), await training.volunteer(XIAPU)
    recorded = await attended(training, session_id, entry(here), entry(there, venue_no=2))
    first = recorded["rows"][0]["attendance_id"]
    await training.post(f"/attendances/{first}/void", {"reason": "not_present"})

    answer = await training.post(f"/sessions/{session_id}/cancel", {"reason": "台风"}, If_Match='"1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert (answer.json()["cancelled"]["reason"], answer.json()["attendances"]) == ("台风", 0)
    *_, cancelled, voided = await training.events()
    assert (cancelled.type, cancelled.sequence, cancelled.county, cancelled.data.reason) == (
        "qingsheng.training.session_cancelled.v1",
        2,
        JIAOCHENG,
        "台风",
    )
    assert cancelled.data.starts_at == at("2014-05-27 15:00")
    # Only what still counted; the event goes to the county that the attendance went to.
    assert (voided.data.volunteer_id, voided.county, voided.sequence, voided.data.reason) == (there, XIAPU, 2, "error")
    assert voided.time == cancelled.time
    assert len(await training.events("attendance_voided")) == 2

    again = await training.post(f"/sessions/{session_id}/cancel", {"reason": "台风"})
    assert refused(again)[:2] == (409, "invalid_state")
    late = await training.post(f"/sessions/{session_id}/attendances", {"entries": [entry(here)]})
    assert refused(late)[:2] == (409, "invalid_state")
    stale = await training.post(f"/sessions/{session_id}/cancel", {"reason": "台风"}, If_Match='"1"')
    assert refused(stale)[:2] == (412, "version_conflict")
    assert refused(await training.post(f"/sessions/{uuid4()}/cancel", {"reason": "x"}))[:2] == (404, "not_found")


async def test_recording_and_cancelling_wait_for_each_other(training: Service) -> None:
    session_id = await held(training)
    volunteer = await training.volunteer()
    async with training.transaction() as other:
        await other.execute("select from session where session_id = $1 for share", UUID(session_id))
        cancelling = asyncio.create_task(training.post(f"/sessions/{session_id}/cancel", {"reason": "x"}))
        await eventually(training.someone_waits)
        assert not cancelling.done()
    assert (await cancelling).status_code == 200
    answer = await training.post(f"/sessions/{session_id}/attendances", {"entries": [entry(volunteer)]})
    assert refused(answer)[:2] == (409, "invalid_state")


# -- attendances -------------------------------------------------------------------------------------------------------


async def test_a_list_is_answered_row_by_row(training: Service) -> None:
    session_id = await held(training)
    here, there = await training.volunteer(), await training.volunteer(XIAPU)
    gone, unknown = await training.volunteer(), uuid4()
    await training.know(training.roster.left(gone, "2014-05-27"))
    told = await attended(
        training,
        session_id,
        entry(here),
        entry(here, venue_no=2),
        entry(there, venue_no=10),
        entry(gone),
        entry(unknown),
        entry(there, venue_no=11),
        entry(here, hours=25),
        entry(here, held_on="27 May"),
        entry(here, phone="x"),
    )
    assert (told["dry_run"], told["recorded"], told["refused"]) == (False, 2, 7)
    assert [row["row"] for row in told["rows"]] == list(range(9))
    assert [(row["status"], row["code"], row["pointer"]) for row in told["rows"]] == [
        ("recorded", None, None),
        ("refused", "already_recorded", "/entries/1"),
        ("recorded", None, None),
        ("refused", "volunteer_not_active", "/entries/3/volunteer_id"),
        ("refused", "unknown_volunteer", "/entries/4/volunteer_id"),
        ("refused", "schema", "/entries/5/venue_no"),
        ("refused", "schema", "/entries/6/hours"),
        ("refused", "schema", "/entries/7/held_on"),
        ("refused", "schema", "/entries/8/phone"),
    ]
    assert all(set(row["message"]) == {"zh", "en"} for row in told["rows"] if row["status"] == "refused")

    first, second = await training.events("attendance_recorded")
    assert (str(first.data.attendance_id), str(first.data.session_id), first.data.volunteer_id) == (
        told["rows"][0]["attendance_id"],
        session_id,
        here,
    )
    assert (first.county, first.sequence, first.time) == (JIAOCHENG, 1, at("2014-05-27 12:00"))
    assert (second.county, second.data.venue_no, second.data.hours) == (XIAPU, 10, 2.5)
    shown = (await training.get(f"/sessions/{session_id}")).json()
    assert shown["attendances"] == 2
    assert [(venue["venue_no"], venue["attendances"]) for venue in shown["venues"]] == [(1, 1), (10, 1)]


async def test_a_dry_run_says_the_same_and_leaves_nothing(training: Service) -> None:
    session_id = await held(training)
    volunteer = await training.volunteer()
    entries = [entry(volunteer), entry(volunteer), entry(uuid4())]
    path = f"/sessions/{session_id}/attendances"
    dry = (await training.post(f"{path}?dry_run=true", {"entries": entries})).json()
    assert (dry["dry_run"], dry["recorded"], dry["refused"]) == (True, 1, 2)
    assert [row["attendance_id"] for row in dry["rows"]] == [None, None, None]
    assert await training.events("attendance") == []
    real = (await training.post(path, {"entries": entries})).json()
    assert [row["code"] for row in real["rows"]] == [row["code"] for row in dry["rows"]]
    assert len(await training.events("attendance")) == 1


async def test_the_county_is_that_of_the_day(training: Service) -> None:
    session_id = await held(training, kind="course", hours=40)
    volunteer, other = await training.volunteer(), await training.volunteer()
    await training.know(
        training.roster.transferred(volunteer, "2014-06-01", XIAPU),
        training.roster.transferred(other, "2014-06-01", XIAPU),
    )
    await attended(training, session_id, entry(volunteer, held_on="2014-05-31"), entry(other, held_on="2014-06-01"))
    assert [event.county for event in await training.events("attendance")] == [JIAOCHENG, XIAPU]


async def test_a_voided_attendance_may_be_recorded_again(training: Service) -> None:
    session_id = await held(training)
    volunteer = await training.volunteer()
    recorded = await attended(training, session_id, entry(volunteer))
    attendance_id = recorded["rows"][0]["attendance_id"]
    await training.know(training.roster.transferred(volunteer, "2014-05-27", XIAPU))

    path = f"/attendances/{attendance_id}"
    assert (await training.get(path)).headers["etag"] == '"1"'
    assert refused(await training.post(f"{path}/void", {"reason": "bored"})) == (422, "schema", "/reason")
    assert refused(await training.post(f"{path}/void", {"reason": "error"}, If_Match='"2"'))[0] == 412
    answer = await training.post(f"{path}/void", {"reason": "not_present"}, If_Match='"1"')
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["voided"]["reason"] == "not_present"
    [voided] = await training.events("attendance_voided")
    # An undoing event has the county of the event it undoes, whatever became known meanwhile.
    assert (voided.county, voided.sequence, voided.data.reason) == (JIAOCHENG, 2, "not_present")
    assert (str(voided.data.attendance_id), str(voided.data.session_id), voided.data.held_on.isoformat()) == (
        attendance_id,
        session_id,
        "2014-05-27",
    )
    assert abs(voided.time - datetime.now(UTC)) < timedelta(minutes=5)
    assert refused(await training.post(f"{path}/void", {"reason": "error"}))[:2] == (409, "invalid_state")
    assert refused(await training.post(f"/attendances/{uuid4()}/void", {"reason": "error"}))[0] == 404

    again = await attended(training, session_id, entry(volunteer))
    assert again["recorded"] == 1
    assert (await training.events("attendance_recorded"))[-1].county == XIAPU
    listed = (await training.get("/attendances", session_id=session_id, volunteer_id=str(volunteer))).json()["items"]
    assert [row["voided"] is None for row in listed] == [False, True]


async def test_two_lists_at_once_record_the_same_volunteer_once(training: Service) -> None:
    session_id = await held(training)
    volunteers = [await training.volunteer() for _ in range(20)]
    forwards = attended(training, session_id, *map(entry, volunteers))
    backwards = attended(training, session_id, *map(entry, reversed(volunteers)))
    lists = await asyncio.gather(forwards, backwards)
    assert sum(one["recorded"] for one in lists) == 20
    assert {row["code"] for one in lists for row in one["rows"]} == {None, "already_recorded"}
    assert len(await training.events("attendance_recorded")) == 20


async def test_a_list_said_again_under_its_key_is_answered_the_same(training: Service) -> None:
    session_id = await held(training)
    volunteer = await training.volunteer()
    path, body = f"/sessions/{session_id}/attendances", {"entries": [entry(volunteer)]}
    first = await training.post(path, body, Idempotency_Key="list-1")
    again = await training.post(path, body, Idempotency_Key="list-1")
    assert (first.json(), first.json()["recorded"]) == (again.json(), 1)
    other = await training.post(path, {"entries": [entry(volunteer, venue_no=2)]}, Idempotency_Key="list-1")
    assert refused(other)[:2] == (409, "idempotency_key_reused")


async def test_lists_that_are_no_lists(training: Service) -> None:
    session_id = await held(training)
    path = f"/sessions/{session_id}/attendances"
    assert refused(await training.post(path, {"entries": []})) == (422, "schema", "/entries")
    assert refused(await training.post(path, {"entries": [], "note": "x"}))[:2] == (422, "schema")
    assert refused(await training.post(f"/sessions/{uuid4()}/attendances", {"entries": [entry(uuid4())]}))[0] == 404


async def test_pages(training: Service) -> None:
    ids = [await held(training) for _ in range(3)]
    first = (await training.get("/sessions", limit=2)).json()
    second = (await training.get("/sessions", limit=2, cursor=first["next_cursor"])).json()
    assert [session["session_id"] for session in first["items"] + second["items"]] == ids
    assert second["next_cursor"] is None
    assert refused(await training.get("/sessions", cursor="bm90IG91cnM="))[:2] == (422, "schema")
    assert refused(await training.get(f"/sessions/{uuid4()}"))[0] == 404
    assert refused(await training.get(f"/attendances/{uuid4()}"))[0] == 404


async def test_in_a_story_things_are_recorded_when_it_tells(database_url: str) -> None:
    async with training_at(database_url, story_mode=True) as training:
        await training.know(training.roster.unit())
        told = at("2014-05-27 18:00")
        story = {"Qingsheng_Story_Time": told.isoformat()}
        answer = await training.post("/sessions", session_body(), **story)
        assert answer.status_code == 201
        [event] = await training.events()
        assert event.recordedtime == told
        late = await training.post("/sessions", session_body(starts_at=at("2014-05-28 18:01").isoformat()), **story)
        assert refused(late) == (422, "time_out_of_range", "/starts_at")
