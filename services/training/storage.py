"""Writes, and the reads that decisions rest on. Every function takes the caller's connection and its transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.postgres import Connection

# -- sessions ----------------------------------------------------------------------------------------------------------


class SessionRow(NamedTuple):
    """A row of ``session`` as it is entered: held, or planned. ``counties``: of its organisers and venues."""

    session_id: UUID
    kind: str
    title: Mapping[str, str]
    starts_at: datetime
    hours: float
    venue_count: int
    organisers: Sequence[str]
    joint_with: str | None
    county: str
    ends_on: date | None
    counties: Sequence[str]
    held: bool
    planned_for: datetime | None


async def insert_session(connection: Connection, session: SessionRow) -> None:
    await connection.execute(
        """insert into session (session_id, kind, title, starts_at, hours, venue_count, organisers, joint_with, county,
                                ends_on, counties, held, planned_for)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
        *session,
    )


async def update_session(connection: Connection, session: SessionRow) -> None:
    await connection.execute(
        """update session set kind = $2, title = $3, starts_at = $4, hours = $5, venue_count = $6, organisers = $7,
                              joint_with = $8, county = $9, ends_on = $10, counties = $11, held = $12,
                              planned_for = $13, version = version + 1
           where session_id = $1""",
        *session,
    )


async def lock_session(connection: Connection, session_id: UUID) -> Any | None:
    """A session for changing it: waits for whoever records attendances of it."""
    return await connection.fetchrow("select * from session where session_id = $1 for update", session_id)


async def hold_sessions(connection: Connection, session_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Sessions by id, which until the transaction ends nobody cancels. Unknown ones are left out."""
    rows = await connection.fetch(
        "select * from session where session_id = any($1::uuid[]) order by session_id for share", list(session_ids)
    )
    return {row["session_id"]: row for row in rows}


async def cancel_session(connection: Connection, session_id: UUID, at: datetime, reason: str) -> None:
    await connection.execute(
        "update session set cancelled_at = $2, cancel_reason = $3, version = version + 1 where session_id = $1",
        session_id,
        at,
        reason,
    )


async def city_counties(connection: Connection) -> set[str]:
    """The codes of the city level: what is held there is for all counties."""
    return {row["county"] for row in await connection.fetch("select distinct county from unit where kind = 'city'")}


# -- venues ------------------------------------------------------------------------------------------------------------


class VenueRow(NamedTuple):
    """A row of ``venue``; ``county`` is that of the unit."""

    venue_no: int
    name: str
    unit_id: str | None
    county: str | None
    capacity: int | None


async def replace_venues(connection: Connection, session_id: UUID, venues: Sequence[VenueRow]) -> None:
    """Links to venues that are no more are revoked, and nobody is expected there."""
    numbers = [venue.venue_no for venue in venues]
    await connection.execute("delete from venue where session_id = $1", session_id)
    await connection.executemany(
        "insert into venue (session_id, venue_no, name, unit_id, county, capacity) values ($1, $2, $3, $4, $5, $6)",
        [(session_id, *venue) for venue in venues],
    )
    await connection.execute(
        """update venue_link set revoked_at = now()
           where session_id = $1 and venue_no <> all($2::int[]) and revoked_at is null""",
        session_id,
        numbers,
    )
    await connection.execute(
        "delete from expected where session_id = $1 and venue_no <> all($2::int[])", session_id, numbers
    )


async def venue(connection: Connection, session_id: UUID, venue_no: int) -> Any | None:
    return await connection.fetchrow(
        "select * from venue where session_id = $1 and venue_no = $2 for share", session_id, venue_no
    )


async def replace_link(
    connection: Connection,
    token_hash: bytes,
    session_id: UUID,
    venue_no: int,
    county: str | None,
    by: str,
    at: datetime,
) -> None:
    await revoke_link(connection, session_id, venue_no, at)
    await connection.execute(
        """insert into venue_link (token_hash, session_id, venue_no, county, issued_by, issued_at)
           values ($1, $2, $3, $4, $5, $6)""",
        token_hash,
        session_id,
        venue_no,
        county,
        by,
        at,
    )


async def revoke_link(connection: Connection, session_id: UUID, venue_no: int, at: datetime) -> bool:
    """Whether there was a living one."""
    done = await connection.execute(
        "update venue_link set revoked_at = $3 where session_id = $1 and venue_no = $2 and revoked_at is null",
        session_id,
        venue_no,
        at,
    )
    return not done.endswith(" 0")


async def link(connection: Connection, token_hash: bytes) -> Any | None:
    """A living link with its session and the name of its venue."""
    return await connection.fetchrow(
        """select s.*, l.venue_no, l.county as link_county, v.name as venue_name, v.capacity
           from venue_link l join session s using (session_id)
           left join venue v on v.session_id = l.session_id and v.venue_no = l.venue_no
           where l.token_hash = $1 and l.revoked_at is null""",
        token_hash,
    )


class ExpectedRow(NamedTuple):
    """A row of ``expected``."""

    volunteer_id: UUID
    venue_no: int
    list_no: int | None


async def replace_expected(connection: Connection, session_id: UUID, expected: Sequence[ExpectedRow]) -> None:
    await connection.execute("delete from expected where session_id = $1", session_id)
    await connection.executemany(
        "insert into expected (session_id, volunteer_id, venue_no, list_no) values ($1, $2, $3, $4)",
        [(session_id, *row) for row in expected],
    )


async def expected_by_number(connection: Connection, session_id: UUID, venue_no: int) -> dict[int, UUID]:
    """The volunteers expected at a venue, by their numbers on its host's list."""
    rows = await connection.fetch(
        "select list_no, volunteer_id from expected where session_id = $1 and venue_no = $2 and list_no is not null",
        session_id,
        venue_no,
    )
    return {row["list_no"]: row["volunteer_id"] for row in rows}


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
