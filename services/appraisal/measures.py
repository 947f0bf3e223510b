"""Facts of a subject -> what they add to the tallies: pure, and a function of the set of facts alone.

A tally counts by county, measure, local day and bucket; see ``Measure`` for what day and bucket mean in each. A batch
of events adds ``of(after)`` and takes away ``of(before)`` for every subject it touches, so any order of arrival ends
the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import IntEnum, IntFlag
from functools import cache
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from uuid import UUID

_Key = TypeVar("_Key", bound=tuple[object, ...])

MEASURES_VERSION = 1
"""Raised whenever the same facts would give other tallies."""

LONGEST_WAIT = 366
"""In days: no scheme may ask about a longer one."""
HIGHEST_CAP = 10
"""Shares of a volunteer in a month: no scheme may count more."""


class Kind(IntEnum):
    """What a fact says. The numbers are stored: never give one a second meaning."""

    VOLUNTEER_REGISTERED = 1
    VOLUNTEER_TRANSFERRED = 2
    VOLUNTEER_LEFT = 3
    ATTENDANCE_RECORDED = 4
    ATTENDANCE_VOIDED = 5
    TIP_REPORTED = 6
    TIP_TRIAGED = 7
    TIP_RESOLVED = 8
    TIP_VOIDED = 9
    CORRECTION_OPENED = 10
    CORRECTION_CLOSED = 11
    POST_PUBLISHED = 12
    POST_WITHDRAWN = 13
    REPOST_LOGGED = 14
    REPOST_VOIDED = 15


class Flag(IntFlag):
    """What the appraisal keeps of an outcome: of ``TIP_RESOLVED``, ``CORRECTION_CLOSED`` and ``REPOST_VOIDED``; 0 on all
    other kinds."""

    ACTED = 1
    ANSWERED = 2
    DECLINED = 4
    NO_ACTION = 8
    NOT_DISCLOSED = 16
    """Counts like any other voiding; evidence tells it apart (charter C2)."""


def resolution_flag(outcome: str, answered: bool) -> int:
    """The flag of a tip's resolution. ``answered`` is its field, not the outcome of that name."""
    flag = Flag.ANSWERED if answered else Flag(0)
    if outcome == "acted":
        flag |= Flag.ACTED
    elif outcome == "declined":
        flag |= Flag.DECLINED
    return int(flag)


def closing_flag(outcome: str) -> int:
    """The flag of a case's closing: it only tells ``no_action`` from the others, which are worth the same (C6)."""
    return int(Flag.NO_ACTION) if outcome == "no_action" else 0


def voiding_flag(reason: str) -> int:
    """The flag of a share's voiding."""
    return int(Flag.NOT_DISCLOSED) if reason == "not_disclosed" else 0


class Fact(NamedTuple):
    """One event, as narrow as counting needs it, and the place it was read from (its topic follows from its kind).

    ``subject``: the volunteer of a movement; else attendance, tip, case, post or repost. ``county``: the event's, of a
    transfer the new one; ``other_county``: a transfer's former one. ``day``: the local date of ``time``.
    """

    id: UUID
    kind: int
    subject: UUID
    county: str
    other_county: str | None
    volunteer: UUID | None
    time: datetime
    day: date
    recordedtime: datetime
    sequence: int
    flag: int
    partition: int = 0
    offset: int = 0


