"""Lists as files, put to the commands row by row."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.training import commands, lists, rules, storage, venues
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.tables import Line, Table
from shared.uploads import Result, refused


async def record_table(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, table: Table, *, dry_run: bool
) -> list[Result]:
    """Records a list of attendances; what became of each row. Raises as ``commands.record_list``."""
    usual = await _usual(connection, clock, session_id)

    async def record(rows: list[Any]) -> list[Any]:
        return await commands.record_list(connection, clock, who, session_id, rows)

    def told(line: Line, attendance_id: UUID) -> Result:
        return {"row": line.row, "status": "recorded", "attendance_id": None if dry_run else str(attendance_id)}

    return await _by_row(table, lambda line: lists.attended(line, usual), record, told)


async def expect_table(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, table: Table
) -> list[Result]:
    """Replaces the list of those expected; what became of each row. Raises as ``venues.expect``."""
    usual = await _usual(connection, clock, session_id)

    async def expect(rows: list[Any]) -> list[Any]:
        return await venues.expect(connection, who, session_id, rows)

    return await _by_row(
        table, lambda line: lists.expected(line, usual), expect, lambda line, _: {"row": line.row, "status": "expected"}
    )


async def _by_row(
    table: Table, read: Callable[[Line], Any], decide: Callable[[list[Any]], Any], told: Callable[[Line, Any], Result]
) -> list[Result]:
    rows = [(line, read(line)) for line in table.lines]
    decided = iter(await decide([row for _, row in rows if not isinstance(row, Refusal)]))
    results: list[Result] = []
    for line, row in rows:
        result = row if isinstance(row, Refusal) else next(decided)
        results.append(refused(line.row, result) if isinstance(result, Refusal) else told(line, result))
    return results


async def _usual(connection: Connection, clock: Clock, session_id: UUID) -> lists.Usual:
    session = (await storage.hold_sessions(connection, [session_id])).get(session_id)
    if session is None:
        raise Refusal("not_found")
    first, _ = rules.days_of(session["starts_at"], session["ends_on"], clock.zone)
    one_venue = 1 if session["venue_count"] == 1 else None
    return lists.Usual(session_id, one_venue, min(session["hours"], rules.MOST_HOURS), first)
