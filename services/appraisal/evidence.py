"""Facts behind one figure of one county: which count, and why the others do not. Pure.

The same rules as in ``measures`` and ``figures``, told event by event; a test holds the sums of both equal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

from services.appraisal.figures import Term
from services.appraisal.measures import Fact, Flag, Kind
from services.appraisal.periods import Evaluation

Part = Literal["numerator", "denominator"]
WhyNot = Literal[
    "voided", "undisclosed", "second_telling", "not_yet", "outside_period", "not_yet_due", "too_late", "over_cap",
    "same_volunteer", "not_answered", "not_acted", "no_action", "other_county", "after_closing",
]  # fmt: skip
"""``undisclosed``: voided, for its account was not disclosed then; ``not_yet``: dated after the moment that is asked about;
``not_yet_due``: its day has not ended; ``no_action``: a case closed in time without action is left out;
``other_county``: it counts for another one; ``after_closing``: it came when the period was closed."""

_MOVEMENTS = (Kind.VOLUNTEER_REGISTERED, Kind.VOLUNTEER_TRANSFERRED, Kind.VOLUNTEER_LEFT)
_TIPS = (Kind.TIP_REPORTED, Kind.TIP_TRIAGED, Kind.TIP_RESOLVED, Kind.TIP_VOIDED)
_CASES = (Kind.CORRECTION_OPENED, Kind.CORRECTION_CLOSED)
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "roster_fill": _MOVEMENTS,
    "training_coverage": (*_MOVEMENTS, Kind.ATTENDANCE_RECORDED, Kind.ATTENDANCE_VOIDED),
    "tips_reported": (*_MOVEMENTS, Kind.TIP_REPORTED, Kind.TIP_VOIDED),
    "tips_triaged_in_time": _TIPS,
    "tips_resolved_in_time": _TIPS,
    "tips_answered": _TIPS,
    "needs_acted": _TIPS,
    "corrections_closed_in_time": _CASES,
    "sharing_participation": (*_MOVEMENTS, Kind.REPOST_LOGGED, Kind.REPOST_VOIDED),
    "posts_published": (Kind.POST_PUBLISHED, Kind.POST_WITHDRAWN),
}
"""Facts that an indicator needs, of all subjects that the county has a part in."""


DRIVERS: Mapping[str, Mapping[Part, tuple[Kind, ...]]] = {
    "roster_fill": {"numerator": _MOVEMENTS},
    "training_coverage": {"numerator": (Kind.ATTENDANCE_RECORDED,), "denominator": _MOVEMENTS},
    "tips_reported": {"numerator": (Kind.TIP_REPORTED,), "denominator": _MOVEMENTS},
    "tips_triaged_in_time": {"numerator": (Kind.TIP_REPORTED,), "denominator": (Kind.TIP_REPORTED,)},
    "tips_resolved_in_time": {"numerator": (Kind.TIP_REPORTED,), "denominator": (Kind.TIP_REPORTED,)},
    "tips_answered": {"numerator": (Kind.TIP_RESOLVED,), "denominator": (Kind.TIP_RESOLVED,)},
    "needs_acted": {"numerator": (Kind.TIP_RESOLVED,)},
    "corrections_closed_in_time": {
        "numerator": (Kind.CORRECTION_OPENED,),
        "denominator": (Kind.CORRECTION_OPENED,),
    },
    "sharing_participation": {"numerator": (Kind.REPOST_LOGGED,), "denominator": _MOVEMENTS},
    "posts_published": {"numerator": (Kind.POST_PUBLISHED,)},
}
"""The kinds of facts in whose order a part is paged: its own events; of what falls due, the openings."""
LIMITED: Mapping[str, Kind] = {
    "training_coverage": Kind.ATTENDANCE_RECORDED,
    "sharing_participation": Kind.REPOST_LOGGED,
}
"""Where an event counts or not by what its volunteer did before it."""


class Evidence(NamedTuple):
    part: Part
    fact: Fact
    why_not: WhyNot | None

    @property
    def counted(self) -> bool:
        return self.why_not is None


class Subject:
    """The facts of one subject, and which telling of each kind is taken."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.facts = sorted({fact.id: fact for fact in facts}.values(), key=lambda fact: (fact.sequence, fact.id))
        self.taken: dict[int, Fact] = {}
        for fact in self.facts:
            self.taken.setdefault(fact.kind, fact)

    def told(self, kind: Kind) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind == kind]