class Measure(IntEnum):
    """What is counted, with the meaning of day and bucket; the bucket is 0 where none is named.

    The numbers are stored: never give one a second meaning.
    """

    STOCK = 1
    """Volunteers gained less lost that day: may be negative."""
    TIP_REPORTED = 2
    TIP_TRIAGED = 3
    """On the day it was reported; bucket: days it waited, up to ``LONGEST_WAIT``."""
    TIP_RESOLVED_IN_TIME = 4
    """On the day it was reported; bucket: days it waited. Those declined without an answer are left out."""
    TIP_RESOLVED = 5
    """On the day it was resolved; the next two likewise."""
    TIP_ANSWERED = 6
    NEED_ACTED = 7
    CASE_OPENED = 8
    CASE_CLOSED = 9
    """On the day it was opened; bucket: days until it was closed, with any outcome but ``no_action``."""
    CASE_NO_ACTION = 10
    """On the day it was opened; bucket: days until it was closed ``no_action``."""
    POST = 11
    SHARE = 12
    """On the first day of the month; bucket k from 1 to ``HIGHEST_CAP``: volunteers with k or more counted shares."""
    TRAINED_MONTH = 13
    """On the first day of the month: volunteers with an attendance in it; the next three likewise."""
    TRAINED_QUARTER = 14
    TRAINED_HALF = 15
    TRAINED_YEAR = 16


_ANSWERED, _ACTED, _DECLINED, _NO_ACTION = map(int, (Flag.ANSWERED, Flag.ACTED, Flag.DECLINED, Flag.NO_ACTION))
"""As plain numbers, which ``&`` takes a tenth of the time for."""

TRAINED = {1: Measure.TRAINED_MONTH, 3: Measure.TRAINED_QUARTER, 6: Measure.TRAINED_HALF, 12: Measure.TRAINED_YEAR}
"""By the length of the period in months. These and ``SHARE`` are counted by volunteer first, see ``of_person``."""


class TallyKey(NamedTuple):
    measure: int
    county: str
    day: date
    bucket: int


class PersonKey(NamedTuple):
    """``grain``: ``SHARE`` or one of ``TRAINED``; ``start``: the first day of that month, quarter, half or year."""

    grain: int
    volunteer: UUID
    county: str
    start: date


class Contribution(NamedTuple):
    """What facts add: straight to the tallies, and to the counts of volunteers. Compare freely; never change one."""

    counts: Mapping[TallyKey, int]
    persons: Mapping[PersonKey, int]


_NO_COUNTS: Mapping[TallyKey, int] = MappingProxyType({})
_NO_PERSONS: Mapping[PersonKey, int] = MappingProxyType({})
NOTHING = Contribution(_NO_COUNTS, _NO_PERSONS)

_MOVEMENTS = frozenset({Kind.VOLUNTEER_REGISTERED, Kind.VOLUNTEER_TRANSFERRED, Kind.VOLUNTEER_LEFT})


def of(facts: Sequence[Fact], until: datetime | None = None) -> Contribution:
    """What the facts of one subject contribute, in any order and with any copies.

    Of two tellings of a fact the one with the lower (sequence, id) is taken. After that, facts with a time later than
    ``until`` are dropped with all that depends on them; undoings never are.
    """
    if len(facts) == 1 and until is None:
        return of_one(facts[0])
    taken: dict[int, Fact] = {}
    movements: dict[UUID, Fact] = {}
    for fact in facts:
        if fact.kind in _MOVEMENTS:
            movements[fact.id] = fact
            continue
        held = taken.get(fact.kind)
        if held is None or _order(fact) < _order(held):
            taken[fact.kind] = fact

    def standing(kind: Kind, undoing: Kind | None = None) -> Fact | None:
        fact = taken.get(kind)
        if fact is None or (until is not None and fact.time > until) or (undoing is not None and undoing in taken):
            return None
        return fact

    counts: dict[TallyKey, int] = {}
    persons: Mapping[PersonKey, int] = _NO_PERSONS
    if movements:
        counts.update(_moves(sorted(movements.values(), key=_order), until))
    if tip := standing(Kind.TIP_REPORTED, Kind.TIP_VOIDED):
        counts.update(_tip(tip, standing(Kind.TIP_TRIAGED), standing(Kind.TIP_RESOLVED)))
    if case := standing(Kind.CORRECTION_OPENED):
        counts.update(_case(case, standing(Kind.CORRECTION_CLOSED)))
    if post := standing(Kind.POST_PUBLISHED, Kind.POST_WITHDRAWN):
        counts.update(_post(post).counts)
    if attendance := standing(Kind.ATTENDANCE_RECORDED, Kind.ATTENDANCE_VOIDED):
        persons = _attendance(attendance).persons
    if share := standing(Kind.REPOST_LOGGED, Kind.REPOST_VOIDED):
        persons = {**persons, **_share(share).persons}
    return Contribution(counts, persons)


