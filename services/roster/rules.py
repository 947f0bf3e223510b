"""Who may be registered, moved, disclosed: pure decisions. Each returns None or the Refusal."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.contracts.refusals import Refusal
from shared.contracts.roster import UnitKind

State = Literal["nominated", "registered", "declined", "left"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
_REFERENCE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._/-]{0,39}")
_OF_A_PERSON = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{15}|\d{17}[\dXx])(?!\d)")
"""A mobile number or the number of an identity card."""


class Volunteer(NamedTuple):
    """A volunteer as the roster has it. ``moved_on``: day of the last movement; ``erased``: the id means nobody (C1)."""

    volunteer_id: UUID
    unit_id: str
    team: str
    category: str
    state: State
    moved_on: date | None
    version: int
    erased: bool = False


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


def may_belong(unit_id: str, lineage: Collection[str]) -> Refusal | None:
    """A unit is no part of itself. ``lineage``: the parent to be, and the units above it."""
    if unit_id in lineage:
        reason = {"zh": "上级单位不能是本单位或其下级", "en": "a unit cannot be a part of itself or of its own parts"}
        return Refusal("schema", pointer="/parent_id", reason=reason)
    return None


def may_consent(consented_on: date | None, registered_on: date) -> Refusal | None:
    """C1: nobody is registered without consent, given not later than the registration."""
    if consented_on is None or consented_on > registered_on:
        return Refusal("no_consent", pointer="/consented_on")
    return None


def may_register(volunteer: Volunteer, registered_on: date) -> Refusal | None:
    """A nominated one, or one who left and comes back."""
    if volunteer.state not in ("nominated", "left") or volunteer.erased:
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


def has_room(quota: int | None, registered: Mapping[int, int], year: int) -> bool:
    """Whether the quota of ``year`` has a place left; where none is set there is no limit.

    ``registered``: of those who are registered now, how many by the year of their registration. Who has not left since an
    earlier year keeps the place; who came in a later year takes none of this one.
    """
    return in_turn(quota, registered, year, 0) is None


def in_turn(quota: int | None, registered: Mapping[int, int], year: int, ahead: int) -> Refusal | None:
    """Whether a place of ``year`` is left for whoever has ``ahead`` others before them on the waiting list; where no quota
    is set nobody waits. ``registered`` as in ``has_room``."""
    if quota is None:
        return None
    left = quota - sum(n for since, n in registered.items() if since <= year)
    if left <= 0:
        return Refusal("quota_full")
    return Refusal("not_in_turn", ahead=ahead) if ahead >= left else None


def ahead_of(nominated: Sequence[tuple[UUID, int]], volunteer_id: UUID, year: int, *, returning: bool) -> int:
    """How many wait before this one for a place of ``year``. ``nominated``: those of the unit and team, each with the year
    of the nomination; ids are in the order of nomination. Who comes back stands behind all of them."""
    return sum(1 for each, since in nominated if since <= year and (returning or each < volunteer_id))


def may_join_twice(other_state: State, *, same_team: bool) -> bool:
    """Whether somebody who is known already may be nominated: not where they are in this very team, or left it and can
    come back; anywhere else it is for people to look at."""
    return not same_team or other_state == "declined"


def may_state_reason(reason: str) -> Refusal | None:
    """Why a list of contacts is taken out: said in words, and it is kept in the audit log, so nobody's number stands in it."""
    if _OF_A_PERSON.search(reason):
        told = {"zh": "理由中像是有手机号或证件号", "en": "it looks as if a phone or identity card number stood in it"}
        return Refusal("personal_data", pointer="/reason", reason=told)
    if not 5 <= len(reason.strip()) <= 200:
        told = {"zh": "请用 5 至 200 字说明用途", "en": "say what for, in 5 to 200 characters"}
        return Refusal("schema", pointer="/reason", reason=told)
    return None


def may_refer(row_ref: str) -> Refusal | None:
    """A ledger's reference of a row is a code; nobody's number."""
    if _OF_A_PERSON.search(row_ref):
        reason = {"zh": "序号像是手机号或证件号", "en": "the reference looks like a phone or identity card number"}
        return Refusal("personal_data", pointer="/row_ref", reason=reason)
    if not _REFERENCE.fullmatch(row_ref):
        zh = "序号须为代码：1 至 40 个字母、数字或 . _ / -"
        en = "the reference is a code of 1 to 40 letters, digits or . _ / -"
        return Refusal("schema", pointer="/row_ref", reason={"zh": zh, "en": en})
    return None


def unit_on(movements: Sequence[tuple[date, str]], day: date, otherwise: str) -> str:
    """The volunteer's unit on that local day. ``movements``: (day, unit) in order, each in force for its whole day.
    Before the first one it is that one's unit; ``otherwise`` where there is none."""
    before = [unit_id for moved_on, unit_id in movements if moved_on <= day]
    if before:
        return before[-1]
    return movements[0][1] if movements else otherwise


def leaving_day(volunteer: Volunteer, today: date) -> date:
    """C1: who leaves, leaves today; a registration or transfer that is dated ahead cannot hold anybody."""
    return max(today, volunteer.moved_on or today)


def may_know(volunteer: Volunteer) -> Refusal | None:
    """Contacts of the erased are neither kept nor asked for again (C1)."""
    return Refusal("erased") if volunteer.erased else None


def _in_order(volunteer: Volunteer, day: date, pointer: str) -> Refusal | None:
    if volunteer.moved_on is not None and day < volunteer.moved_on:
        return Refusal("out_of_order_date", pointer=pointer)
    return None


def _state(volunteer: Volunteer) -> Refusal:
    if volunteer.erased:
        return Refusal("erased")
    told = {
        "nominated": ("志愿者尚未登记", "the volunteer is nominated, not registered"),
        "registered": ("志愿者已登记", "the volunteer is registered already"),
        "declined": ("提名未获通过", "the nomination was declined"),
        "left": ("志愿者已退出", "the volunteer has left"),
    }[volunteer.state]
    return Refusal("invalid_state", reason={"zh": told[0], "en": told[1]})