class _Asked(NamedTuple):
    county: str
    term: Term
    seen: Evaluation
    instant: datetime

    def opening(self, subject: Subject, fact: Fact, undoing: Kind | None) -> WhyNot | None:
        """Why an opening fact counts nowhere, whatever is asked."""
        if subject.taken[fact.kind] is not fact:
            return "second_telling"
        if undoing is not None and undoing in subject.taken:
            return "undisclosed" if subject.taken[undoing].flag & Flag.NOT_DISCLOSED else "voided"
        if fact.county != self.county:
            return "other_county"
        return "not_yet" if fact.time > self.instant else None

    def within(self, day: date) -> WhyNot | None:
        return None if self.seen.period.start <= day <= self.seen.day else "outside_period"


def evidence(
    indicator: Term, county: str, subjects: Iterable[Sequence[Fact]], seen: Evaluation, instant: datetime
) -> list[Evidence]:
    """Everything behind the numerator and the denominator of ``county``, in order of (part, time, id): the numerator
    first. ``subjects``: the facts of each subject of ``KINDS`` that the county has a part in; ``instant``: the last time
    that counts. Quotas, the denominator of ``roster_fill``, are not facts."""
    if not seen.begun:
        return []
    asked = _Asked(county, indicator, seen, instant)
    found: list[Evidence] = []
    rest: list[Subject] = []
    for facts in subjects:
        subject = Subject(facts)
        if subject.facts and subject.facts[0].kind in _MOVEMENTS:
            part: Part = "numerator" if indicator.indicator == "roster_fill" else "denominator"
            found += [Evidence(part, fact, why) for fact, why in _movements(asked, subject)]
        else:
            rest.append(subject)
    found += _READERS[indicator.indicator](asked, rest)
    return sorted(found, key=lambda e: (e.part != "numerator", e.fact.time, e.fact.id))


Place = tuple[datetime, UUID, datetime, UUID]
"""Time and id of the driver, time and id of the event: the order of the events of a part."""


def placed(
    part: Part, indicator: Term, county: str, subjects: Iterable[Sequence[Fact]], seen: Evaluation, instant: datetime
) -> list[tuple[Place, Fact, Evidence]]:
    """One part's evidence with its places and drivers, in any order."""
    drivers = DRIVERS[indicator.indicator][part]
    known = [list(facts) for facts in subjects]
    taken = {facts[0].subject: Subject(facts).taken for facts in known if facts} if len(drivers) == 1 else {}
    found: list[tuple[Place, Fact, Evidence]] = []
    for each in evidence(indicator, county, known, seen, instant):
        if each.part == part:
            fact = each.fact
            driver = fact if fact.kind in drivers else taken[fact.subject][drivers[0]]
            found.append(((driver.time, driver.id, fact.time, fact.id), driver, each))
    return found


def days_of(part: Part, indicator: Term, seen: Evaluation) -> tuple[date, date]:
    """First and last day of the drivers that are shown: the period's, what fell due in it, and a month on either side."""
    first, last = seen.period.start, seen.period.end
    kinds = DRIVERS[indicator.indicator][part]
    if kinds == _MOVEMENTS:
        return _FIRST_DAY, last + _MARGIN
    if indicator.days:
        return first - timedelta(days=indicator.days) - _MARGIN, last
    return first - _MARGIN, last + _MARGIN


_FIRST_DAY = date(1999, 1, 1)
_MARGIN = timedelta(days=31)


def _movements(asked: _Asked, subject: Subject) -> Iterable[tuple[Fact, WhyNot | None]]:
    """As in ``measures``: of two registrations (departures) in a row the second is a second telling."""
    last: int | None = None
    for fact in subject.facts:
        repeated = fact.kind != Kind.VOLUNTEER_TRANSFERRED and fact.kind == last
        if fact.kind != Kind.VOLUNTEER_TRANSFERRED:
            last = fact.kind
        if asked.county not in (fact.county, fact.other_county):
            continue
        if repeated:
            yield fact, "second_telling"
        elif fact.time > asked.instant:
            yield fact, "not_yet"
        else:
            yield fact, None if fact.day <= asked.seen.day else "outside_period"


def _no_more(asked: _Asked, subjects: Sequence[Subject]) -> list[Evidence]:
    return []


def _happened(kind: Kind, undoing: Kind) -> Callable[[_Asked, Sequence[Subject]], list[Evidence]]:
    """The numerator counts what happened in the period."""

    def read(asked: _Asked, subjects: Sequence[Subject]) -> list[Evidence]:
        return [
            Evidence("numerator", fact, asked.opening(subject, fact, undoing) or asked.within(fact.day))
            for subject in subjects
            for fact in subject.told(kind)
        ]

    return read


