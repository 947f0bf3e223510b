"""How good the data behind a period's report are, as far as the appraisal can know: told beside the numbers."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from services.appraisal import queries
from services.appraisal.measures import LONGEST_WAIT, Measure
from services.appraisal.periods import Evaluation
from services.appraisal.storage import SOURCES
from shared.contracts.topics import INTAKE_SERVICES, events_topic
from shared.postgres import Connection

SOURCE_OF: Mapping[int, str] = {
    Measure.STOCK: "roster",
    Measure.TRAINED_MONTH: "training",
    Measure.TIP_REPORTED: "opinion",
    Measure.TIP_RESOLVED: "opinion",
    Measure.CASE_OPENED: "opinion",
    Measure.POST: "campaign",
    Measure.SHARE: "campaign",
}
"""What shows that a source told of a county in a month."""
_MOST_LETTERS = 5_000


async def quality(
    connection: Connection, seen: Evaluation, zone: ZoneInfo, prefix: str, now: datetime
) -> dict[str, Any]:
    """``{freshness, counties, dead_letters, parked}``: see the parts. ``parked``: where each service that takes reports of
    other systems tells how many of them wait; they stand in its own schema, and no event speaks of them yet."""
    fresh = await queries.freshness(connection, prefix)
    return {
        "freshness": fresh,
        "counties": await _completeness(connection, seen) if seen.begun else [],
        "dead_letters": await _dead_letters(connection, seen, zone, prefix),
        "parked": [{"service": name, "read": f"/{name}/api/v1/intake/waiting"} for name in INTAKE_SERVICES],
    }


async def _completeness(connection: Connection, seen: Evaluation) -> list[dict[str, Any]]:
    """By county and source: in how many of the months begun anything was counted, and the latest of them (``2014-05``).
    A source that told nothing of a county at all in the period has 0 months: nothing happened, or nothing was reported."""
    rows = await connection.fetch(
        """select distinct county, measure, to_char(day, 'YYYY-MM') as month
           from tally where measure = any($1::smallint[]) and day between $2 and $3 and n <> 0""",
        [int(measure) for measure in SOURCE_OF],
        seen.period.start,
        seen.day,
    )
    months: dict[tuple[str, str], set[str]] = {}
    for county, measure, month in rows:
        months.setdefault((county, SOURCE_OF[measure]), set()).add(month)
    begun = len(seen.months)
    return [
        {
            "county": body.county,
            "name": body.name,
            "sources": {
                source: {
                    "months": len(found := months.get((body.county, source), set())),
                    "of": begun,
                    "latest": max(found, default=None),
                }
                for source in SOURCES
            },
        }
        for body in await queries.known_bodies(connection)
    ]


async def _dead_letters(connection: Connection, seen: Evaluation, zone: ZoneInfo, prefix: str) -> dict[str, Any]:
    """Records of the sources that could not be applied and may concern the period: dated in it or in the time before in
    which what falls due in it began, or of no date that can be read."""
    rows = await connection.fetch(
        "select topic, reason, value from dead_letter where topic = any($1::text[]) order by id desc limit $2",
        [prefix + events_topic(service) for service in SOURCES],
        _MOST_LETTERS + 1,
    )
    found = Counter(
        (row["topic"].removeprefix(prefix), row["reason"], county, dated)
        for row in rows[:_MOST_LETTERS]
        for county, dated in _concerning(row["value"], seen, zone)
    )
    return {
        "total": sum(found.values()),
        "complete": len(rows) <= _MOST_LETTERS,
        "items": [
            {"topic": topic, "reason": reason, "county": county, "dated": dated, "letters": letters}
            for (topic, reason, county, dated), letters in sorted(found.items(), key=lambda item: str(item[0]))
        ],
    }


def _concerning(value: bytes | None, seen: Evaluation, zone: ZoneInfo) -> Sequence[tuple[str | None, bool]]:
    """``(county, whether it has a date)``, empty for a record of another time."""
    try:
        told = json.loads(value or b"")
    except (ValueError, RecursionError):
        told = None
    event: Mapping[str, Any] = told if isinstance(told, dict) else {}
    county = event.get("county")
    code = county if isinstance(county, str) and len(county) == 6 and county.isdecimal() else None
    try:
        day = datetime.fromisoformat(str(event.get("time", "")).upper()).astimezone(zone).date()
    except (ValueError, OverflowError):
        return [(code, False)]
    earliest = seen.period.start - timedelta(days=LONGEST_WAIT)
    return [(code, True)] if earliest <= day <= seen.period.end else []
