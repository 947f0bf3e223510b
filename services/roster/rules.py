"""Who may be registered, moved, disclosed: pure decisions. Each returns None or the Refusal."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.contracts.refusals import Refusal
from shared.contracts.roster import UnitKind

State = Literal["nominated", "registered", "declined", "left"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)


class Volunteer(NamedTuple):
    """A volunteer as the roster has it. ``moved_on``: day of the last movement."""

    volunteer_id: UUID
    unit_id: str
    team: str
    category: str
    state: State
    moved_on: date | None
    version: int


def timely(moment: datetime, now: datetime, pointer: str) -> Refusal | None:
    """From 2000 on, at most 24 hours ahead."""
    return None if EARLIEST <= moment <= now + AHEAD else Refusal("time_out_of_range", pointer=pointer)


def timely_day(day: date, now: datetime, zone: ZoneInfo, pointer: str) -> Refusal | None:
    """The same for a day, which stands for its local noon."""
    if not 1999 < day.year < 9999:
        return Refusal("time_out_of_range", pointer=pointer)
    return timely(datetime.combine(day, time(12), zone), now, pointer)


def may_define(unit_id: str, kind: UnitKind, county: str) -> Refusal | None:
    """A county's unit, and the city's, have their county's code."""
    if kind in ("county", "city") and unit_id != county:
        return Refusal(
            "schema",
            pointer="/unit_id",
            reason={
                "zh": "县级、市级单位的代码须与 county 相同",
                "en": "a county's or city's unit has its county code",
            },
        )
    return None


def may_consent(consented_on: date | None, registered_on: date) -> Refusal | None:
    """C1: nobody is registered without consent, given not later than the registration."""
    if consented_on is None or consented_on > registered_on:
        return Refusal("no_consent", pointer="/consented_on")
    return None


def may_register(volunteer: Volunteer, registered_on: date) -> Refusal | None:
    """A nominated one, or one who left and comes back."""
    if volunteer.state not in ("nominated", "left"):
        return _state(volunteer)
    return _in_order(volunteer, registered_on, "/registered_on")


def may_decline(volunteer: Volunteer) -> Refusal | None:
    return None if volunteer.state == "nominated" else _state(volunteer)


def may_move(volunteer: Volunteer, day: date, pointer: str) -> Refusal | None:
    """Transfers and departures: of the registered, not before the last movement."""
    if volunteer.state != "registered":
        return _state(volunteer)
    return _in_order(volunteer, day, pointer)


def may_disclose(disclosed_at: datetime, verified_at: datetime, now: datetime) -> Refusal | None:
    """A disclosure has been made and seen; neither lies in the future."""
    if disclosed_at < EARLIEST or disclosed_at > now:
        return Refusal("time_out_of_range", pointer="/disclosed_at")
    if verified_at < EARLIEST or verified_at > now:
        return Refusal("time_out_of_range", pointer="/verified_at")
    return None


def has_room(quota: int | None, registered: int) -> bool:
    """Where no quota is set there is no limit."""
    return quota is None or registered < quota


def _in_order(volunteer: Volunteer, day: date, pointer: str) -> Refusal | None:
    if volunteer.moved_on is not None and day < volunteer.moved_on:
        return Refusal("out_of_order_date", pointer=pointer)
    return None


def _state(volunteer: Volunteer) -> Refusal:
    told = {
        "nominated": ("志愿者尚未登记", "the volunteer is nominated, not registered"),
        "registered": ("志愿者已登记", "the volunteer is registered already"),
        "declined": ("提名未获通过", "the nomination was declined"),
        "left": ("志愿者已退出", "the volunteer has left"),
    }[volunteer.state]
    return Refusal("invalid_state", reason={"zh": told[0], "en": told[1]})
