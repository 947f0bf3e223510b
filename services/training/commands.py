"""What training does, within the caller's transaction. Batches are decided in order, in a few statements each.

Commands on one thing append their events and raise Refusal; ``record_attendances`` leaves the events to its caller, as
outcomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.training import rules, storage
from services.training.rules import Attendance, Session
from shared.clock import Clock
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.topics import events_topic
from shared.contracts.training import (
    AttendanceRecorded,
    AttendanceVoided,
    SessionCancelled,
    SessionHeld,
    SessionKind,
    VoidReason,
)
from shared.delivery import parking
from shared.delivery.intake import Accepted, Outcome, Waiting
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster

# -- sessions ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session as somebody tells of it. ``organisers``: unit ids, at least one; the first gives the county."""

    kind: SessionKind
    title: Names
    starts_at: datetime
    hours: float
    venue_count: int
    organisers: Sequence[str]
    joint_with: str | None = None


async def hold_session(connection: Connection, clock: Clock, session: NewSession) -> UUID:
    """Enters a session that was held. Raises ``time_out_of_range``, ``unknown_unit``."""
    if not rules.is_timely(session.starts_at, clock.now()):
        raise Refusal("time_out_of_range", pointer="/starts_at")
    units = await roster.units(connection, set(session.organisers))
    for place, unit_id in enumerate(session.organisers):
        if unit_id not in units:
            raise Refusal("unknown_unit", pointer=f"/organisers/{place}")
    county = units[session.organisers[0]]["county"]
    held = SessionHeld(
        session_id=uuid7(),
        kind=session.kind,
        title=session.title,
        starts_at=session.starts_at,
        hours=session.hours,
        venue_count=session.venue_count,
        organisers=list(session.organisers),
        joint_with=session.joint_with,
    )
    await storage.insert_session(
        connection,
        storage.SessionRow(
            held.session_id,
            held.kind,
            held.title.model_dump(exclude_none=True),
            held.starts_at,
            held.hours,
            held.venue_count,
            held.organisers,
            held.joint_with,
            county,
        ),
    )
    await parking.arrived(connection, [_thing(held.session_id)])
    await append(connection, [Draft(held, county)], clock)
    return held.session_id


async def cancel_session(
    connection: Connection, clock: Clock, session_id: UUID, reason: str, version: int | None = None
) -> None:
    """Cancels a session and voids each of its attendances as ``error``. ``version``: the one the caller read, if told.
    Raises ``not_found``, ``version_conflict``, ``invalid_state`` for one cancelled before."""
    session = await storage.lock_session(connection, session_id)
    if session is None:
        raise Refusal("not_found")
    _check(version, session["version"])
    if session["cancelled_at"]:
        raise _cancelled()
    now = clock.now()
    attendances = await storage.lock_counted_attendances(connection, session_id)
    await storage.cancel_session(connection, session_id, now, reason)
    await storage.void_attendances(connection, [row["attendance_id"] for row in attendances], now, "error")
    cancelled = SessionCancelled(session_id=session_id, starts_at=session["starts_at"], reason=reason)
    voided = [_voided(row, "error", now) for row in attendances]
    await append(connection, [Draft(cancelled, session["county"], now), *voided], clock)


# -- attendances -------------------------------------------------------------------------------------------------------


async def record_list(
    connection: Connection, clock: Clock, session_id: UUID, attendances: Sequence[Attendance]
) -> list[UUID | Refusal]:
    """Records a session's list: for each entry the id of its attendance, or why there is none. Raises ``not_found``;
    ``invalid_state`` for a cancelled session."""
    session = (await storage.hold_sessions(connection, [session_id])).get(session_id)
    if session is None:
        raise Refusal("not_found")
    if session["cancelled_at"]:
        raise _cancelled()
    outcomes = await record_attendances(connection, clock, attendances)
    await append(connection, [draft for o in outcomes if isinstance(o, Accepted) for draft in o.drafts], clock)
    return [_concluded(outcome) for outcome in outcomes]


