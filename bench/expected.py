"""What a log of shares must lead to, reckoned from the messages by themselves, and what tables hold."""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

SHANGHAI = ZoneInfo("Asia/Shanghai")


def expected(messages: Sequence[tuple[bytes, bytes]]) -> tuple[int, dict[Any, int], dict[Any, int]]:
    """Facts, shares by volunteer and month and county, volunteers by county, month and how many at least: reckoned from
    the messages by themselves."""
    persons: Counter[tuple[str, date, str]] = Counter()
    for _, value in messages:
        event = json.loads(value)
        day = datetime.fromisoformat(event["time"]).astimezone(SHANGHAI).date()
        persons[event["data"]["volunteer_id"], day.replace(day=1), event["county"]] += 1
    tallies: Counter[tuple[str, date, int]] = Counter()
    for (_, month, county), n in persons.items():
        tallies.update((county, month, bucket) for bucket in range(1, min(n, 10) + 1))
    return len(messages), dict(persons), dict(tallies)


async def stored(database_url: str, schema: str) -> tuple[int, dict[Any, int], dict[Any, int]]:
    connection = await asyncpg.connect(database_url)
    try:
        persons = await connection.fetch(f"select volunteer, start, county, n from {schema}.person_count where n <> 0")
        tallies = await connection.fetch(
            f"select county, day, bucket, n from {schema}.tally where measure = 12 and n <> 0"
        )
        return (
            await connection.fetchval(f"select count(*) from {schema}.fact"),
            {(str(volunteer), start, county): n for volunteer, start, county, n in persons},
            {(county, day, bucket): n for county, day, bucket, n in tallies},
        )
    finally:
        await connection.close()
