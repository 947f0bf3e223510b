"""The life of a period: figures confirmed or objected to, closed, restated by late events, reopened, closed again."""

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import rfc8785

from tests.support import oracle
from tests.support.appraisal import People, people
from tests.support.event_log import EventLog

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2014, 12, 20, 4, tzinfo=UTC)
A, B, CITY = "350902", "350921", "350900"


def half_a_year() -> EventLog:
    """Two counties and the city level: volunteers, trainings, tips reported in May and mostly resolved."""
    log = EventLog(NOW, ZONE, "closing")
    for code, kind in ((CITY, "city"), (A, "county"), (B, "county")):
        unit = {"unit_id": code, "name": {"zh": code}, "kind": kind, "county": code}
        log.tell("roster.unit_defined", unit, code, recorded=log.noon(date(2014, 1, 2)))
        quota = {"unit_id": code, "team": "county", "year": 2014, "quota": 30}
        log.tell("roster.quota_set", quota, code, recorded=log.noon(date(2014, 1, 3)))
        for number in range({CITY: 3, A: 24, B: 22}[code]):
            member = {"volunteer_id": log.new_id(), "unit_id": code, "team": "county", "category": "other"}
            consented = member | {"consented_on": "2014-02-01"}
            log.tell("roster.volunteer_registered", consented, code, happened=date(2014, 2, 1))
            if number % 2 == 0:
                present = {"attendance_id": log.new_id(), "session_id": log.new_id(), "venue_no": 1, "hours": 3}
                present |= {"volunteer_id": member["volunteer_id"]}
                log.tell("training.attendance_recorded", present, code, happened=date(2014, 5, 27))
        for number in range({CITY: 0, A: 10, B: 8}[code]):
            tip(log, code, date(2014, 4, 1) + timedelta(days=number), resolved=number % 3 != 0)
    return log


def tip(log: EventLog, county: str, day: date, *, resolved: bool = True) -> dict[str, Any]:
    reported = log.noon(day)
    named = {"tip_id": log.new_id()}
    told = named | {"channel": "phone", "kind": "need", "topic": "jobs", "unit_id": county}
    event = log.tell("opinion.tip_reported", told, county, happened=reported)
    since = named | {"reported_at": log.written(reported, 0)}
    log.tell("opinion.tip_triaged", since | {"responsible_unit_id": county}, county, happened=reported)
    if resolved:
        end = since | {"outcome": "acted", "answered": True}
        log.tell("opinion.tip_resolved", end, county, happened=reported + timedelta(days=2))
    return event


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A, B]) as made:
        yield made


def plain(report: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps({"counties": report["counties"], "city": report["city"]}))


async def closed_half(desk: People) -> tuple[EventLog, dict[str, Any]]:
    log = half_a_year()
    await desk.take(log.events, NOW)
    return log, await desk.post("/periods/2014-H1/close")


async def test_closing_late_events_reopening_and_closing_again(desk: People) -> None:
    log, first = await closed_half(desk)
    assert plain(first) == plain(oracle.report(log.events, "2014-H1", now=datetime.now(UTC)))
    assert (first["status"], first["revision"], first["restated"], first["provisional"]) == ("closed", 1, None, False)

    early = list(log.events)
    for day in range(6):
        tip(log, B, date(2014, 5, 2) + timedelta(days=day))
    late = [event for event in log.events if event not in early]
    await desk.take(late, NOW)
    found = await desk.get("/reports/2014-H1")
    now = oracle.report(log.events, "2014-H1", now=datetime.now(UTC))
    assert {k: v for k, v in found.items() if k not in ("restated", "freshness")} == {
        k: v for k, v in first.items() if k not in ("restated", "freshness")
    }
    restated = found["restated"]
    as_now = {row["county"]: row for row in plain(now)["counties"]}
    assert {row["county"] for row in restated["counties"]} >= {B}
    assert all(row == as_now[row["county"]] for row in restated["counties"])
    left = [row for row in as_now.values() if row["county"] not in {each["county"] for each in restated["counties"]}]
    assert all(row in found["counties"] for row in left)
    [move] = [each for each in restated["moves"] if each["county"] == B]
    assert move["score_after"] == as_now[B]["score"]
    assert move["score_change"] == pytest.approx(move["score_after"] - move["score_before"])

    reopened = await desk.post("/periods/2014-H1/reopen", {"reason": "six tips came late"})
    assert reopened["revision"] == 2
    running = await desk.get("/reports/2014-H1")
    assert (running["status"], running["revision"]) == ("running", None)
    assert plain(running) == plain(now)

    second = await desk.post("/periods/2014-H1/close")
    assert (second["revision"], second["restated"]) == (2, None)
    assert plain(second) == plain(now)
    assert second["previous_digest"] == first["digest"] != second["digest"]
    old = await desk.get("/reports/2014-H1?revision=1")
    assert plain(old) == plain(first)
    assert old["digest"] == first["digest"]
    assert old["restated"] is not None


