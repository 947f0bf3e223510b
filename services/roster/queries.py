"""Read SQL of the roster's API."""

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from shared.contracts.fields import plain_text
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after


async def unit(connection: Connection, unit_id: str, *, lock: bool = False) -> dict[str, Any]:
    """Raises ``not_found``. ``lock``: until the end of the transaction, for an update."""
    ending = " for update" if lock else ""
    row = await connection.fetchrow(f"select * from unit where unit_id = $1{ending}", unit_id)
    if row is None:
        raise Refusal("not_found")
    return dict(row)


async def units(connection: Connection, cursor: str | None, limit: int) -> list[dict[str, Any]]:
    [unit_id] = _key(cursor, _text) or [""]
    rows = await connection.fetch("select * from unit where unit_id > $1 order by unit_id limit $2", unit_id, limit + 1)
    return [dict(row) for row in rows]


async def quotas(connection: Connection, year: int | None, cursor: str | None, limit: int) -> list[dict[str, Any]]:
    """Quotas with how many places are filled: registered in that year or before, and not left since."""
    unit_id, team, at_year = _key(cursor, _text, _text, _year) or ["", "", 0]
    rows = await connection.fetch(
        """select q.unit_id, q.team, q.year, q.quota,
                  (select count(*) from volunteer v
                   where v.unit_id = q.unit_id and v.team = q.team and v.state = 'registered'
                     and v.registered_on < make_date(q.year + 1, 1, 1)) as filled
           from quota q
           where ($1::int is null or q.year = $1) and (q.unit_id, q.team, q.year) > ($2, $3, $4)
           order by q.unit_id, q.team, q.year limit $5""",
        year,
        unit_id,
        team,
        at_year,
        limit + 1,
    )
    return [dict(row) for row in rows]


async def volunteers(
    connection: Connection, unit_id: str | None, state: str | None, cursor: str | None, limit: int
) -> list[dict[str, Any]]:
    [volunteer_id] = _key(cursor, UUID) or [None]
    rows = await connection.fetch(
        """select volunteer_id, unit_id, team, category, state, registered_on, consented_on, version from volunteer
           where ($1::text is null or unit_id = $1) and ($2::text is null or state = $2)
             and ($3::uuid is null or volunteer_id > $3)
           order by volunteer_id limit $4""",
        unit_id,
        state,
        volunteer_id,
        limit + 1,
    )
    return [dict(row) for row in rows]


async def volunteer(connection: Connection, volunteer_id: UUID) -> dict[str, Any]:
    """With movements in order and accounts. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select volunteer_id, unit_id, team, category, state, registered_on, consented_on, version
           from volunteer where volunteer_id = $1""",
        volunteer_id,
    )
    if row is None:
        raise Refusal("not_found")
    movements = await connection.fetch(
        "select kind, unit_id, day from movement where volunteer_id = $1 order by id", volunteer_id
    )
    return {
        **dict(row),
        "movements": [dict(m) for m in movements],
        "accounts": await accounts(connection, volunteer_id),
    }


async def accounts(connection: Connection, volunteer_id: UUID) -> list[dict[str, Any]]:
    rows = await connection.fetch("select * from account where volunteer_id = $1 order by account_id", volunteer_id)
    return [dict(row) for row in rows]


async def account(connection: Connection, account_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    row = await connection.fetchrow("select * from account where account_id = $1", account_id)
    if row is None:
        raise Refusal("not_found")
    return dict(row)


def _key(cursor: str | None, *read: Callable[[Any], Any]) -> list[Any] | None:
    """The sort key that a cursor stands for. Raises ``schema`` for one that no page of ours gave."""
    key = after(cursor, len(read))
    if key is None:
        return None
    try:
        return [reads(part) for reads, part in zip(read, key, strict=True)]
    except (ValueError, AttributeError, TypeError, OverflowError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None


def _text(part: str) -> str:
    return plain_text(part)


def _year(part: str) -> int:
    return date(int(part), 1, 1).year
