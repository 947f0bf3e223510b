"""What training takes and what it refuses: pure decisions."""

from collections.abc import Collection, Mapping, Sequence
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


State = Literal["planned", "held", "cancelled"]
LATEST_PLAN = 2100
"""The last year that can be planned for."""
LONGEST_SESSION = 60
"""Days from the first to the last of a session."""


class Session(NamedTuple):
    """A session that was held, as far as attendances of it are concerned."""

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


class Expected(NamedTuple):
    """Somebody expected at a venue. ``list_no``: the number on the host's list on paper, where there is one."""

    volunteer_id: UUID
    venue_no: int
    list_no: int | None = None


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


def state_of(held: bool, cancelled: bool) -> State:
    if cancelled:
        return "cancelled"
    return "held" if held else "planned"


def check_plan(starts_at: datetime, ends_on: date | None, zone: ZoneInfo) -> None:
    """Raises ``time_out_of_range`` for a session that cannot be planned so."""
    if starts_at < EARLIEST or starts_at.astimezone(zone).year > LATEST_PLAN:
        raise Refusal("time_out_of_range", pointer="/starts_at")
    check_days(starts_at, ends_on, zone)


def check_days(starts_at: datetime, ends_on: date | None, zone: ZoneInfo) -> None:
    """Raises ``schema`` for a last day before the first, or too long after it."""
    first = starts_at.astimezone(zone).date()
    if ends_on is not None and not first <= ends_on <= first + timedelta(days=LONGEST_SESSION):
        reason = {
            "zh": f"须不早于开始之日，至多晚 {LONGEST_SESSION} 天",
            "en": f"not before the day it starts, and at most {LONGEST_SESSION} days after",
        }
        raise Refusal("schema", pointer="/ends_on", reason=reason)


def days_of(starts_at: datetime, ends_on: date | None, zone: ZoneInfo) -> tuple[date, date]:
    """The first and last local day of a session."""
    first = starts_at.astimezone(zone).date()
    return first, ends_on or first


def quarter_of(moment: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The local year and quarter, 1 to 4."""
    local = moment.astimezone(zone)
    return local.year, (local.month + 2) // 3


def concerns(of: str, taking_part: Collection[str], county: str, city_level: Collection[str]) -> bool:
    """Whether a session ``of`` a county is a matter of another one: it takes part, or the session is of the city level,
    which is for all."""
    return county == of or county in taking_part or of in city_level


def volunteer_named(told: str, by_number: Mapping[int, UUID]) -> UUID | Refusal:
    """Whom a venue's host means: by id, or by the number on the host's list."""
    if told.isascii() and told.isdecimal() and len(told) < 10:
        found = by_number.get(int(told))
    else:
        try:
            found = UUID(told)
        except ValueError:
            found = None
    return found or Refusal("unknown_volunteer", pointer="/volunteer_id")


def no_such_venue(most: int) -> Refusal:
    reason = {"zh": f"会场编号须在 1 至 {most} 之间", "en": f"the session has venues 1 to {most}"}
    return Refusal("schema", pointer="/venue_no", reason=reason)


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
        return no_such_venue(session.venue_count)
    # A departure may be seen before the registration it follows.
    if not any(movement.unit_id for movement in movements):
        return Missing("volunteer", Refusal("unknown_volunteer", pointer="/volunteer_id"))
    place = place_on(movements, attendance.held_on)
    if place is None:
        return Refusal("volunteer_not_active", pointer="/volunteer_id")
    if session is None:
        return Missing("session", Refusal("unknown_session", pointer="/session_id"))
    return Counted(place.county)
