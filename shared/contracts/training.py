"""Events of training: sessions and attendances."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.envelope import EventData
from shared.contracts.fields import Count, Day, Hours, Id, Instant, Names, UnitId, Words

SessionKind = Literal["class", "teleconference", "course", "other"]
VoidReason = Literal["duplicate", "not_present", "error"]


class SessionHeld(EventData):
    TYPE = "qingsheng.training.session_held.v1"
    KEY = "session_id"
    SUBJECT = ("session", "session_id")
    TIME = "starts_at"

    session_id: Id
    kind: SessionKind
    title: Names
    starts_at: Instant
    hours: Hours
    venue_count: Count
    organisers: Annotated[list[UnitId], Field(min_length=1)]
    joint_with: Words | None = None


class SessionCancelled(EventData):
    TYPE = "qingsheng.training.session_cancelled.v1"
    KEY = "session_id"
    SUBJECT = ("session", "session_id")
    UNDOES = True

    session_id: Id
    starts_at: Instant
    reason: Words


class AttendanceRecorded(EventData):
    TYPE = "qingsheng.training.attendance_recorded.v1"
    KEY = "volunteer_id"
    SUBJECT = ("attendance", "attendance_id")
    TIME = "held_on"

    attendance_id: Id
    session_id: Id
    volunteer_id: Id
    venue_no: Count
    hours: Hours
    held_on: Day


class AttendanceVoided(EventData):
    TYPE = "qingsheng.training.attendance_voided.v1"
    KEY = "volunteer_id"
    SUBJECT = ("attendance", "attendance_id")
    UNDOES = True

    attendance_id: Id
    session_id: Id
    volunteer_id: Id
    held_on: Day
    reason: VoidReason
