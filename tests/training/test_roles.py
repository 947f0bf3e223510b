"""Who may do what in training: counties apart, producers read what they need."""

from typing import Any

import pytest

from qingsheng.producers import revoke
from shared.access.roles import Role
from tests.support.producing import key_of
from tests.training.harness import CITY, GUTIAN, JIAOCHENG, XIAPU, Service, refused, session_of
from tests.training.test_api import attended, entry, held, session_body

API = "/training/api/v1"


async def test_a_county_operator_does_all_for_the_own_county_and_nothing_for_another(training: Service) -> None:
    await training.know(training.roster.unit(JIAOCHENG), training.roster.unit(XIAPU))
    own = await training.as_county(JIAOCHENG)
    foreign = session_body(organisers=[XIAPU])
    for path in ("/sessions", "/plan"):
        assert (await training.post(path, session_body(), **own)).status_code == 201
        assert refused(await training.post(path, foreign, **own)) == (403, "forbidden", None)
    theirs = (await training.post("/plan", foreign)).json()["session_id"]
    put = {"headers": own | {"If-Match": "*"}}
    calls = [
        training.http.get(f"{API}/sessions/{theirs}", headers=own),
        training.post(f"/sessions/{theirs}/hold", {}, **own),
        training.post(f"/sessions/{theirs}/cancel", {"reason": "x"}, **own),
        training.post(f"/sessions/{theirs}/venues/1/link", {}, **own),
        training.http.delete(f"{API}/sessions/{theirs}/venues/1/link", headers=own),
        training.http.put(f"{API}/sessions/{theirs}", json=session_body(), **put),
        training.http.put(f"{API}/sessions/{theirs}/venues", json={"venues": [{"name": "甲"}]}, **put),
        training.http.put(f"{API}/sessions/{theirs}/expected", json={"entries": []}, headers=own),
    ]
    for call in calls:
        assert refused(await call) == (403, "forbidden", None)
    await training.post(f"/sessions/{theirs}/hold", {})
    volunteer = await training.volunteer(XIAPU)
    body = {"entries": [entry(volunteer)]}
    assert refused(await training.post(f"/sessions/{theirs}/attendances", body, **own)) == (403, "forbidden", None)
    listed = (await training.http.get(f"{API}/sessions?state=all", headers=own)).json()["items"]
    assert {session["county"] for session in listed} == {JIAOCHENG}


async def test_a_plan_may_not_be_moved_to_another_county(training: Service) -> None:
    await training.know(training.roster.unit(JIAOCHENG), training.roster.unit(XIAPU))
    planned = (await training.post("/plan", session_body())).json()["session_id"]
    headers = await training.as_county(JIAOCHENG) | {"If-Match": "*"}
    answer = await training.http.put(
        f"{API}/sessions/{planned}", json=session_body(organisers=[XIAPU]), headers=headers
    )
    assert refused(answer) == (403, "forbidden", None)


async def test_a_county_records_its_own_volunteers_wherever_they_attended(training: Service) -> None:
    """At a session of the city, or of another county in which it takes part."""
    await training.know(*(training.roster.unit(unit) for unit in (CITY, JIAOCHENG, XIAPU, GUTIAN)))
    mine, other = await training.volunteer(XIAPU), await training.volunteer(GUTIAN)
    own = await training.as_county(XIAPU)
    of_city = await held(training, organisers=[CITY])
    venues = [{"name": "霞浦分会场", "unit_id": XIAPU}, {"name": "主会场"}]
    joint = await held(training, organisers=[GUTIAN], venues=venues, venue_count=2)
    for session_id in (of_city, joint):
        assert (await training.http.get(f"{API}/sessions/{session_id}", headers=own)).status_code == 200
        answer = await training.post(
            f"/sessions/{session_id}/attendances", {"entries": [entry(mine), entry(other)]}, **own
        )
        assert [(row["status"], row.get("code")) for row in answer.json()["rows"]] == [
            ("recorded", None),
            ("refused", "forbidden"),
        ]
    assert {s["session_id"] for s in (await training.http.get(f"{API}/sessions", headers=own)).json()["items"]} == {
        of_city,
        joint,
    }
    # It may change neither, but issue the link to its own venue.
    cancel = await training.post(f"/sessions/{joint}/cancel", {"reason": "x"}, **own)
    assert refused(cancel) == (403, "forbidden", None)
    assert (await training.post(f"/sessions/{joint}/venues/1/link", {}, **own)).status_code == 201
    assert refused(await training.post(f"/sessions/{joint}/venues/2/link", {}, **own)) == (403, "forbidden", None)


async def test_attendances_are_seen_and_voided_by_their_own_county(training: Service) -> None:
    session_id = await held(training)
    volunteer = await training.volunteer(XIAPU)
    [row] = (await attended(training, session_id, entry(volunteer)))["rows"]
    here, there = await training.as_county(JIAOCHENG), await training.as_county(XIAPU)
    path = f"/attendances/{row['attendance_id']}"
    assert refused(await training.http.get(API + path, headers=here)) == (403, "forbidden", None)
    assert refused(await training.post(f"{path}/void", {"reason": "error"}, **here)) == (403, "forbidden", None)
    assert (await training.http.get(f"{API}/attendances", headers=here)).json()["items"] == []
    assert len((await training.http.get(f"{API}/attendances", headers=there)).json()["items"]) == 1
    assert (await training.post(f"{path}/void", {"reason": "error"}, **there)).status_code == 200


async def test_a_producer_reads_sessions_and_nothing_else(training: Service) -> None:
    session_id = await held(training)
    key = await key_of(training.settings, "feeds")
    listed = (await training.http.get(f"{API}/sessions", headers=key)).json()["items"]
    assert [session["session_id"] for session in listed] == [session_id]
    assert (await training.http.get(f"{API}/sessions/{session_id}", headers=key)).status_code == 200
    for path in ("/attendances", "/plan?year=2014"):
        assert refused(await training.http.get(API + path, headers=key)) == (403, "forbidden", None)
    assert refused(await training.post("/sessions", session_body(), **key)) == (403, "forbidden", None)
    await revoke(training.settings.model_copy(update={"kafka_user": ""}), "feeds")  # there is no Kafka to sign in to
    assert refused(await training.http.get(f"{API}/sessions", headers=key)) == (401, "unauthorized", None)


@pytest.mark.parametrize("role", [Role.COMMITTEE, Role.AUDITOR])
async def test_readers_write_nothing(training: Service, role: Role) -> None:
    session_id = await held(training)
    reader = await session_of(training.settings, role)
    assert (await training.http.get(f"{API}/sessions/{session_id}", headers=reader)).status_code == 200
    writes: list[tuple[str, Any]] = [
        ("/sessions", session_body()),
        ("/plan", session_body()),
        (f"/sessions/{session_id}/cancel", {"reason": "x"}),
        (f"/sessions/{session_id}/venues/1/link", {}),
        (f"/sessions/{session_id}/attendances", {"entries": [entry(session_id)]}),
    ]
    for path, body in writes:
        assert refused(await training.post(path, body, **reader)) == (403, "forbidden", None)