def _limited(kind: Kind, undoing: Kind, reason: WhyNot) -> Callable[[_Asked, Sequence[Subject]], list[Evidence]]:
    """What happened in the period, only the first few of each volunteer: of shares the cap a month, of attendances one."""

    def read(asked: _Asked, subjects: Sequence[Subject]) -> list[Evidence]:
        found = _happened(kind, undoing)(asked, subjects)
        used: dict[object, int] = {}
        limited: list[Evidence] = []
        for told in sorted(found, key=lambda e: (e.fact.time, e.fact.subject)):
            if told.counted:
                fact = told.fact
                of_whom = (fact.volunteer, fact.day.replace(day=1) if asked.term.cap else None)
                used[of_whom] = used.get(of_whom, 0) + 1
                if used[of_whom] > (asked.term.cap or 1):
                    told = told._replace(why_not=reason)
            limited.append(told)
        return limited

    return read


def _due(opens: Kind, ends: Kind, undoing: Kind | None) -> Callable[[_Asked, Sequence[Subject]], list[Evidence]]:
    """The denominator counts what fell due in the period; the numerator what of it was done in time."""

    def read(asked: _Asked, subjects: Sequence[Subject]) -> list[Evidence]:
        found: list[Evidence] = []
        for subject in subjects:
            if opens not in subject.taken:
                continue
            first = subject.taken[opens]
            due = first.day + timedelta(days=asked.term.days)
            why = asked.opening(subject, first, undoing) or _due_when(asked, due)
            end = subject.taken.get(ends)
            ended = end is not None and end.time <= asked.instant
            left_out = bool(ended and end and end.flag & Flag.NO_ACTION and end.day <= due)
            if left_out:
                why = why or "no_action"
            found += [
                Evidence("denominator", fact, why if fact is first else "second_telling")
                for fact in subject.told(opens)
            ]
            if first.county == asked.county:
                found += [
                    Evidence("numerator", fact, why or _in_time(asked, subject, fact, due))
                    for fact in subject.told(ends)
                ]
        return found

    return read


def _due_when(asked: _Asked, due: date) -> WhyNot | None:
    if not asked.seen.period.start <= due <= asked.seen.period.end:
        return "outside_period"
    return None if due <= asked.seen.due_until else "not_yet_due"


def _in_time(asked: _Asked, subject: Subject, fact: Fact, due: date) -> WhyNot | None:
    if subject.taken[fact.kind] is not fact:
        return "second_telling"
    if fact.time > asked.instant:
        return "not_yet"
    if fact.day > due:
        return "too_late"
    if fact.kind == Kind.TIP_RESOLVED and fact.flag & Flag.DECLINED and not fact.flag & Flag.ANSWERED:
        return "not_answered"
    return "no_action" if fact.flag & Flag.NO_ACTION else None


def _resolved(asked: _Asked, subjects: Sequence[Subject]) -> list[Evidence]:
    """Tips resolved in the period: all of them below, where there is a denominator, and those that qualify above."""
    acted = asked.term.indicator == "needs_acted"
    found: list[Evidence] = []
    for subject in subjects:
        report = subject.taken.get(Kind.TIP_REPORTED)
        if report is None:
            continue
        base = asked.opening(subject, report, Kind.TIP_VOIDED)
        if base == "other_county":
            continue
        for fact in subject.told(Kind.TIP_RESOLVED):
            why = base or ("second_telling" if subject.taken[fact.kind] is not fact else None)
            why = why or ("not_yet" if fact.time > asked.instant else asked.within(fact.day))
            qualifies = fact.flag & (Flag.ACTED if acted else Flag.ANSWERED)
            lacking: WhyNot = "not_acted" if acted else "not_answered"
            if not acted:
                found.append(Evidence("denominator", fact, why))
            found.append(Evidence("numerator", fact, why or (None if qualifies else lacking)))
    return found


_READERS: Mapping[str, Callable[[_Asked, Sequence[Subject]], list[Evidence]]] = {
    "roster_fill": _no_more,
    "training_coverage": _limited(Kind.ATTENDANCE_RECORDED, Kind.ATTENDANCE_VOIDED, "same_volunteer"),
    "tips_reported": _happened(Kind.TIP_REPORTED, Kind.TIP_VOIDED),
    "tips_triaged_in_time": _due(Kind.TIP_REPORTED, Kind.TIP_TRIAGED, Kind.TIP_VOIDED),
    "tips_resolved_in_time": _due(Kind.TIP_REPORTED, Kind.TIP_RESOLVED, Kind.TIP_VOIDED),
    "tips_answered": _resolved,
    "needs_acted": _resolved,
    "corrections_closed_in_time": _due(Kind.CORRECTION_OPENED, Kind.CORRECTION_CLOSED, None),
    "sharing_participation": _limited(Kind.REPOST_LOGGED, Kind.REPOST_VOIDED, "over_cap"),
    "posts_published": _happened(Kind.POST_PUBLISHED, Kind.POST_WITHDRAWN),
}