def of_one(fact: Fact) -> Contribution:
    """The same as ``of([fact])``, quickly: most subjects have one fact."""
    alone = _ALONE.get(fact.kind)
    return NOTHING if alone is None else alone(fact)


def of_person(grain: int, n: int) -> dict[int, int]:
    """What a volunteer with ``n`` counted shares or attendances adds to a tally, by bucket."""
    if grain == Measure.SHARE:
        return dict.fromkeys(range(1, min(n, HIGHEST_CAP) + 1), 1)
    return {0: 1} if n > 0 else {}


def person_change(grain: int, before: int, after: int) -> dict[int, int]:
    """``of_person(grain, after)`` less ``of_person(grain, before)``: only the buckets that change."""
    if before > after:
        return {bucket: -n for bucket, n in person_change(grain, after, before).items()}
    if grain == Measure.SHARE:
        return dict.fromkeys(range(max(before, 0) + 1, min(after, HIGHEST_CAP) + 1), 1)
    return {0: 1} if before <= 0 < after else {}


class Changes:
    """Contributions added up: what a batch changes in the tallies."""

    def __init__(self) -> None:
        self.counts: dict[TallyKey, int] = {}
        self.persons: list[tuple[PersonKey, int]] = []
        """May name a key more than once: whoever uses them adds them up, mostly PostgreSQL."""

    def add(self, contribution: Contribution) -> None:
        for key, n in contribution.counts.items():
            _add(self.counts, key, n)
        self.persons += contribution.persons.items()

    def take(self, contribution: Contribution) -> None:
        for key, n in contribution.counts.items():
            _add(self.counts, key, -n)
        self.persons += [(key, -n) for key, n in contribution.persons.items()]

    def of_persons(self) -> dict[PersonKey, int]:
        """The changes of volunteers' counts, added up."""
        total: dict[PersonKey, int] = {}
        for key, n in self.persons:
            _add(total, key, n)
        return total


def tallies(contributions: Iterable[Contribution]) -> dict[TallyKey, int]:
    """The whole tallies of these contributions (one of each subject), volunteers' counts turned into buckets."""
    changes = Changes()
    for contribution in contributions:
        changes.add(contribution)
    result = changes.counts
    for (grain, _, county, start), n in changes.of_persons().items():
        for bucket, one in of_person(grain, n).items():
            _add(result, TallyKey(grain, county, start, bucket), one)
    return result


def _add(total: dict[_Key, int], key: _Key, n: int) -> None:
    n += total.get(key, 0)
    if n:
        total[key] = n
    else:
        total.pop(key, None)


def _order(fact: Fact) -> tuple[int, UUID]:
    return fact.sequence, fact.id


def _moves(movements: Iterable[Fact], until: datetime | None) -> dict[TallyKey, int]:
    """Movements of one volunteer, in order. Between two registrations lies a departure, and the other way round: what
    repeats its like is a second telling. Whether a volunteer was registered at all is not asked."""
    counts: dict[TallyKey, int] = {}
    last: int | None = None
    for fact in movements:
        if fact.kind != Kind.VOLUNTEER_TRANSFERRED:
            if fact.kind == last:
                continue
            last = fact.kind
        if until is None or fact.time <= until:
            for key, n in _movement(fact).counts.items():
                _add(counts, key, n)
    return counts


