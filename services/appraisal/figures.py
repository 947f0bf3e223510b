"""Tallies and quotas -> the numerator and denominator of every indicator and body: pure and exact.

What a report needs of the tallies is a short list of ``Window``s, each summed by county; so its cost is that of
counties and days, however many events there were.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import repeat
from math import lcm
from typing import NamedTuple

from services.appraisal.measures import TRAINED, Measure, TallyKey
from services.appraisal.periods import Evaluation
from services.appraisal.quotas import Body

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Term:
    """One indicator of a scheme, in exact numbers. ``days`` and ``cap`` are 0 where it has no such parameter."""

    indicator: str
    weight: Fraction
    target: Fraction
    days: int = 0
    cap: int = 0
    min_sample: Fraction = Fraction(0)
    shrink: bool = False
    prior: Fraction = Fraction(0)


class Window(NamedTuple):
    """The tallies of a measure from ``first`` to ``last`` (both included) in buckets up to ``bucket``."""

    measure: int
    first: date
    last: date
    bucket: int

    def parts(self) -> list["Part"]:
        """It in years, halves, quarters and months, as long ones as fit, and the days beside them: at most ten parts."""
        if self.measure > Measure.SHARE:
            return [Part(0, self.first, self.last)]
        return list(_parts(self.first, self.last + _DAY, SPANS))


class Part(NamedTuple):
    """The spans of so many ``months`` that begin from ``first`` to ``last``; 0 for days."""

    months: int
    first: date
    last: date


SPANS = (12, 6, 3, 1)
"""In months: the lengths of periods. Of each there are sums beside those of the days."""


def _parts(first: date, end: date, spans: Sequence[int]) -> Iterator[Part]:
    """What lies before ``end``."""
    if first >= end:
        return
    if not spans:
        yield Part(0, first, end - _DAY)
        return
    months, *shorter = spans
    since, until = _first_of(first - _DAY, months, 1) if first > date.min else first, _first_of(end, months, 0)
    if since < until:
        yield Part(months, since, _first_of(until - _DAY, months, 0))
        yield from _parts(first, since, shorter)
        yield from _parts(until, end, shorter)
    else:
        yield from _parts(first, end, shorter)


def _first_of(day: date, months: int, more: int) -> date:
    """The first day of the span that ``day`` lies in, or of one so many later."""
    years, month = divmod(((day.month - 1) // months + more) * months, 12)
    return date(day.year + years, month + 1, 1)


Sums = Mapping[Window, Mapping[str, int]]
"""n by county for every window asked for; counties without any may be left out."""


class Figures(NamedTuple):
    """One indicator's figures, a number for each body in their order.

    A denominator is ``denominators[i] / parts``. Where there is none, the value is the numerator over ``divisor``.
    """

    numerators: Sequence[int]
    denominators: Sequence[int] | None
    parts: int = 1
    divisor: Fraction = Fraction(1)


def windows(terms: Iterable[Term], seen: Evaluation) -> list[Window]:
    """Everything that ``figures`` asks of the tallies, each window once."""
    asked = _stock_windows(seen)
    for term in terms:
        counted = _counted(term, seen)
        asked += [*_base(term, seen)] if counted is None else [counted, *_base(term, seen)]
    return list(dict.fromkeys(asked))


def summed(tallies: Mapping[TallyKey, int], asked: Iterable[Window]) -> dict[Window, dict[str, int]]:
    """The sums of tallies held in memory."""
    sums: dict[Window, dict[str, int]] = {window: {} for window in asked}
    by_measure: dict[int, list[tuple[Window, dict[str, int]]]] = {}
    for window, found in sums.items():
        by_measure.setdefault(window.measure, []).append((window, found))
    for (measure, county, day, bucket), n in tallies.items():
        for window, found in by_measure.get(measure, ()):
            if window.first <= day <= window.last and bucket <= window.bucket:
                found[county] = found.get(county, 0) + n
    return sums


def added(sums: Sums, more: Sums) -> dict[Window, dict[str, int]]:
    """Both sums together; both answer the same windows."""
    total = {window: dict(found) for window, found in sums.items()}
    for window, found in more.items():
        here = total[window]
        for county, n in found.items():
            here[county] = here.get(county, 0) + n
    return total


def figures(
    terms: Iterable[Term], sums: Sums, quotas: Mapping[str, int], bodies: Sequence[Body], seen: Evaluation
) -> list[Figures]:
    """In the order of ``terms``. ``sums`` answers ``windows(terms, seen)``; ``quotas`` by county."""
    counties = [body.county for body in bodies]
    stocks = _stocks(sums, counties, seen)
    now = stocks[seen.day]

    def column(window: Window) -> list[int]:
        return _column(sums[window], counties)

    def of_term(term: Term) -> Figures:
        counted = _counted(term, seen)
        numerators = now if counted is None else column(counted)
        match term.indicator:
            case "roster_fill":
                return Figures(numerators, [quotas.get(body.county, 0) for body in bodies])
            case "training_coverage":
                return Figures(numerators, now)
            case "tips_reported":
                return Figures(numerators, now, parts=100)
            case "needs_acted":
                return Figures(numerators, None)
            case "posts_published":
                return Figures(numerators, None, divisor=seen.months_passed)
            case "sharing_participation":
                parts = lcm(*(month.passed.denominator for month in seen.months))
                places = [0] * len(bodies)
                for month in seen.months:
                    n, stock = int(month.passed * parts) * term.cap, stocks[month.counted_to]
                    places = [place + n * volunteers for place, volunteers in zip(places, stock, strict=True)]
                return Figures(numerators, places, parts)
            case _:
                base, *left_out = [column(window) for window in _base(term, seen)]
                return Figures(numerators, [n - sum(out) for n, *out in zip(base, *left_out, strict=True)])

    return [of_term(term) for term in terms]


def _counted(term: Term, seen: Evaluation) -> Window | None:
    """The tallies behind the numerator; None where it is the stock."""
    match term.indicator:
        case "roster_fill":
            return None
        case "training_coverage":
            return Window(TRAINED[seen.period.length], seen.period.start, seen.period.start, 0)
        case "tips_reported":
            return _within(Measure.TIP_REPORTED, seen)
        case "tips_triaged_in_time":
            return _due(Measure.TIP_TRIAGED, term, seen, term.days)
        case "tips_resolved_in_time":
            return _due(Measure.TIP_RESOLVED_IN_TIME, term, seen, term.days)
        case "tips_answered":
            return _within(Measure.TIP_ANSWERED, seen)
        case "needs_acted":
            return _within(Measure.NEED_ACTED, seen)
        case "corrections_closed_in_time":
            return _due(Measure.CASE_CLOSED, term, seen, term.days)
        case "sharing_participation":
            return _within(Measure.SHARE, seen, term.cap)
        case "posts_published":
            return _within(Measure.POST, seen)
        case _:
            raise ValueError(f"no such indicator: {term.indicator}")


def _base(term: Term, seen: Evaluation) -> list[Window]:
    """The tallies behind a denominator that is made of them: the first, less the others."""
    match term.indicator:
        case "tips_triaged_in_time" | "tips_resolved_in_time":
            return [_due(Measure.TIP_REPORTED, term, seen)]
        case "tips_answered":
            return [_within(Measure.TIP_RESOLVED, seen)]
        case "corrections_closed_in_time":
            return [_due(Measure.CASE_OPENED, term, seen), _due(Measure.CASE_NO_ACTION, term, seen, term.days)]
        case _:
            return []


def _within(measure: Measure, seen: Evaluation, bucket: int = 0) -> Window:
    """What happened in the period."""
    return Window(measure, seen.period.start, seen.day, bucket)


def _due(measure: Measure, term: Term, seen: Evaluation, bucket: int = 0) -> Window:
    """What was reported (opened) so that it fell due in the period, on a day that has ended."""
    wait = timedelta(days=term.days)
    return Window(measure, seen.period.start - wait, seen.due_until - wait, bucket)


def _stock_windows(seen: Evaluation) -> list[Window]:
    """One after the other from the first day of all: the stock at the end of a window is the sum up to there."""
    days = sorted({seen.day, *(month.counted_to for month in seen.months)})
    firsts = [date.min, *(day + _DAY for day in days[:-1])]
    return [Window(Measure.STOCK, first, last, 0) for first, last in zip(firsts, days, strict=True)]


def _stocks(sums: Sums, counties: Sequence[str], seen: Evaluation) -> dict[date, list[int]]:
    """Volunteers of each body at the end of the eval day and of the months begun; never below 0."""
    stocks: dict[date, list[int]] = {}
    running = [0] * len(counties)
    for window in _stock_windows(seen):
        running = [n + more for n, more in zip(running, _column(sums[window], counties), strict=True)]
        stocks[window.last] = [n if n > 0 else 0 for n in running]
    return stocks


def _column(found: Mapping[str, int], counties: Sequence[str]) -> list[int]:
    """A number for each county, in their order."""
    return list(map(found.get, counties, repeat(0)))
