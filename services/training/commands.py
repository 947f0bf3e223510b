"""Attendances recorded and voided, within the caller's transaction. Batches are decided in order, in a few statements each.

Commands on one thing append their events and raise Refusal; ``record_attendances`` leaves the events to its caller, as
outcomes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.training import rules, storage
from services.training.rules import Attendance, Session
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.contracts.topics import events_topic
from shared.contracts.training import (
    AttendanceRecorded,
    AttendanceVoided,
    VoidReason,
)
from shared.delivery.intake import Accepted, Outcome, Waiting
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster


async def record_list(
    connection: Connection, clock: Clock, who: Principal, session_id: UUID, attendances: Sequence[Attendance]
) -> list[UUID | Refusal]:
    """Records a session's list: for each entry the id of its attendance, or why there is none (``forbidden`` for a
    volunteer of another county). Raises ``not_found``, ``forbidden``, ``invalid_state`` for a session not held or
    cancelled."""
    session = await held_session(connection, session_id)
    city = await storage.city_counties(connection)
    if who.county and not rules.concerns(session["county"], session["counties"], who.county, city):
        raise Refusal("forbidden")
    return await record(connection, clock, attendances, who.county)


async def held_session(connection: Connection, session_id: UUID) -> Any:
    """A session of which attendances can be recorded; until the transaction ends nobody cancels it. Raises
    ``not_found``, ``invalid_state``."""
    session = (await storage.hold_sessions(connection, [session_id])).get(session_id)
    if session is None:
        raise Refusal("not_found")
    if session["cancelled_at"]:
        raise cancelled_already()
    if not session["held"]:
        reason = {"zh": "这场培训尚未登记为举行", "en": "the session is not marked as held yet"}
        raise Refusal("invalid_state", reason=reason)
    return session


async def record(
    connection: Connection, clock: Clock, attendances: Sequence[Attendance], county: str | None
) -> list[UUID | Refusal]:
    """Records attendances of sessions that were held, and publishes them. ``county``: the only one whose volunteers may
    be recorded, if any."""
    outcomes = await record_attendances(connection, clock, attendances, county)
    await append(connection, [draft for o in outcomes if isinstance(o, Accepted) for draft in o.drafts], clock)
    return [_concluded(outcome) for outcome in outcomes]


async def record_attendances(
    connection: Connection, clock: Clock, attendances: Sequence[Attendance], county: str | None = None
) -> list[Outcome]:
    """Records attendances; one that lacks what may still come is Waiting, as one of a session that is only planned.
    Refuses ``time_out_of_range``, ``schema`` (hours, venue_no), ``unknown_session`` (cancelled),
    ``volunteer_not_active``, ``already_recorded``, ``forbidden`` for another than ``county``, if told."""
    found = await storage.hold_sessions(connection, {attendance.session_id for attendance in attendances})
    sessions = {
        id: Session(row["venue_count"], row["cancelled_at"] is not None)
        for id, row in found.items()
        if row["held"] or row["cancelled_at"]
    }
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
                outcomes.append(Waiting(thing(attendance.session_id), None, refusal))
            case rules.Missing(_, refusal):
                outcomes.append(Waiting(f"volunteer/{attendance.volunteer_id}", events_topic("roster"), refusal))
            case rules.Counted(other) if county and other != county:
                outcomes.append(Refusal("forbidden", pointer="/volunteer_id"))
            case rules.Counted() if key in recording:
                outcomes.append(Refusal("already_recorded"))
            case rules.Counted(place):
                row = storage.AttendanceRow(
                    uuid7(),
                    attendance.session_id,
                    attendance.volunteer_id,
                    attendance.venue_no,
                    attendance.hours,
                    attendance.held_on,
                    place,
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
    connection: Connection,
    clock: Clock,
    who: Principal,
    attendance_id: UUID,
    reason: VoidReason,
    version: int | None = None,
) -> None:
    """Voids an attendance. ``version``: the one the caller read, if told. Raises ``not_found``, ``forbidden``,
    ``version_conflict``, ``invalid_state`` for one voided before."""
    row = await storage.lock_attendance(connection, attendance_id)
    if row is None:
        raise Refusal("not_found")
    who.must_serve(row["county"])
    check(version, 2 if row["voided_at"] else 1)
    if row["voided_at"]:
        raise Refusal("invalid_state", reason={"zh": "这条出席已作废", "en": "the attendance is void already"})
    now = clock.now()
    await storage.void_attendances(connection, [attendance_id], now, reason)
    await append(connection, [voided(row, reason, now)], clock)


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


def voided(row: Any, reason: VoidReason, at: datetime) -> Draft:
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


def cancelled_already() -> Refusal:
    return Refusal("invalid_state", reason={"zh": "这场培训已取消", "en": "the session is cancelled"})


def thing(session_id: UUID) -> str:
    return f"session/{session_id}"


def check(told: int | None, present: int) -> None:
    if told is not None and told != present:
        raise Refusal("version_conflict")
