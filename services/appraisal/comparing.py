"""Reports beside each other: under another scheme, two schemes on one period, one period after another."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.appraisal import reports
from services.appraisal.moves import less, moves
from services.appraisal.periods import Period
from services.appraisal.reports import Question
from services.appraisal.schemes import Scheme
from shared.postgres import Connection


async def what_if(
    connection: Connection, asked: Question, draft: Scheme, *, prefix: str, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """``{report, moves}``: both schemes computed from the same events, so that the moves are the scheme's alone."""
    found = await reports.inputs(connection, asked, asked.scheme, draft)
    drafted = reports.under(asked, draft)
    before, after = reports.computed(asked, found), reports.computed(drafted, found)
    report = await reports.as_told(connection, drafted, after, prefix=prefix, now=now, zone=zone)
    return {"report": report, "moves": moves(before["counties"], after["counties"])}


async def side_by_side(connection: Connection, asked: Question, other: Scheme) -> dict[str, Any]:
    """``asked`` names the left scheme, ``other`` is the right one."""
    found = await reports.inputs(connection, asked, asked.scheme, other)
    left, right = (reports.computed(reports.under(asked, each), found) for each in (asked.scheme, other))
    by_county = {row["county"]: row for row in left["counties"]}
    return {
        "period": asked.period.code,
        "status": asked.status,
        "left": asked.scheme.to_data() | {"digest": asked.scheme.digest},
        "right": other.to_data() | {"digest": other.digest},
        "counties": [
            dict(move) | {"indicators": _indicators(by_county[row["county"]]["indicators"], row["indicators"])}
            for move, row in zip(moves(left["counties"], right["counties"]), right["counties"], strict=True)
        ],
    }


def _indicators(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every indicator of either scheme; null on the side that does not have it."""
    here = {each["indicator"]: each for each in left}
    there = {each["indicator"]: each for each in right}
    return [
        {
            "indicator": name,
            "left": _shown(here.get(name)),
            "right": _shown(there.get(name)),
            "points_change": less(
                there[name]["points"] if name in there else None, here[name]["points"] if name in here else None
            ),
        }
        for name in dict.fromkeys([*here, *there])
    ]


def _shown(each: Mapping[str, Any] | None) -> dict[str, Any] | None:
    names = ("weight", "target", "value", "attainment", "points", "note")
    return {name: each[name] for name in names} if each else None


async def at_a_glance(connection: Connection, asked: Question) -> dict[str, Any]:
    """Score and rank per county, of one period: as closed, or as it stands."""
    rows = await reports.rows(connection, asked)
    return {
        "period": asked.period.code,
        "status": asked.status,
        "revision": asked.closing.revision if asked.closing else None,
        "scheme": asked.scheme.scheme_id,
        "scheme_version": asked.scheme.version,
        "provisional": asked.closing is None,
        "counties": [
            {"county": row["county"], "name": row["name"], "score": row["score"], "rank": row["rank"]} for row in rows
        ],
    }


Rows = Mapping[str, Mapping[str, Any]]


async def before(
    connection: Connection, asked: Question, count: int, now: datetime, zone: ZoneInfo
) -> list[tuple[Period, Rows]]:
    """The rows by county of up to ``count`` periods of the same length before, the earliest first: as closed, or as they
    stand. They begin with the first in which anything was counted: the scores of 0 before it tell nothing."""
    found: list[tuple[Period, Rows]] = []
    for step in range(-count, 0):
        try:
            code = asked.period.neighbour(step).code
        except ValueError:  # before the first year that can be written
            continue
        earlier = await reports.settled(connection, reports.question(code, None, None, now, zone), zone)
        rows = await reports.rows(connection, earlier)
        if found or reports.counting(rows):
            found.append((earlier.period, {row["county"]: row for row in rows}))
    return found