async def record_attendances(connection: Connection, clock: Clock, attendances: Sequence[Attendance]) -> list[Outcome]:
    """Records attendances; one that lacks what may still come is Waiting. Refuses ``time_out_of_range``, ``schema``
    (hours, venue_no), ``unknown_session`` (cancelled), ``volunteer_not_active``, ``already_recorded``."""
    held = await storage.hold_sessions(connection, {attendance.session_id for attendance in attendances})
    sessions = {id: Session(row["venue_count"], row["cancelled_at"] is not None) for id, row in held.items()}
    movements = await roster.movements(connection, {attendance.volunteer_id for attendance in attendances})
    now = clock.now()
    outcomes: list[Outcome] = []
    recording: dict[tuple[UUID, UUID], storage.AttendanceRow] = {}
    for attendance in attendances:
        key = (attendance.session_id, attendance.volunteer_id)
        match rules.judge(
            attendance, sessions.get(key[0]), movements.get(attendance.volunteer_id, ()), now, clock.zone
        ):
            case Refusal() as refusal:
                outcomes.append(refusal)
            case rules.Missing("session", refusal):
                # Sessions come over HTTP only: there is no topic to be read up to.
                outcomes.append(Waiting(_thing(attendance.session_id), None, refusal))
            case rules.Missing(_, refusal):
                outcomes.append(Waiting(f"volunteer/{attendance.volunteer_id}", events_topic("roster"), refusal))
            case rules.Counted() if key in recording:
                outcomes.append(Refusal("already_recorded"))
            case rules.Counted(county):
                row = storage.AttendanceRow(
                    uuid7(),
                    attendance.session_id,
                    attendance.volunteer_id,
                    attendance.venue_no,
                    attendance.hours,
                    attendance.held_on,
                    county,
                )
                recording[key] = row
                outcomes.append(Accepted([_recorded(row)], [f"attendance/{row.attendance_id}"]))
    recorded = await storage.insert_attendances(connection, list(recording.values()))
    # The volunteer may have attended before, or by another transaction; the index decides.
    barred = {f"attendance/{row.attendance_id}" for row in recording.values() if row.attendance_id not in recorded}
    return [
        Refusal("already_recorded") if isinstance(outcome, Accepted) and outcome.subjects[0] in barred else outcome
        for outcome in outcomes
    ]


async def void_attendance(
    connection: Connection, clock: Clock, attendance_id: UUID, reason: VoidReason, version: int | None = None
) -> None:
    """Voids an attendance. ``version``: the one the caller read, if told. Raises ``not_found``, ``version_conflict``,
    ``invalid_state`` for one voided before."""
    row = await storage.lock_attendance(connection, attendance_id)
    if row is None:
        raise Refusal("not_found")
    _check(version, 2 if row["voided_at"] else 1)
    if row["voided_at"]:
        raise Refusal("invalid_state", reason={"zh": "这条出席已作废", "en": "the attendance is void already"})
    now = clock.now()
    await storage.void_attendances(connection, [attendance_id], now, reason)
    await append(connection, [_voided(row, reason, now)], clock)


def _recorded(row: storage.AttendanceRow) -> Draft:
    recorded = AttendanceRecorded(
        attendance_id=row.attendance_id,
        session_id=row.session_id,
        volunteer_id=row.volunteer_id,
        venue_no=row.venue_no,
        hours=row.hours,
        held_on=row.held_on,
    )
    return Draft(recorded, row.county)


def _voided(row: Any, reason: VoidReason, at: datetime) -> Draft:
    voided = AttendanceVoided(
        attendance_id=row["attendance_id"],
        session_id=row["session_id"],
        volunteer_id=row["volunteer_id"],
        held_on=row["held_on"],
        reason=reason,
    )
    return Draft(voided, row["county"], at)


def _concluded(outcome: Outcome) -> UUID | Refusal:
    match outcome:
        case Accepted(subjects=subjects):
            return UUID(subjects[0].partition("/")[2])
        case Waiting(refusal=refusal):
            return refusal
        case refusal:
            return refusal


def _cancelled() -> Refusal:
    return Refusal("invalid_state", reason={"zh": "这场培训已取消", "en": "the session is cancelled"})


def _thing(session_id: UUID) -> str:
    return f"session/{session_id}"


def _check(told: int | None, present: int) -> None:
    if told is not None and told != present:
        raise Refusal("version_conflict")
