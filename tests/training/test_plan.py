"""Sessions planned and then held, and a year's plan against what was held."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.training.year_plan import told
from tests.training.harness import CITY, GUTIAN, JIAOCHENG, SHANGHAI, XIAPU, Service, at, refused, training_at
from tests.training.test_api import attended, entry, session_body

AHEAD = datetime.now(SHANGHAI) + timedelta(days=40)
VENUES = [
    {"name": "市委党校主会场", "unit_id": None, "capacity": 120},
    {"name": "霞浦县分会场", "unit_id": XIAPU, "capacity": 40},
]


async def planned(training: Service, **change: Any) -> dict[str, Any]:
    await training.know(*(training.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU, GUTIAN)))
    answer = await training.post("/plan", session_body(**change))
    assert answer.status_code == 201, answer.text
    return answer.json() | {"etag": answer.headers["etag"]}


async def test_a_plan_is_training_s_own_until_the_session_was_held(training: Service) -> None:
    body = {"starts_at": AHEAD.isoformat(), "venues": VENUES, "joint_with": "市网信协会", "venue_count": None}
    session = await planned(training, **body)
    assert (session["state"], session["venue_count"], session["etag"]) == ("planned", 2, '"1"')
    assert session["planned_for"] == session["starts_at"]
    assert [(v["venue_no"], v["name"], v["unit_id"], v["capacity"]) for v in session["venues"]] == [
        (1, "市委党校主会场", None, 120),
        (2, "霞浦县分会场", XIAPU, 40),
    ]
    assert await training.events() == []
    assert (await training.get("/sessions")).json()["items"] == []
    assert [s["session_id"] for s in (await training.get("/sessions", state="planned")).json()["items"]] == [
        session["session_id"]
    ]

    # Weeks ahead it cannot have been held.
    hold = f"/sessions/{session['session_id']}/hold"
    assert refused(await training.post(hold, {})) == (422, "time_out_of_range", "/starts_at")
    began = datetime.now(UTC) - timedelta(hours=3)
    held = await training.post(hold, {"starts_at": began.isoformat(), "hours": 2, "venue_count": 5})
    assert (held.status_code, held.headers["etag"]) == (200, '"2"')
    shown = held.json()
    assert (shown["state"], shown["hours"], shown["venue_count"]) == ("held", 2, 5)
    assert datetime.fromisoformat(shown["planned_for"]) == AHEAD
    [event] = await training.events()
    assert event.type == "qingsheng.training.session_held.v1"
    assert (str(event.data.session_id), event.sequence, event.county) == (session["session_id"], 1, JIAOCHENG)
    assert (event.data.starts_at, event.data.hours, event.data.venue_count) == (began, 2, 5)
    assert (event.data.organisers, event.data.joint_with) == ([JIAOCHENG], "市网信协会")

    # What is held is held once.
    assert refused(await training.post(hold, {})) == (409, "invalid_state", None)


async def test_a_plan_may_change_and_be_dropped_without_a_word(training: Service) -> None:
    session = await planned(training)
    path = f"/training/api/v1/sessions/{session['session_id']}"
    body = session_body(title={"zh": "改期的培训"}, starts_at=at("2014-09-01 09:00").isoformat(), ends_on="2014-09-03")
    assert refused(await training.http.put(path, json=body)) == (428, "version_required", None)
    changed = await training.http.put(path, json=body, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (changed.json()["title"]["zh"], changed.json()["ends_on"]) == ("改期的培训", "2014-09-03")
    assert refused(await training.http.put(path, json=body, headers={"If-Match": '"1"'})) == (
        412,
        "version_conflict",
        None,
    )
    cancel = await training.post(f"/sessions/{session['session_id']}/cancel", {"reason": "台风"})
    assert cancel.json()["state"] == "cancelled"
    for call in ("hold", "cancel"):
        answer = await training.post(
            f"/sessions/{session['session_id']}/{call}", {"reason": "x"} if call == "cancel" else {}
        )
        assert refused(answer) == (409, "invalid_state", None)
    assert await training.events() == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"organisers": ["350999"]}, (422, "unknown_unit", "/organisers/0")),
        ({"venues": [{"name": "甲"}], "venue_count": 2}, (422, "schema", "/venue_count")),
        ({"venue_count": None}, (422, "schema", "/venue_count")),
        (
            {"venues": [{"name": "甲", "unit_id": "350999"}], "venue_count": 1},
            (422, "unknown_unit", "/venues/0/unit_id"),
        ),
        ({"starts_at": "1999-12-31T00:00:00Z"}, (422, "time_out_of_range", "/starts_at")),
        ({"starts_at": "2101-02-01T00:00:00Z"}, (422, "time_out_of_range", "/starts_at")),
        ({"ends_on": "2014-05-26"}, (422, "schema", "/ends_on")),
        ({"ends_on": "2014-12-26"}, (422, "schema", "/ends_on")),
        ({"held": True}, (422, "schema", "/held")),
    ],
)
async def test_plans_refused(training: Service, change: dict[str, Any], problem: Any) -> None:
    await training.know(training.roster.unit())
    assert refused(await training.post("/plan", session_body(**change))) == problem


async def test_nobody_attends_what_is_only_planned(training: Service) -> None:
    session, volunteer = await planned(training), await training.volunteer()
    told = await training.post(f"/sessions/{session['session_id']}/attendances", {"entries": [entry(volunteer)]})
    assert refused(told) == (409, "invalid_state", None)


async def test_venues_may_be_named_later_but_their_published_number_stays(training: Service) -> None:
    session = await planned(training, venue_count=2)
    path = f"/training/api/v1/sessions/{session['session_id']}/venues"
    three = [*VENUES, {"name": "古田县分会场", "unit_id": GUTIAN}]
    named = await training.http.put(path, json={"venues": three}, headers={"If-Match": '"1"'})
    assert (named.status_code, named.json()["venue_count"]) == (200, 3)
    await training.post(f"/sessions/{session['session_id']}/hold", {})
    again = await training.http.put(path, json={"venues": VENUES}, headers={"If-Match": '"3"'})
    assert (again.status_code, again.json()["venue_count"], len(again.json()["venues"])) == (200, 3, 2)
    more = await training.http.put(path, json={"venues": [*three, {"name": "丁"}]}, headers={"If-Match": "*"})
    assert refused(more) == (422, "schema", "/venue_count")
    assert [event.data.venue_count for event in await training.events("session_held")] == [3]


async def test_a_year_s_plan_against_what_was_held(database_url: str) -> None:
    async with training_at(database_url, story_mode=True) as training:
        volunteer = await training.volunteer()
        # Planned for the first quarter and held in the second; planned and dropped; planned and still open; unplanned.
        moved = await planned(training, starts_at=at("2014-03-20 09:00").isoformat())
        later = {"starts_at": at("2014-04-02 09:00").isoformat(), "hours": 3.5}
        await training.post(
            f"/sessions/{moved['session_id']}/hold", later, Qingsheng_Story_Time=at("2014-04-02 18:00").isoformat()
        )
        dropped = await planned(training, starts_at=at("2014-06-30 23:30").isoformat())
        await training.post(f"/sessions/{dropped['session_id']}/cancel", {"reason": "台风"})
        await planned(training, starts_at=at("2014-12-31 23:30").isoformat())
        await planned(training, starts_at=at("2015-01-01 00:30").isoformat())
        unplanned = (await training.post("/sessions", session_body(organisers=[GUTIAN, JIAOCHENG]))).json()
        taken_back = (await training.post("/sessions", session_body(organisers=[GUTIAN]))).json()
        await attended(training, unplanned["session_id"], entry(volunteer))
        await training.post(f"/sessions/{taken_back['session_id']}/cancel", {"reason": "重复"})

        plan = (await training.get("/plan", year=2014)).json()
        assert [unit["unit_id"] for unit in plan["units"]] == [JIAOCHENG, GUTIAN]
        here, there = plan["units"]
        assert [
            (q["quarter"], q["planned"], q["held"], q["cancelled"], q["open"], q["hours"]) for q in here["quarters"]
        ] == [(1, 1, 0, 0, 0, 0), (2, 1, 1, 1, 0, 3.5), (4, 1, 0, 0, 1, 0)]
        assert (there["planned"], there["held"], there["cancelled"], there["attendances"]) == (0, 1, 1, 1)
        assert (plan["planned"], plan["held"], plan["cancelled"], plan["open"], plan["hours"]) == (3, 2, 2, 1, 6.0)
        own = (
            await training.http.get("/training/api/v1/plan?year=2014", headers=await training.as_county(GUTIAN))
        ).json()
        assert [unit["unit_id"] for unit in own["units"]] == [GUTIAN]
        assert refused(await training.get("/plan", year=1999))[1] == "schema"


def test_an_empty_year() -> None:
    empty = {"planned": 0, "held": 0, "cancelled": 0, "open": 0, "hours": 0, "attendances": 0}
    assert told(2014, []) == {"year": 2014, "units": []} | empty


async def test_what_is_not_there(training: Service) -> None:
    for call, body in (("hold", {}), ("cancel", {"reason": "x"})):
        assert refused(await training.post(f"/sessions/{uuid4()}/{call}", body)) == (404, "not_found", None)
