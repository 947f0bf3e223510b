"""Writes, and the reads that decisions rest on. Every function takes the caller's connection and its transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.postgres import Connection

# -- sessions ----------------------------------------------------------------------------------------------------------


class SessionRow(NamedTuple):
    """A row of ``session`` as it is entered."""

    session_id: UUID
    kind: str
    title: Mapping[str, str]
    starts_at: datetime
    hours: float
    venue_count: int
    organisers: Sequence[str]
    joint_with: str | None
    county: str


async def insert_session(connection: Connection, session: SessionRow) -> None:
    await connection.execute(
        """insert into session (session_id, kind, title, starts_at, hours, venue_count, organisers, joint_with, county)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *session,
    )


async def lock_session(connection: Connection, session_id: UUID) -> Any | None:
    """A session for changing it, with its ``version``: waits for whoever records attendances of it."""
    row = await connection.fetchrow("select * from session where session_id = $1 for update", session_id)
    if row is None:
        return None
    version = await connection.fetchval("select sequence from stream where key = $1", str(session_id))
    return dict(row) | {"version": version}


async def hold_sessions(connection: Connection, session_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Sessions by id, which until the transaction ends nobody cancels. Unknown ones are left out."""
    rows = await connection.fetch(
        "select * from session where session_id = any($1::uuid[]) order by session_id for share", list(session_ids)
    )
    return {row["session_id"]: row for row in rows}


async def cancel_session(connection: Connection, session_id: UUID, at: datetime, reason: str) -> None:
    await connection.execute(
        "update session set cancelled_at = $2, cancel_reason = $3 where session_id = $1", session_id, at, reason
    )


# -- attendances -------------------------------------------------------------------------------------------------------


class AttendanceRow(NamedTuple):
    """A row of ``attendance`` as it is recorded."""

    attendance_id: UUID
    session_id: UUID
    volunteer_id: UUID
    venue_no: int
    hours: float
    held_on: date
    county: str


async def insert_attendances(connection: Connection, attendances: Sequence[AttendanceRow]) -> set[UUID]:
    """Records attendances. Returns the ids of those whose volunteer had no counted attendance of the session."""
    if not attendances:
        return set()
    # Two batches wait for each other in one order.
    ordered = sorted(attendances, key=lambda row: (row.session_id.int, row.volunteer_id.int))
    rows = await connection.fetch(
        """insert into attendance (attendance_id, session_id, volunteer_id, venue_no, hours, held_on, county)
           select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::float8[], $6::date[], $7::text[])
           on conflict (session_id, volunteer_id) where voided_at is null do nothing returning attendance_id""",
        *(list(column) for column in zip(*ordered, strict=True)),
    )
    return {row["attendance_id"] for row in rows}


async def lock_attendance(connection: Connection, attendance_id: UUID) -> Any | None:
    return await connection.fetchrow("select * from attendance where attendance_id = $1 for update", attendance_id)


async def lock_counted_attendances(connection: Connection, session_id: UUID) -> list[Any]:
    """The attendances of a session that are not voided."""
    return await connection.fetch(
        "select * from attendance where session_id = $1 and voided_at is null order by attendance_id for update",
        session_id,
    )


async def void_attendances(connection: Connection, attendance_ids: Sequence[UUID], at: datetime, reason: str) -> None:
    await connection.execute(
        "update attendance set voided_at = $2, void_reason = $3 where attendance_id = any($1::uuid[])",
        list(attendance_ids),
        at,
        reason,
    )
