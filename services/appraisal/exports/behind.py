"""The events behind a report's figures, for its evidence sheet: as many as a sheet is good for."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.appraisal import reports
from shared.postgres import Connection

MOST_ROWS = 10_000
"""Of a sheet, shared evenly by all figures."""
MOST_OF_A_FIGURE = 500
FEWEST_OF_A_FIGURE = 10
"""With so many bodies that a figure's share would be less, no events are listed."""


class Behind(NamedTuple):
    """``rows``: county, indicator and the event as the evidence API tells it; ``limit``: events a figure at most (0: none
    are listed); ``cut``: how many figures have more."""

    rows: Sequence[tuple[str, str, Mapping[str, Any]]]
    limit: int
    cut: int


async def events_behind(connection: Connection, asked: reports.Question, report: Mapping[str, Any]) -> Behind:
    """In the order of the report. Reads within the caller's snapshot."""
    figures = [(row["county"], each["indicator"]) for row in report["counties"] for each in row["indicators"]]
    limit = min(MOST_OF_A_FIGURE, MOST_ROWS // max(1, len(figures)))
    if limit < FEWEST_OF_A_FIGURE:
        return Behind([], 0, len(figures))
    rows: list[tuple[str, str, Mapping[str, Any]]] = []
    cut = 0
    for county, indicator in figures:
        found = await reports.evidence_page(connection, asked, county, indicator, None, limit)
        cut += len(found) > limit
        rows += [(county, indicator, item) for item in found[:limit]]
    return Behind(rows, limit, cut)


async def records_set_aside(connection: Connection) -> int:
    """Dead letters that nobody has replayed or discarded: what the figures may lack."""
    return await connection.fetchval("select count(*) from dead_letter")
