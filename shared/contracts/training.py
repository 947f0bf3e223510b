"""Events of training: sessions and attendances."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.envelope import EventData
from shared.contracts.fields import Day, Hours, Id, Instant, Names, Text, UnitId

SessionKind = Literal["class", "teleconference", "course", "other"]
VoidReason = Literal["duplicate", "not_present", "error"]
Number = Annotated[int, Field(strict=True, ge=1, le=10_000)]


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
    venue_count: Number
    organisers: Annotated[list[UnitId], Field(min_length=1, max_length=50)]
    joint_with: Text | None = None


class SessionCancelled(EventData):
    TYPE = "qingsheng.training.session_cancelled.v1"
    KEY = "session_id"
    SUBJECT = ("session", "session_id")
    UNDOES = True

    session_id: Id
    starts_at: Instant
    reason: Text


class AttendanceRecorded(EventData):
    TYPE = "qingsheng.training.attendance_recorded.v1"
    KEY = "volunteer_id"
    SUBJECT = ("attendance", "attendance_id")
    TIME = "held_on"

    attendance_id: Id
    session_id: Id
    volunteer_id: Id
    venue_no: Number
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
