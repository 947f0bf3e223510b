"""Sessions from plan to end: planned, changed, held, cancelled, within the caller's transaction.

A plan is training's own: nothing is published until a session was held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.training import rules, storage
from services.training.commands import cancelled_already, check, thing, voided
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.training import SessionCancelled, SessionHeld, SessionKind
from shared.delivery import parking
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster


@dataclass(frozen=True, slots=True)
class NewVenue:
    """``unit_id``: whose venue it is. ``capacity``: seats."""

    name: str
    unit_id: str | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session as somebody tells of it. ``organisers``: unit ids, at least one; the first gives the county. ``venues``
    in the order of their numbers; where none are told, there are ``venue_count`` without a name. ``ends_on``: the last
    day of a session of several days."""

    kind: SessionKind
    title: Names
    starts_at: datetime
    hours: float
    venue_count: int
    organisers: Sequence[str]
    joint_with: str | None = None
    venues: Sequence[NewVenue] = ()
    ends_on: date | None = None


async def plan_session(connection: Connection, clock: Clock, who: Principal, session: NewSession) -> UUID:
    """Enters a session that is to be held. Raises ``time_out_of_range``, ``schema``, ``unknown_unit``, ``forbidden``."""
    rules.check_plan(session.starts_at, session.ends_on, clock.zone)
    row, venues = await _entered(connection, who, uuid7(), session, held=False, planned_for=session.starts_at)
    await storage.insert_session(connection, row)
    await storage.replace_venues(connection, row.session_id, venues)
    return row.session_id


async def change_plan(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, session: NewSession, version: int | None
) -> None:
    """Changes a session that is planned. Raises as ``plan_session``; ``not_found``, ``version_conflict``,
    ``invalid_state``."""
    await _planned(connection, who, session_id, version)
    rules.check_plan(session.starts_at, session.ends_on, clock.zone)
    row, venues = await _entered(connection, who, session_id, session, held=False, planned_for=session.starts_at)
    await storage.update_session(connection, row)
    await storage.replace_venues(connection, session_id, venues)


async def hold_session(connection: Connection, clock: Clock, who: Principal, session: NewSession) -> UUID:
    """Enters a session that was held without a plan. Raises ``time_out_of_range``, ``schema``, ``unknown_unit``,
    ``forbidden``."""
    row, venues = await _entered(connection, who, uuid7(), session, held=True, planned_for=None)
    _check_held(row, clock)
    await storage.insert_session(connection, row)
    await storage.replace_venues(connection, row.session_id, venues)
    await _publish(connection, clock, row)
    return row.session_id


@dataclass(frozen=True, slots=True)
class AsHeld:
    """What was otherwise than planned; None: as planned."""

    starts_at: datetime | None = None
    ends_on: date | None = None
    hours: float | None = None
    venue_count: int | None = None


async def hold_planned(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, told: AsHeld, version: int | None
) -> None:
    """A planned session was held. Raises ``not_found``, ``forbidden``, ``version_conflict``, ``invalid_state``,
    ``time_out_of_range``, ``schema``."""
    found = await _planned(connection, who, session_id, version)
    row = storage.SessionRow(**{name: found[name] for name in storage.SessionRow._fields})
    named = await connection.fetchval("select count(*) from venue where session_id = $1", session_id)
    row = row._replace(
        starts_at=told.starts_at or row.starts_at,
        # Moved to another day, it ends on that one unless told otherwise.
        ends_on=told.ends_on or (None if told.starts_at else row.ends_on),
        hours=told.hours or row.hours,
        venue_count=told.venue_count or row.venue_count,
        held=True,
    )
    if row.venue_count < named:
        raise _venues_counted()
    _check_held(row, clock)
    await storage.update_session(connection, row)
    await _publish(connection, clock, row)


async def name_venues(
    connection: Connection, who: Principal, session_id: UUID, venues: Sequence[NewVenue], version: int | None
) -> None:
    """Says where a session is or was held. After it was held their number stays what was published. Raises
    ``not_found``, ``forbidden``, ``version_conflict``, ``invalid_state``, ``schema``, ``unknown_unit``."""
    found = await locked(connection, who, session_id)
    check(version, found["version"])
    if found["cancelled_at"]:
        raise cancelled_already()
    if found["held"] and len(venues) > found["venue_count"]:
        raise _venues_counted()
    rows, counties = await _venues(connection, venues)
    units = await roster.units(connection, set(found["organisers"]))
    row = storage.SessionRow(**{name: found[name] for name in storage.SessionRow._fields})
    row = row._replace(
        venue_count=row.venue_count if found["held"] else len(venues),
        counties=sorted({row.county, *counties, *(unit["county"] for unit in units.values())}),
    )
    await storage.update_session(connection, row)
    await storage.replace_venues(connection, session_id, rows)


