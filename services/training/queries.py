"""Reads for the API. Lists are in the order of their ids, which is that of entering."""

from typing import Any
from uuid import UUID

from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page


async def sessions(connection: Connection, cursor: str | None, limit: int) -> dict[str, Any]:
    """Sessions, cancelled ones too, each with the number of its attendances that count."""
    rows = await connection.fetch(
        """select s.*, (select count(*) from attendance a where a.session_id = s.session_id and a.voided_at is null)
                       as attendances
           from session s where ($1::uuid is null or session_id > $1) order by session_id limit $2""",
        _last_id(cursor),
        limit + 1,
    )
    return page([_session(row) for row in rows], limit, ["session_id"])


async def session(connection: Connection, session_id: UUID) -> dict[str, Any]:
    """A session with its attendances by venue, and its ``version``. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select s.*, v.sequence as version from session s join stream v on v.key = s.session_id::text
           where s.session_id = $1""",
        session_id,
    )
    if row is None:
        raise Refusal("not_found")
    venues = await connection.fetch(
        """select venue_no, count(*) as attendances from attendance
           where session_id = $1 and voided_at is null group by venue_no order by venue_no""",
        session_id,
    )
    told = [dict(venue) for venue in venues]
    return _session(row) | {"venues": told, "attendances": sum(venue["attendances"] for venue in told)}


async def attendances(
    connection: Connection, cursor: str | None, limit: int, *, session_id: UUID | None, volunteer_id: UUID | None
) -> dict[str, Any]:
    """Attendances, voided ones too."""
    rows = await connection.fetch(
        """select * from attendance
           where ($1::uuid is null or attendance_id > $1) and ($2::uuid is null or session_id = $2)
                 and ($3::uuid is null or volunteer_id = $3)
           order by attendance_id limit $4""",
        _last_id(cursor),
        session_id,
        volunteer_id,
        limit + 1,
    )
    return page([_attendance(row) for row in rows], limit, ["attendance_id"])


async def attendance(connection: Connection, attendance_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    row = await connection.fetchrow("select * from attendance where attendance_id = $1", attendance_id)
    if row is None:
        raise Refusal("not_found")
    return _attendance(row)


def _session(row: Any) -> dict[str, Any]:
    return dict(row) | {"cancelled": _undone(row["cancelled_at"], row["cancel_reason"])}


def _attendance(row: Any) -> dict[str, Any]:
    return dict(row) | {"voided": _undone(row["voided_at"], row["void_reason"])}


def _undone(at: Any, reason: Any) -> dict[str, Any] | None:
    return None if at is None else {"at": at, "reason": reason}


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None