def _movement(fact: Fact) -> Contribution:
    here = TallyKey(Measure.STOCK, fact.county, fact.day, 0)
    if fact.kind == Kind.VOLUNTEER_LEFT:
        return Contribution({here: -1}, _NO_PERSONS)
    if fact.kind == Kind.VOLUNTEER_REGISTERED or fact.other_county is None:
        return Contribution({here: 1}, _NO_PERSONS)
    if fact.other_county == fact.county:
        return NOTHING
    return Contribution({here: 1, TallyKey(Measure.STOCK, fact.other_county, fact.day, 0): -1}, _NO_PERSONS)


def _tip(tip: Fact, triage: Fact | None, resolution: Fact | None) -> dict[TallyKey, int]:
    county, day = tip.county, tip.day
    counts = {TallyKey(Measure.TIP_REPORTED, county, day, 0): 1}
    if triage:
        counts.update(_waited(Measure.TIP_TRIAGED, tip, triage))
    if resolution:
        answered = resolution.flag & _ANSWERED
        if answered or not resolution.flag & _DECLINED:
            counts.update(_waited(Measure.TIP_RESOLVED_IN_TIME, tip, resolution))
        counts[TallyKey(Measure.TIP_RESOLVED, county, resolution.day, 0)] = 1
        if answered:
            counts[TallyKey(Measure.TIP_ANSWERED, county, resolution.day, 0)] = 1
        if resolution.flag & _ACTED:
            counts[TallyKey(Measure.NEED_ACTED, county, resolution.day, 0)] = 1
    return counts


def _case(case: Fact, closing: Fact | None) -> dict[TallyKey, int]:
    counts = {TallyKey(Measure.CASE_OPENED, case.county, case.day, 0): 1}
    if closing:
        closed = Measure.CASE_NO_ACTION if closing.flag & _NO_ACTION else Measure.CASE_CLOSED
        counts.update(_waited(closed, case, closing))
    return counts


def _waited(measure: Measure, first: Fact, end: Fact) -> dict[TallyKey, int]:
    days = max(0, (end.day - first.day).days)
    return {TallyKey(measure, first.county, first.day, days): 1} if days <= LONGEST_WAIT else {}


def _tip_alone(tip: Fact) -> Contribution:
    return Contribution({TallyKey(Measure.TIP_REPORTED, tip.county, tip.day, 0): 1}, _NO_PERSONS)


def _case_alone(case: Fact) -> Contribution:
    return Contribution({TallyKey(Measure.CASE_OPENED, case.county, case.day, 0): 1}, _NO_PERSONS)


def _post(post: Fact) -> Contribution:
    return Contribution({TallyKey(Measure.POST, post.county, post.day, 0): 1}, _NO_PERSONS)


@cache
def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _share(share: Fact) -> Contribution:
    assert share.volunteer is not None, "a share is always a volunteer's"
    return Contribution(
        _NO_COUNTS, {PersonKey(Measure.SHARE, share.volunteer, share.county, _first_of_month(share.day)): 1}
    )


def _attendance(attendance: Fact) -> Contribution:
    volunteer, county, day = attendance.volunteer, attendance.county, attendance.day
    assert volunteer is not None, "an attendance is always a volunteer's"
    return Contribution(
        _NO_COUNTS,
        {
            PersonKey(grain, volunteer, county, date(day.year, (day.month - 1) // length * length + 1, 1)): 1
            for length, grain in TRAINED.items()
        },
    )


_ALONE: Mapping[int, Callable[[Fact], Contribution]] = {
    Kind.VOLUNTEER_REGISTERED: _movement,
    Kind.VOLUNTEER_TRANSFERRED: _movement,
    Kind.VOLUNTEER_LEFT: _movement,
    Kind.ATTENDANCE_RECORDED: _attendance,
    Kind.TIP_REPORTED: _tip_alone,
    Kind.CORRECTION_OPENED: _case_alone,
    Kind.POST_PUBLISHED: _post,
    Kind.REPOST_LOGGED: _share,
}
