"""Venues on the day: private links, who is expected, and what a host may record."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.training import venues
from shared.access.links import hash_of
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from tests.training.harness import JIAOCHENG, SHANGHAI, XIAPU, Service, at, refused, training_at
from tests.training.test_api import session_body

VENUES = [{"name": "主会场"}, {"name": "霞浦分会场", "unit_id": XIAPU}]


@pytest.fixture
async def training(database_url: str) -> AsyncIterator[Service]:
    """At the time that a test tells."""
    async with training_at(database_url, story_mode=True) as found:
        await found.know(found.roster.unit(JIAOCHENG), found.roster.unit(XIAPU))
        yield found


async def session(training: Service, **change: Any) -> str:
    body = session_body(venues=VENUES, venue_count=2, **change)
    answer = await training.post("/plan", body)
    assert answer.status_code == 201, answer.text
    return answer.json()["session_id"]


async def hold(training: Service, session_id: str) -> None:
    answer = await training.post(
        f"/sessions/{session_id}/hold", {}, Qingsheng_Story_Time=at("2014-05-27 15:00").isoformat()
    )
    assert answer.status_code == 200, answer.text


async def link(training: Service, session_id: str, venue_no: int = 1, **headers: str) -> str:
    """The token of a new link."""
    answer = await training.post(
        f"/sessions/{session_id}/venues/{venue_no}/link", {}, Idempotency_Key=str(uuid4()), **headers
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["path"].removeprefix("/training/venue/")


async def came(training: Service, token: str, *told: Any, when: str = "2014-05-27 15:30") -> list[Any]:
    """For each told: ``recorded`` or the code."""
    clock = Clock(SHANGHAI, story=True)
    with clock.told(at(when)):
        async with training.transaction() as connection:
            results = await venues.record_at(connection, clock, token, [str(each) for each in told])
    return [result.code if isinstance(result, Refusal) else "recorded" for _, result in results]


async def test_a_host_records_who_came(training: Service) -> None:
    session_id = await session(training)
    await hold(training, session_id)
    token = await link(training, session_id, 2)
    one, two, before = await training.volunteer(), await training.volunteer(XIAPU), uuid4()
    expected = [
        {"volunteer_id": str(one), "venue_no": 2, "list_no": 7},
        {"volunteer_id": str(two), "venue_no": 1, "list_no": 8},
    ]
    await training.http.put(f"/training/api/v1/sessions/{session_id}/expected", json={"entries": expected})
    # By the number on the list, by id; a number of another venue's list, a stranger, nonsense; told twice, once.
    assert await came(training, token, 7, two, 8, before, "张三", 7) == [
        "recorded",
        "recorded",
        "unknown_volunteer",
        "unknown_volunteer",
        "unknown_volunteer",
    ]
    assert await came(training, token, one) == ["already_recorded"]
    events = await training.events("attendance_recorded")
    assert [(e.data.volunteer_id, e.data.venue_no, e.data.hours, e.data.held_on.isoformat()) for e in events] == [
        (one, 2, 2.5, "2014-05-27"),
        (two, 2, 2.5, "2014-05-27"),
    ]
    assert [event.county for event in events] == [JIAOCHENG, XIAPU]
    venue = (await training.get(f"/sessions/{session_id}")).json()["venues"][1]
    assert (venue["expected"], venue["attendances"], venue["has_link"]) == (1, 2, True)


async def test_the_link_works_on_the_days_of_the_session_only(training: Service) -> None:
    session_id = await session(training, ends_on="2014-05-28")
    token, volunteer = await link(training, session_id), await training.volunteer()

    async def refusal(when: str) -> str:
        with pytest.raises(Refusal) as raised:
            await came(training, token, volunteer, when=when)
        return raised.value.code

    assert await refusal("2014-05-27 15:00") == "invalid_state"  # not held yet
    await hold(training, session_id)
    assert await refusal("2014-05-26 23:59") == "invalid_state"
    assert await refusal("2014-05-29 00:00") == "invalid_state"
    assert await came(training, token, volunteer, when="2014-05-28 23:59") == ["recorded"]
    await training.post(f"/sessions/{session_id}/cancel", {"reason": "x"})
    assert await refusal("2014-05-27 16:00") == "invalid_state"


async def test_a_link_is_kept_as_its_hash_and_ends_when_revoked_or_replaced(training: Service) -> None:
    session_id = await session(training)
    await hold(training, session_id)
    volunteer = await training.volunteer()
    first = await link(training, session_id)
    stored = await training.pool.fetch("select * from venue_link")
    assert [row["token_hash"] for row in stored] == [hash_of(first)]
    assert first not in str([dict(row) for row in stored])
    kept = await training.pool.fetch(
        "select convert_from(body, 'utf8') as body from idempotency_key where body is not null"
    )
    assert first not in str([row["body"] for row in kept])
    second = await link(training, session_id)
    for dead in (first, "x" * 43, ""):
        with pytest.raises(Refusal, match="not_found"):
            await came(training, dead, volunteer)
    path = f"/training/api/v1/sessions/{session_id}/venues/1/link"
    assert (await training.http.delete(path)).status_code == 200
    assert refused(await training.http.delete(path)) == (404, "not_found", None)
    with pytest.raises(Refusal, match="not_found"):
        await came(training, second, volunteer)
    actions = await training.pool.fetch("select action, actor from audit order by number")
    assert [row["action"] for row in actions] == ["venue_link.issued", "venue_link.issued", "venue_link.revoked"]


async def test_a_link_of_a_county_records_its_own_volunteers_only(training: Service) -> None:
    session_id = await session(training)
    await hold(training, session_id)
    token = await link(training, session_id, 2, **await training.as_county(XIAPU))
    mine, other = await training.volunteer(XIAPU), await training.volunteer()
    assert await came(training, token, mine, other) == ["recorded", "forbidden"]


async def test_a_venue_that_is_no_more_has_no_link(training: Service) -> None:
    session_id = await session(training)
    token = await link(training, session_id, 2)
    path = f"/training/api/v1/sessions/{session_id}/venues"
    await training.http.put(path, json={"venues": VENUES[:1]}, headers={"If-Match": "*"})
    await hold(training, session_id)
    with pytest.raises(Refusal, match="not_found"):
        await came(training, token, await training.volunteer())
    answer = await training.post(f"/sessions/{session_id}/venues/2/link", {})
    assert refused(answer) == (404, "not_found", None)


async def test_a_list_of_those_expected_is_answered_row_by_row_and_replaced(training: Service) -> None:
    session_id = await session(training)
    one, two = await training.volunteer(), await training.volunteer()

    async def expect(*entries: dict[str, Any]) -> list[tuple[Any, Any]]:
        body = {"entries": [{"volunteer_id": str(e.pop("of")), "venue_no": 1, **e} for e in entries]}
        answer = await training.http.put(f"/training/api/v1/sessions/{session_id}/expected", json=body)
        assert answer.status_code == 200, answer.text
        return [(row["code"], row["pointer"]) for row in answer.json()["rows"]]

    assert await expect(
        {"of": one, "list_no": 1},
        {"of": one},
        {"of": two, "list_no": 1},
        {"of": two, "venue_no": 3},
        {"of": UUID(int=1)},
        {"of": two, "list_no": 2},
    ) == [
        (None, None),
        ("already_recorded", "/entries/1/volunteer_id"),
        ("schema", "/entries/2/list_no"),
        ("schema", "/entries/3/venue_no"),
        ("unknown_volunteer", "/entries/4/volunteer_id"),
        (None, None),
    ]
    assert await training.pool.fetchval("select count(*) from expected") == 2
    assert await expect({"of": two}) == [(None, None)]
    assert await training.pool.fetchval("select count(*) from expected") == 1
