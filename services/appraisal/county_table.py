"""The county table of a report, as its readers get it: pure.

Fields stand in the order of their names, as canonical JSON has them: of thousands of counties that saves sorting each.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import repeat
from typing import Any, Literal

import msgspec

from services.appraisal.exact import Number, Ratios, Which, shown, shown_all, whole
from services.appraisal.figures import Figures, Sums, Term, figures
from services.appraisal.periods import Evaluation
from services.appraisal.quotas import Body
from services.appraisal.scoring import SHARING, Case, Note, Weighed, measured, ranks, weighed

BodyNote = Literal["too_little_evidence"]


class IndicatorShown(msgspec.Struct, gc=False):
    attainment: Number | None
    denominator: Number | None
    indicator: str
    note: Note | None
    numerator: Number | None
    points: Number | None
    target: Number
    value: Number | None
    weight: Number


class CountyShown(msgspec.Struct, gc=False):
    county: str
    indicators: Sequence[IndicatorShown]
    name: Mapping[str, str]
    note: BodyNote | None
    rank: int | None
    score: Number | None


class CityShown(msgspec.Struct, gc=False):
    denominator: Number | None
    indicator: str
    numerator: Number | None
    value: Number | None


class Table(msgspec.Struct):
    """The figures of a report."""

    city: Sequence[CityShown]
    counties: Sequence[CountyShown]


Report = dict[str, Any]
"""A table in mappings and lists, as its JSON is read."""


def report(
    terms: Sequence[Term], sums: Sums, quotas: Mapping[str, int], bodies: Sequence[Body], seen: Evaluation
) -> Report:
    """``table`` in mappings and lists: of thousands of counties, slower to make and to write."""
    return msgspec.to_builtins(table(terms, sums, quotas, bodies, seen))


def table(
    terms: Sequence[Term], sums: Sums, quotas: Mapping[str, int], bodies: Sequence[Body], seen: Evaluation
) -> Table:
    """The table of a period: ``sums`` answers ``figures.windows(terms, seen)``, ``quotas`` is by county.

    Of a period that has not begun only bodies, weights and targets are shown.
    """
    if not seen.begun:
        return _without_figures(terms, bodies)
    found = figures(terms, sums, quotas, bodies, seen)
    return Table(
        city=[_city_shown(term, of_term) for term, of_term in zip(terms, found, strict=True)],
        counties=county_rows(terms, found, bodies),
    )


def county_rows(terms: Sequence[Term], found: Sequence[Figures], bodies: Sequence[Body]) -> list[CountyShown]:
    """By rank, then code; then the unranked by code."""
    cases = measured(terms, found)
    result = weighed(cases, [terms])
    columns = [
        _column_shown(case, result, at, *head) for at, (case, head) in enumerate(zip(cases, _heads(terms), strict=True))
    ]
    scores = _where(result.total[0] != 0, shown_all((result.hundredths[0], whole([100])), 2))
    rows = [
        CountyShown(body.county, indicators, body.name, None if enough else "too_little_evidence", rank, score)
        for body, score, rank, enough, *indicators in zip(
            bodies, scores, ranks(result, bodies), result.enough[0].tolist(), *columns, strict=True
        )
    ]
    return _in_order(rows)


def _column_shown(
    case: Case, found: Weighed, at: int, indicator: str, target: Number, weight: Number
) -> list[IndicatorShown]:
    """One indicator of every body."""
    holds, notes = case.holds, case.notes
    if indicator == SHARING:
        limited = found.limited[0]
        holds = holds & ~(limited & (found.weights[at][0] == 0))  # beside no other case it is none
        notes = ["sharing_limited" if is_limited else note for is_limited, note in zip(limited, notes, strict=True)]
    nothing = [None] * len(notes)
    bases = shown_all((case.denominators, whole([case.parts])), 2) if case.denominators is not None else nothing
    shown = (
        _of_cases(holds, case.attainment, 4),
        bases,
        repeat(indicator),
        notes,
        case.numerators.tolist(),
        _of_cases(holds, found.points(case, at), 2),
        repeat(target),
        _of_cases(holds, case.value, 4),
        repeat(weight),
    )
    return list(map(IndicatorShown, *shown))


def _of_cases(holds: Which, ratios: Ratios, digits: int) -> list[Number | None]:
    return _where(holds, shown_all(ratios, digits))


def _where(holds: Which, numbers: list[Number]) -> list[Number | None]:
    """None elsewhere."""
    if holds.all():
        return [*numbers]
    return [number if has else None for has, number in zip(holds.tolist(), numbers, strict=True)]


def _in_order(rows: list[CountyShown]) -> list[CountyShown]:
    return sorted(rows, key=lambda row: (row.rank is None, row.rank or 0, row.county))


def _city_shown(term: Term, of_term: Figures) -> CityShown:
    """All bodies together. A value without denominator is made of the sums like a body's."""
    counted = sum(of_term.numerators)
    if of_term.denominators is None:
        base, value = None, (counted * of_term.divisor.denominator, of_term.divisor.numerator)
    else:
        total = sum(of_term.denominators)
        base, value = (total, of_term.parts), (counted * of_term.parts, total) if total else None
    return CityShown(
        denominator=shown(base, 2) if base else None,
        indicator=term.indicator,
        numerator=counted,
        value=shown(value, 4) if value else None,
    )


def _without_figures(terms: Sequence[Term], bodies: Sequence[Body]) -> Table:
    indicators = [
        IndicatorShown(None, None, name, None, None, None, target, None, weight)
        for name, target, weight in _heads(terms)
    ]
    return Table(
        city=[CityShown(None, term.indicator, None, None) for term in terms],
        counties=_in_order([CountyShown(body.county, indicators, body.name, None, None, None) for body in bodies]),
    )


def _heads(terms: Sequence[Term]) -> list[tuple[str, Number, Number]]:
    """Indicator, target and weight as shown: the same in every body's row. Targets stand as the scheme has them."""
    return [
        (term.indicator, _plain(term.target), shown((term.weight.numerator, term.weight.denominator), 2))
        for term in terms
    ]


def _plain(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number.numerator / number.denominator
