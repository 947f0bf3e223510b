"""Lists of shares as files, put to the command row by row."""

from services.campaign import commands, lists
from services.campaign.rules import Share
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.tables import Table
from shared.uploads import Result, refused


async def log_table(
    connection: Connection, clock: Clock, who: Principal, table: Table, *, dry_run: bool
) -> list[Result]:
    """What became of each row."""
    rows = [(line, lists.shared(line, clock.zone)) for line in table.lines]
    decided = iter(await commands.log_list(connection, clock, who, [row for _, row in rows if isinstance(row, Share)]))
    results: list[Result] = []
    for line, row in rows:
        result = row if isinstance(row, Refusal) else next(decided)
        if isinstance(result, Refusal):
            results.append(refused(line.row, result))
        else:
            results.append({"row": line.row, "status": "logged", "repost_id": None if dry_run else str(result)})
    return results
