"""What training takes and what it refuses: pure decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.contracts.envelope import NOON
from shared.contracts.refusals import Refusal
from shared.roster_view.rules import Movement, place_on

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
MOST_HOURS = 24


class Session(NamedTuple):
    """A session as far as attendances of it are concerned."""

    venue_count: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Attendance:
    """An attendance as somebody tells of it. ``venue_no`` counts from 1; ``hours`` attended."""

    session_id: UUID
    volunteer_id: UUID
    venue_no: int
    hours: float
    held_on: date


class Counted(NamedTuple):
    """An attendance that counts, and for which county."""

    county: str


class Missing(NamedTuple):
    """An attendance that would count but for something not seen yet, which may still come. ``refusal``: its answer if
    it does not."""

    what: Literal["session", "volunteer"]
    refusal: Refusal


def is_timely(at: datetime, now: datetime) -> bool:
    """Whether a fact may be dated so: from 2000 on, and at most 24 hours ahead."""
    return EARLIEST <= at <= now + AHEAD


def is_timely_day(day: date, now: datetime, zone: ZoneInfo) -> bool:
    """The same of a local day, which stands for its noon."""
    return is_timely(datetime.combine(day, NOON, zone), now)


def judge(
    attendance: Attendance, session: Session | None, movements: Sequence[Movement], now: datetime, zone: ZoneInfo
) -> Counted | Missing | Refusal:
    """Whether an attendance counts. ``session`` None and ``movements`` empty where nothing is known of them.

    What is certainly wrong is refused at once, even where something else is still missing. A cancelled session is
    ``unknown_session``: nothing can be reported of it any more.
    """
    if not is_timely_day(attendance.held_on, now, zone):
        return Refusal("time_out_of_range", pointer="/held_on")
    if not 0 < attendance.hours <= MOST_HOURS:
        reason = {"zh": f"学时须大于 0，至多 {MOST_HOURS}", "en": f"more than 0 hours, and {MOST_HOURS} at most"}
        return Refusal("schema", pointer="/hours", reason=reason)
    if session and session.cancelled:
        return Refusal("unknown_session", pointer="/session_id")
    if session and not 1 <= attendance.venue_no <= session.venue_count:
        most = session.venue_count
        reason = {"zh": f"会场编号须在 1 至 {most} 之间", "en": f"the session has venues 1 to {most}"}
        return Refusal("schema", pointer="/venue_no", reason=reason)
    # A departure may be seen before the registration it follows.
    if not any(movement.unit_id for movement in movements):
        return Missing("volunteer", Refusal("unknown_volunteer", pointer="/volunteer_id"))
    place = place_on(movements, attendance.held_on)
    if place is None:
        return Refusal("volunteer_not_active", pointer="/volunteer_id")
    if session is None:
        return Missing("session", Refusal("unknown_session", pointer="/session_id"))
    return Counted(place.county)