async def cancel_session(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, reason: str, version: int | None = None
) -> None:
    """Cancels a session. One that was held is taken back: said so, and each of its attendances voided as ``error``; of a
    plan nothing is said. ``version``: the one the caller read, if told. Raises ``not_found``, ``forbidden``,
    ``version_conflict``, ``invalid_state`` for one cancelled before."""
    session = await locked(connection, who, session_id)
    check(version, session["version"])
    if session["cancelled_at"]:
        raise cancelled_already()
    now = clock.now()
    await storage.cancel_session(connection, session_id, now, reason)
    if not session["held"]:
        return
    attendances = await storage.lock_counted_attendances(connection, session_id)
    await storage.void_attendances(connection, [row["attendance_id"] for row in attendances], now, "error")
    cancelled = SessionCancelled(session_id=session_id, starts_at=session["starts_at"], reason=reason)
    drafts = [voided(row, "error", now) for row in attendances]
    await append(connection, [Draft(cancelled, session["county"], now), *drafts], clock)


async def locked(connection: Connection, who: Principal, session_id: UUID) -> Any:
    """A session that this person may change. Raises ``not_found``, ``forbidden``."""
    session = await storage.lock_session(connection, session_id)
    if session is None:
        raise Refusal("not_found")
    who.must_serve(session["county"])
    return session


async def _planned(connection: Connection, who: Principal, session_id: UUID, version: int | None) -> Any:
    session = await locked(connection, who, session_id)
    check(version, session["version"])
    state = rules.state_of(session["held"], session["cancelled_at"] is not None)
    if state == "cancelled":
        raise cancelled_already()
    if state == "held":
        reason = {"zh": "这场培训已登记为举行", "en": "the session is marked as held already"}
        raise Refusal("invalid_state", reason=reason)
    return session


async def _entered(
    connection: Connection,
    who: Principal,
    session_id: UUID,
    session: NewSession,
    *,
    held: bool,
    planned_for: datetime | None,
) -> tuple[storage.SessionRow, list[storage.VenueRow]]:
    units = await roster.units(connection, set(session.organisers))
    for place, unit_id in enumerate(session.organisers):
        if unit_id not in units:
            raise Refusal("unknown_unit", pointer=f"/organisers/{place}")
    county = units[session.organisers[0]]["county"]
    who.must_serve(county)
    venues, counties = await _venues(connection, session.venues)
    row = storage.SessionRow(
        session_id,
        session.kind,
        session.title.model_dump(exclude_none=True),
        session.starts_at,
        session.hours,
        len(venues) or session.venue_count,
        list(session.organisers),
        session.joint_with,
        county,
        session.ends_on,
        sorted(counties | {unit["county"] for unit in units.values()}),
        held,
        planned_for,
    )
    return row, venues


async def _venues(connection: Connection, venues: Sequence[NewVenue]) -> tuple[list[storage.VenueRow], set[str]]:
    """The venues, numbered from 1, and the counties they are of. Raises ``unknown_unit``."""
    units = await roster.units(connection, {venue.unit_id for venue in venues if venue.unit_id})
    rows: list[storage.VenueRow] = []
    for place, venue in enumerate(venues):
        if venue.unit_id and venue.unit_id not in units:
            raise Refusal("unknown_unit", pointer=f"/venues/{place}/unit_id")
        county = units[venue.unit_id]["county"] if venue.unit_id else None
        rows.append(storage.VenueRow(place + 1, venue.name, venue.unit_id, county, venue.capacity))
    return rows, {unit["county"] for unit in units.values()}


def _check_held(row: storage.SessionRow, clock: Clock) -> None:
    if not rules.is_timely(row.starts_at, clock.now()):
        raise Refusal("time_out_of_range", pointer="/starts_at")
    rules.check_days(row.starts_at, row.ends_on, clock.zone)


async def _publish(connection: Connection, clock: Clock, row: storage.SessionRow) -> None:
    held = SessionHeld(
        session_id=row.session_id,
        kind=row.kind,  # type: ignore[arg-type]
        title=Names(**row.title),
        starts_at=row.starts_at,
        hours=row.hours,
        venue_count=row.venue_count,
        organisers=list(row.organisers),
        joint_with=row.joint_with,
    )
    await parking.arrived(connection, [thing(row.session_id)])
    await append(connection, [Draft(held, row.county)], clock)


def _venues_counted() -> Refusal:
    reason = {"zh": "会场数与已列出的会场不符", "en": "the number of venues does not agree with those named"}
    return Refusal("schema", pointer="/venue_count", reason=reason)
