"""How good the data are, beside the numbers: freshness, completeness by county and source, dead letters, what waits."""

import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest

from tests.appraisal.test_closing import CITY, NOW, A, B, half_a_year, tip
from tests.support.appraisal import People, people
from tests.training.harness import training_at
from tests.training.test_intake import attendance


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A, B]) as made:
        yield made


async def quality(desk: People, period: str = "2014-H1") -> dict[str, Any]:
    return await desk.get(f"/reports/{period}/quality")


async def letter(desk: People, event: dict[str, Any] | bytes, reason: str = "schema", service: str = "opinion") -> None:
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    async with desk.reading() as connection:
        number = await connection.fetchval("select count(*) from dead_letter")
        await connection.execute(
            """insert into dead_letter (topic, "partition", "offset", reason, value, headers, sealed, detail)
               values ($1, 0, $2, $3, $4, '[]', false, '')""",
            f"qingsheng.{service}.events",
            number,
            reason,
            value,
        )


async def test_completeness_tells_by_county_and_source_in_how_many_months_something_was_counted(desk: People) -> None:
    log = half_a_year()
    tip(log, A, date(2014, 2, 3))
    await desk.take(log.events, NOW)
    rows = {row["county"]: row["sources"] for row in (await quality(desk))["counties"]}
    assert set(rows) == {A, B, CITY}
    # Tips of A in February and April; resolved in April. Registered in February; one class in May, counted for its month.
    assert rows[A]["opinion"] == {"months": 2, "of": 6, "latest": "2014-04"}
    assert rows[A]["roster"] == {"months": 1, "of": 6, "latest": "2014-02"}
    assert rows[A]["training"] == {"months": 1, "of": 6, "latest": "2014-05"}
    assert rows[B]["opinion"]["months"] == 1
    assert rows[CITY]["opinion"] == {"months": 0, "of": 6, "latest": None}
    assert rows[A]["campaign"] == {"months": 0, "of": 6, "latest": None}
    quarter = {row["county"]: row["sources"] for row in (await quality(desk, "2014-Q1"))["counties"]}
    assert quarter[A]["opinion"]["months"] == 1
    assert quarter[B]["opinion"] == {"months": 0, "of": 3, "latest": None}
    assert (await quality(desk, "2099"))["counties"] == []


async def test_dead_letters_are_told_where_they_may_concern_the_period(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    assert (await quality(desk))["dead_letters"] == {"total": 0, "complete": True, "items": []}
    await letter(desk, {"county": A, "time": "2014-05-02T10:00:00+08:00"})
    await letter(desk, {"county": A, "time": "2014-06-30T23:59:59+08:00"})
    await letter(desk, {"county": A, "time": "2014-06-30T16:00:00Z"})  # 1 July in Ningde: another period
    await letter(desk, {"county": B, "time": "2013-07-01T10:00:00+08:00"})  # what was reported then may fall due in it
    await letter(desk, {"county": B, "time": "2012-12-01T10:00:00+08:00"})  # longer ago than any scheme waits
    await letter(desk, b"not json at all", reason="not_json")
    await letter(desk, {"county": {"nested": 1}, "time": "soon"})
    await letter(desk, b"[" * 100_000, reason="not_json", service="roster")
    found = (await quality(desk))["dead_letters"]
    told = {(e["topic"], e["reason"], e["county"], e["dated"]): e["letters"] for e in found["items"]}
    assert told == {
        ("qingsheng.opinion.events", "schema", A, True): 2,
        ("qingsheng.opinion.events", "schema", B, True): 1,
        ("qingsheng.opinion.events", "not_json", None, False): 1,
        ("qingsheng.opinion.events", "schema", None, False): 1,
        ("qingsheng.roster.events", "not_json", None, False): 1,
    }
    assert (found["total"], found["complete"]) == (6, True)
    later = (await quality(desk, "2014-Q3"))["dead_letters"]
    assert sum(each["letters"] for each in later["items"] if each["dated"]) == 4


async def test_freshness_is_null_while_a_partition_is_not_read_to_its_end(desk: People) -> None:
    await desk.take(half_a_year().events, NOW)
    assert (await quality(desk))["freshness"]["caught_up_at"] is not None
    async with desk.reading() as connection:
        await connection.execute("update consumer_offset set caught_up_at = null where topic like '%training%'")
    assert (await quality(desk))["freshness"]["caught_up_at"] is None


async def test_where_reports_wait_is_told_and_each_service_counts_its_own(desk: People, database_url: str) -> None:
    parked = (await quality(desk))["parked"]
    assert [each["service"] for each in parked] == ["training", "opinion", "campaign"]
    read = next(each["read"] for each in parked if each["service"] == "training")
    async with training_at(database_url) as training:
        empty = (await training.http.get(read)).json()
        assert empty == {"reports": 0, "oldest_at": None, "items": []}
        unknown = "0198c0de-0000-7000-8000-00000000000%d"
        await training.take(*(attendance(unknown % 9, unknown % number) for number in range(3)))
        found = (await training.http.get(read)).json()
    assert found["reports"] == 3
    assert found["oldest_at"] is not None
    assert {(e["type"], e["waits_for"], e["reports"]) for e in found["items"]} == {
        ("qingsheng.intake.attendance_reported.v1", "volunteer", 3)
    }
