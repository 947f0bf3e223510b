"""Growth: the cost of an event in a small deployment and in one of 3,000 counties with a million volunteers.

    python -m bench.growth [--events 200000] [--volunteers 1000000]

Before the events come, each volunteer already has a share in every one of two months, stored by SQL, so that the tables and
their indexes have the size that such a deployment has. The events are by different volunteers in turn.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from bench.catch_up import COUNTIES, VOLUNTEERS, produce, share_events, taken_in, volunteers_of
from bench.stack import empty_stack
from bench.synthetic import code
from qingsheng.migrations import amigrate
from qingsheng.topics import ensure_topics
from shared.settings import Settings

MANY_COUNTIES = 3_000
_BEFORE = """
    insert into appraisal.fact
        (id, subject, volunteer, time, recordedtime, sequence, "offset", day, "partition", kind, flag, county)
    select uuidv7(), uuidv7(), volunteer, day, day, 0, 0, day, 0, 14, 0, county
    from grown, unnest(array[date '2013-11-15', date '2013-12-15']) as day;
    insert into appraisal.person_count (volunteer, start, grain, county, n)
    select volunteer, start, 12, county, 1 from grown, unnest(array[date '2013-11-01', date '2013-12-01']) as start;
    insert into appraisal.tally (measure, county, day, bucket, n)
    select 12, county, start, 1, count(*) from grown, unnest(array[date '2013-11-01', date '2013-12-01']) as start group by 2, 3;
"""


async def grown(database_url: str, volunteers: Sequence[tuple[UUID, str, UUID]]) -> None:
    connection: Any = await asyncpg.connect(database_url)
    try:
        await connection.execute("create temp table grown (volunteer uuid, county text)")
        await connection.copy_records_to_table("grown", records=[each[:2] for each in volunteers])
        await connection.execute(_BEFORE)
        await connection.execute("vacuum analyze")
    finally:
        await connection.close()


async def measure(settings: Settings, events: int, counties: Sequence[str], volunteers: int) -> dict[str, Any]:
    """On an empty deployment."""
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    people = volunteers_of(counties, volunteers)
    await grown(settings.database_url, people)
    messages = share_events(events, volunteers=people)
    await produce(settings, messages)
    found = await taken_in(settings, events, seconds=600)
    found["us_per_event"] = 1e6 / found["per_second"]
    return found


async def right(settings: Settings, events: int, volunteers: int) -> bool:
    connection: Any = await asyncpg.connect(settings.database_url)
    try:
        return events + 2 * volunteers == await connection.fetchval(
            "select sum(n) from appraisal.person_count where grain = 12"
        )
    finally:
        await connection.close()


def once(events: int, many: int) -> dict[str, Any]:
    """Small and large, each on servers of its own."""
    found: dict[str, Any] = {}
    for name, counties, volunteers in (
        ("small", COUNTIES, VOLUNTEERS),
        ("large", [code(n, MANY_COUNTIES) for n in range(MANY_COUNTIES)], many),
    ):
        with empty_stack() as settings:
            found[name] = asyncio.run(measure(settings, events, counties, volunteers))
            found[name]["right"] = asyncio.run(right(settings, events, volunteers))
    found["cost"] = found["large"]["us_per_event"] / found["small"]["us_per_event"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--volunteers", type=int, default=1_000_000)
    told = parser.parse_args()
    found = once(told.events, told.volunteers)
    for each in ("small", "large"):
        found[each].pop("samples")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
