"""Reads for the API. Lists are in the order of their ids, which is that of entering."""

from typing import Any
from uuid import UUID

from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page


async def columns(connection: Connection, cursor: str | None, limit: int) -> dict[str, Any]:
    rows = await connection.fetch(
        "select * from post_column where ($1::uuid is null or column_id > $1) order by column_id limit $2",
        _last_id(cursor),
        limit + 1,
    )
    return page(rows, limit, ["column_id"])


async def column(connection: Connection, column_id: UUID) -> Any:
    """Raises ``not_found``."""
    return _found(await connection.fetchrow("select * from post_column where column_id = $1", column_id))


async def posts(
    connection: Connection, cursor: str | None, limit: int, *, column_id: UUID | None, url_digest: bytes | None
) -> dict[str, Any]:
    """Posts, withdrawn ones too, each with the number of its shares that count."""
    rows = await connection.fetch(
        """select p.*, (select count(*) from repost r where r.post_id = p.post_id and r.voided_at is null) as shares
           from post p
           where ($1::uuid is null or post_id > $1) and ($2::uuid is null or column_id = $2)
                 and ($3::bytea is null or url_digest = $3)
           order by post_id limit $4""",
        _last_id(cursor),
        column_id,
        url_digest,
        limit + 1,
    )
    return page([_post(row) for row in rows], limit, ["post_id"])


async def post(connection: Connection, post_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    row = await connection.fetchrow(
        """select p.*, (select count(*) from repost r where r.post_id = p.post_id and r.voided_at is null) as shares
           from post p where post_id = $1""",
        post_id,
    )
    return _post(_found(row))


async def reposts(
    connection: Connection, cursor: str | None, limit: int, *, volunteer_id: UUID | None, post_id: UUID | None
) -> dict[str, Any]:
    """Shares, voided ones too."""
    rows = await connection.fetch(
        """select * from repost
           where ($1::uuid is null or repost_id > $1) and ($2::uuid is null or volunteer_id = $2)
                 and ($3::uuid is null or post_id = $3)
           order by repost_id limit $4""",
        _last_id(cursor),
        volunteer_id,
        post_id,
        limit + 1,
    )
    return page([_repost(row) for row in rows], limit, ["repost_id"])


async def repost(connection: Connection, repost_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    return _repost(_found(await connection.fetchrow("select * from repost where repost_id = $1", repost_id)))


def _post(row: Any) -> dict[str, Any]:
    return dict(row) | {"withdrawn": _undone(row["withdrawn_at"], row["withdrawn_reason"])}


def _repost(row: Any) -> dict[str, Any]:
    voided = _undone(row["voided_at"], row["void_reason"])
    return dict(row) | {"counted": voided is None, "voided": voided}


def _undone(at: Any, reason: Any) -> dict[str, Any] | None:
    return None if at is None else {"at": at, "reason": reason}


def _found(row: Any) -> Any:
    if row is None:
        raise Refusal("not_found")
    return row


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None