async def test_the_digest_is_that_of_the_record_and_binds_it_to_the_report_closed_before(desk: People) -> None:
    log, first = await closed_half(desk)
    second = await desk.post("/periods/2014-Q1/close")
    answer = await desk.ask("GET", "/reports/2014-Q1/record")
    record = answer.json()
    assert hashlib.sha256(answer.content).hexdigest() == second["digest"]
    assert rfc8785.dumps(record) == answer.content
    assert record["previous_digest"] == first["digest"]
    assert set(record) == {
        "period", "revision", "closed_at", "closed_by", "scheme", "time_zone", "measures_version", "offsets",
        "pending_dead_letters", "events", "counties", "city", "previous_digest",
    }  # fmt: skip
    assert record["closed_by"] == {"role": "committee", "account": "committee"}
    assert record["counties"] == second["counties"]
    ids = sorted(event["id"] for event in log.events)
    assert record["events"] == {"count": len(ids), "sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest()}
    assert record["offsets"]["qingsheng.roster.events"] == {"0": len(ids)}
    assert (await desk.ask("GET", "/reports/2014-Q4/record")).status_code == 404


async def test_the_outside_is_told_and_every_change_leaves_an_audit_line(desk: People) -> None:
    _, first = await closed_half(desk)
    await desk.post("/periods/2014-H1/reopen", {"reason": "a reason"})
    async with desk.reading() as connection:
        told = [json.loads(row["value"]) for row in await connection.fetch("select value from outbox order by id")]
    assert [event["type"] for event in told] == [
        "qingsheng.appraisal.period_closed.v1",
        "qingsheng.appraisal.period_reopened.v1",
    ]
    closed, reopened = told
    assert closed["data"]["digest"] == first["digest"]
    assert closed["data"]["previous_digest"] is None
    assert [each["county"] for each in closed["data"]["scores"]] == [row["county"] for row in first["counties"]]
    assert closed["data"]["scores"][0]["score"] == first["counties"][0]["score"]
    assert (closed["county"], closed["partitionkey"]) == (CITY, "2014-H1")
    assert reopened["data"] == {"period": "2014-H1", "revision": 2, "reason": "a reason"}
    lines = (await desk.get("/audit", "auditor"))["items"]
    assert [line["action"] for line in lines] == ["period.reopened", "period.closed"]
    assert lines[1]["details"]["digest"] == first["digest"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/periods/2099/close", None),
        ("/periods/2014-H1/reopen", {"reason": "not closed at all"}),
        ("/periods/2014-H2/counties/350902/confirm", None),
    ],
)
async def test_what_the_state_does_not_allow_is_refused(desk: People, path: str, body: Any) -> None:
    await desk.take(half_a_year().events, NOW)
    who = A if "confirm" in path else "committee"
    if "confirm" in path:
        await desk.post("/periods/2014-H2/close")
    refused = await desk.post(path, body, who, 409)
    assert refused["code"] == "invalid_state"


async def test_a_closed_period_is_not_closed_again_and_nothing_is_closed_without_counties(desk: People) -> None:
    assert (await desk.post("/periods/2014-H1/close", status=409))["code"] == "invalid_state"
    await closed_half(desk)
    assert (await desk.post("/periods/2014-H1/close", status=409))["code"] == "invalid_state"
    assert (await desk.ask("GET", "/reports/2014-H1?revision=2")).status_code == 404
    both = await desk.ask("GET", "/reports/2014-H1?revision=1&as_of=2014-06-01")
    assert both.json()["pointer"] == "query:revision"


