"""What opinion takes and what it refuses: pure decisions. The screening of texts is in ``screening.py``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from shared.contracts.envelope import NOON
from shared.contracts.opinion import TipVoidReason
from shared.contracts.refusals import Refusal

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)
State = Literal["reported", "triaged", "resolved", "voided"]


@dataclass(frozen=True, slots=True)
class Tip:
    """What has become of a tip: when it was reported, and when each later step was taken, if it was."""

    reported_at: datetime
    triaged_at: datetime | None = None
    resolved_at: datetime | None = None
    voided_at: datetime | None = None

    @property
    def state(self) -> State:
        if self.voided_at:
            return "voided"
        if self.resolved_at:
            return "resolved"
        return "triaged" if self.triaged_at else "reported"


_STATES = {
    "reported": {"zh": "尚未分办", "en": "it is not triaged yet"},
    "triaged": {"zh": "已分办", "en": "it is triaged already"},
    "resolved": {"zh": "已办结", "en": "it is resolved already"},
    "voided": {"zh": "已作废", "en": "it is void"},
}


def may_triage(tip: Tip) -> Refusal | None:
    """Once, and before it is resolved."""
    return None if tip.state == "reported" else _not_in(tip.state)


def may_resolve(tip: Tip) -> Refusal | None:
    """Once; a tip that was never triaged may be resolved."""
    return None if tip.state in ("reported", "triaged") else _not_in(tip.state)


def may_assign(tip: Tip) -> Refusal | None:
    """While there is something to do; the same for a new date by which it is due."""
    return None if tip.state in ("reported", "triaged") else _not_in(tip.state)


def may_answer(tip: Tip) -> Refusal | None:
    """At any time, again too, unless it is void."""
    return _not_in("voided") if tip.state == "voided" else None


def may_tell_answer(answered: bool) -> Refusal | None:
    """Whoever reads an answer on the private link got one."""
    if answered:
        return None
    told = {"zh": "写了答复就是已经答复", "en": "with an answer told, it is answered"}
    return Refusal("schema", pointer="/answered", reason=told)


def due_on(reported_at: datetime, zone: ZoneInfo, days: int) -> date:
    """The day by which a tip is due that was given no date of its own."""
    return reported_at.astimezone(zone).date() + timedelta(days=days)


def may_be_due(day: date, reported_at: datetime, zone: ZoneInfo) -> Refusal | None:
    """From the day of its report, and within a year."""
    reported_on = reported_at.astimezone(zone).date()
    if day < reported_on:
        return Refusal("out_of_order_date", pointer="/due_on")
    if day > reported_on + timedelta(days=366):
        return Refusal("time_out_of_range", pointer="/due_on")
    return None


def may_void(tip: Tip, reason: TipVoidReason, merging: bool, into: Tip | None) -> Refusal | None:
    """Once, in whatever state. ``merging``: into another tip, as a duplicate of it; ``into`` is that one, None where
    there is none."""
    if tip.state == "voided":
        return _not_in("voided")
    if not merging:
        return None
    if reason != "duplicate":
        told = {"zh": "只有重复的反映可以并入另一条", "en": "only a duplicate is merged into another tip"}
        return Refusal("schema", pointer="/merged_into", reason=told)
    if into is None or into is tip:
        told = {"zh": "没有这条反映", "en": "there is no such tip"}
        return Refusal("schema", pointer="/merged_into", reason=told)
    if into.state == "voided":
        told = {"zh": "要并入的反映已作废", "en": "the tip it would be merged into is void"}
        return Refusal("invalid_state", pointer="/merged_into", reason=told)
    return None


def fact_time(told: datetime | None, now: datetime, pointer: str, *, after: datetime = EARLIEST) -> datetime | Refusal:
    """When a fact happened: as told, else now. ``after``: the fact it follows.

    Refuses ``out_of_order_date`` for a time before that fact, ``time_out_of_range`` for one before 2000 or more than 24
    hours ahead. Where nothing is told and the forerunner was told by a clock that is ahead, the fact happens with it.
    """
    if told is None:
        return max(now, after)
    if not EARLIEST <= told <= now + AHEAD:
        return Refusal("time_out_of_range", pointer=pointer)
    if told < after:
        return Refusal("out_of_order_date", pointer=pointer)
    return told


def is_timely_day(day: date, now: datetime, zone: ZoneInfo) -> bool:
    """Whether a fact may be dated so: from 2000 on, and at most 24 hours ahead. A day stands for its local noon."""
    return EARLIEST <= datetime.combine(day, NOON, zone) <= now + AHEAD


def may_close(closed_at: datetime | None, evidence: Sequence[str], official_source: str | None) -> Refusal | None:
    """Charter C6: a correction closes once, with evidence and an official source, whatever came out of it."""
    if refusal := may_change_case(closed_at):
        return refusal
    if not evidence:
        return Refusal("no_evidence", pointer="/evidence")
    if not official_source:
        return Refusal("no_source", pointer="/official_source")
    return None


def may_change_case(closed_at: datetime | None) -> Refusal | None:
    """Claim, evidence and timeline stand as they are once the case is closed."""
    if closed_at:
        return Refusal("invalid_state", reason={"zh": "这件更正已办结", "en": "the correction is closed already"})
    return None


def _not_in(state: State) -> Refusal:
    return Refusal("invalid_state", reason=_STATES[state])