async def test_open_objections_are_listed_and_passed_by_only_with_a_reason(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    told = {"indicator": "training_coverage", "text": "The class of 27 May had two more venues."}
    made = await desk.post(f"/periods/2014-H1/counties/{A}/objections", told, A, 201)
    assert (await desk.post(f"/periods/2014-H1/counties/{A}/confirm", None, A, 409))["code"] == "invalid_state"
    refused = await desk.post("/periods/2014-H1/close", status=409)
    assert made["objection_id"] in refused["detail"]
    assert (await desk.post("/periods/2014-H1/close", {"force": True}, status=422))["pointer"] == "/reason"
    await desk.post("/periods/2014-H1/close", {"force": True, "reason": "answered by telephone"})
    state = await desk.get("/periods/2014-H1", "committee")
    assert state["revisions"][0]["reason"] == "answered by telephone"


async def test_a_resolved_objection_is_in_nobodys_way_and_counties_see_their_own(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    event = next(e for e in log.events if e["type"].endswith("tip_reported.v1"))
    told = {"event_id": event["id"], "text": "It was filed with the wrong county."}
    made = await desk.post(f"/periods/2014-H1/counties/{A}/objections", told, A, 201)
    assert [each["objection_id"] for each in (await desk.get("/periods/2014-H1/objections", A))["items"]] == [
        made["objection_id"]
    ]
    assert (await desk.get("/periods/2014-H1/objections", B))["items"] == []
    answer = {"outcome": "rejected", "answer": "The unit lies in the county."}
    done = await desk.post(f"/objections/{made['objection_id']}/resolve", answer)
    assert done["outcome"] == "rejected"
    again = await desk.post(f"/objections/{made['objection_id']}/resolve", answer, status=409)
    assert again["code"] == "invalid_state"
    await desk.post(f"/periods/2014-H1/counties/{A}/confirm", None, A)
    await desk.post("/periods/2014-H1/close")


async def test_a_confirmation_is_of_the_figures_that_were_looked_at(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    seen = {each["county"]: each for each in (await desk.get("/periods/2014-H1", A))["counties"]}
    assert set(seen) == {A}
    assert not seen[A]["confirmed"]
    await desk.post(f"/periods/2014-H1/counties/{A}/confirm", {"figures": seen[A]["figures"]}, A)
    assert (await desk.get("/periods/2014-H1", A))["counties"][0]["confirmed"]
    early = len(log.events)
    tip(log, A, date(2014, 5, 2))
    await desk.take(log.events[early:], NOW)
    [now] = (await desk.get("/periods/2014-H1", A))["counties"]
    assert not now["confirmed"]
    assert now["confirmed_at"]
    stale = await desk.post(f"/periods/2014-H1/counties/{A}/confirm", {"figures": seen[A]["figures"]}, A, 412)
    assert stale["code"] == "version_conflict"


async def test_counties_speak_for_themselves_only(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    told = {"indicator": "tips_reported", "text": "not ours"}
    for who, county in ((A, B), ("city", A), (A, CITY)):
        assert (await desk.post(f"/periods/2014-H1/counties/{county}/confirm", None, who, 403))["code"] == "forbidden"
        await desk.post(f"/periods/2014-H1/counties/{county}/objections", told, who, 403)
    await desk.post(f"/periods/2014-H1/counties/{CITY}/confirm", None, "city")
    await desk.post("/periods/2014-H1/close", None, A, 403)
    await desk.post("/periods/2014-H1/close", None, "", 401)
    for body in ({"text": "nothing named"}, told | {"event_id": "0198c0de-0000-7000-8000-000000000000"}):
        assert (await desk.post(f"/periods/2014-H1/counties/{A}/objections", body, A, 422))["code"] == "schema"


async def test_evidence_of_a_closed_period_is_what_it_was_closed_with(desk: People) -> None:
    log, first = await closed_half(desk)
    early = len(log.events)
    tip(log, A, date(2014, 5, 2))
    await desk.take(log.events[early:], NOW)
    path = f"/reports/2014-H1/counties/{A}/indicators/tips_reported/evidence?limit=1000"
    items = [item for item in (await desk.get(path))["items"] if item["part"] == "numerator"]
    row = next(row for row in first["counties"] if row["county"] == A)
    reported = next(each for each in row["indicators"] if each["indicator"] == "tips_reported")
    assert sum(item["counted"] for item in items) == reported["numerator"]
    assert [item["id"] for item in items if item["why_not"] == "after_closing"] == [log.events[early]["id"]]


async def test_a_plan_stands_beside_what_was_reached(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    path = f"/periods/2014-H1/plan/{A}/training_coverage"
    made = await desk.ask("PUT", path, "committee", json={"value": 0.6})
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    [item] = (await desk.get("/periods/2014-H1/plan"))["items"]
    assert item == {
        "county": A, "indicator": "training_coverage", "planned": 0.6, "actual": 0.5, "difference": -0.1, "met": False,
        "version": 1,
    }  # fmt: skip
    assert (await desk.ask("PUT", path, "committee", json={"value": 0.5})).status_code == 428
    headers = desk.headers["committee"] | {"If-Match": '"1"'}
    changed = await desk.http.put(f"/appraisal/api/v1{path}", headers=headers, json={"value": 0.5})
    assert changed.json()["version"] == 2
    assert (await desk.get("/periods/2014-H1/plan"))["items"][0]["met"]
    assert (await desk.ask("PUT", path, A, json={"value": 1})).status_code == 403
