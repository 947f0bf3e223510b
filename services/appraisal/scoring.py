"""Figures and a scheme -> values, points, scores and ranks: pure.

Everything is exact until it is shown: a number is a ratio of whole numbers, not reduced, so that 3,000 counties take no
longer than a look at them. ``shown`` rounds, half to even.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Literal, NamedTuple, TypedDict

from services.appraisal.figures import Figures, Sums, Term, figures
from services.appraisal.periods import Evaluation
from services.appraisal.quotas import Body

Ratio = tuple[int, int]
"""Numerator and denominator, the latter above 0."""
Number = int | float
"""As it stands in JSON."""
Note = Literal["no_case", "small_sample_shrunk", "small_sample_redistributed", "sharing_limited"]
BodyNote = Literal["too_little_evidence"]

SHARING = "sharing_participation"
ENOUGH_EVIDENCE = 60
"""Of the scheme's 100: bodies whose cases weigh less are not ranked."""
_SHARING_TO_OTHERS = 4
"""Sharing weighs at most this part of what the other cases weigh: a fifth of all."""


class Result(NamedTuple):
    """One indicator of one body. No case: value, attainment and points are None."""

    numerator: int | None
    denominator: Ratio | None
    value: Ratio | None
    attainment: Ratio | None
    points: Ratio | None
    note: Note | None


class Row(NamedTuple):
    """One body's place: ``results`` in the order of the scheme's terms."""

    body: Body
    results: Sequence[Result]
    score: Ratio | None
    rank: int | None
    note: BodyNote | None


class IndicatorShown(TypedDict):
    indicator: str
    numerator: Number | None
    denominator: Number | None
    value: Number | None
    target: Number
    attainment: Number | None
    weight: Number
    points: Number | None
    note: Note | None


class CountyShown(TypedDict):
    county: str
    name: Mapping[str, str]
    score: Number | None
    rank: int | None
    note: BodyNote | None
    indicators: list[IndicatorShown]


class CityShown(TypedDict):
    indicator: str
    numerator: Number | None
    denominator: Number | None
    value: Number | None


class Report(TypedDict):
    """The figures of a report as its readers get them."""

    counties: list[CountyShown]
    city: list[CityShown]


def report(
    terms: Sequence[Term], sums: Sums, quotas: Mapping[str, int], bodies: Sequence[Body], seen: Evaluation
) -> Report:
    """The report of a period: ``sums`` answers ``figures.windows(terms, seen)``, ``quotas`` is by county.

    Of a period that has not begun only bodies, weights and targets are shown.
    """
    if not seen.begun:
        return _not_begun(terms, bodies)
    found = figures(terms, sums, quotas, bodies, seen)
    heads = _heads(terms)
    return {
        "counties": [_row_shown(row, heads) for row in scored(terms, found, bodies)],
        "city": [_city_shown(term, of_term) for term, of_term in zip(terms, found, strict=True)],
    }


def scored(terms: Sequence[Term], found: Sequence[Figures], bodies: Sequence[Body]) -> list[Row]:
    """Every body's exact results, in the order of the report: by rank, then code; then the unranked by code."""
    unit = _SHARING_TO_OTHERS * lcm(*(term.weight.denominator for term in terms))
    weights = [int(term.weight * unit) for term in terms]
    columns = [_column(term, of_term) for term, of_term in zip(terms, found, strict=True)]
    sharing = next((at for at, term in enumerate(terms) if term.indicator == SHARING), None)
    rows = [
        _row(body, measured, weights, sharing, ENOUGH_EVIDENCE * unit)
        for body, *measured in zip(bodies, *columns, strict=True)
    ]
    return _ranked(rows)


def shown(ratio: Ratio, digits: int) -> Number:
    """Rounded half to even; whole numbers as int, others as the float nearest to the decimal."""
    scale = _SCALES[digits]
    whole = _nearest(ratio, scale)
    return whole / scale if whole % scale else whole // scale


_SCALES = (1, 10, 100, 1000, 10000)


def _nearest(ratio: Ratio, scale: int) -> int:
    """``ratio * scale`` as a whole number, half to even."""
    numerator, denominator = ratio
    whole, rest = divmod(numerator * scale, denominator)
    if rest:
        rest *= 2
        if rest > denominator or (rest == denominator and whole & 1):
            whole += 1
    return whole


_Measured = tuple[int, Ratio | None, Ratio | None, Ratio | None, Note | None]
"""Numerator, denominator, value, attainment and note, before the cases are weighed against each other."""


def _column(term: Term, of_term: Figures) -> list[_Measured]:
    """One indicator of every body."""
    target, target_parts = term.target.numerator, term.target.denominator

    def case(n: int, base: Ratio | None, over: int, under: int, note: Note | None = None) -> _Measured:
        reached, asked = over * target_parts, under * target
        return n, base, (over, under), (reached, asked) if reached < asked else (1, 1), note

    if of_term.denominators is None:
        over, under = of_term.divisor.denominator, of_term.divisor.numerator
        return [case(n, None, n * over, under) for n in of_term.numerators]
    parts = of_term.parts
    small = ceil(term.min_sample * parts)
    prior, prior_parts = term.prior.numerator, term.prior.denominator
    all_counted, all_base = sum(of_term.numerators) * parts, sum(of_term.denominators)
    column: list[_Measured] = []
    for n, d in zip(of_term.numerators, of_term.denominators, strict=True):
        base = d, parts
        if d and d >= small:
            column.append(case(n, base, n * parts, d))
        elif d >= small or (term.shrink and not all_base):
            column.append((n, base, None, None, "no_case"))
        elif not term.shrink:
            column.append((n, base, None, None, "small_sample_redistributed"))
        else:
            # (n + prior * all_counted / all_base) / (d / parts + prior), multiplied out
            over = (n * prior_parts * all_base + prior * all_counted) * parts
            under = (d * prior_parts + prior * parts) * all_base
            column.append(case(n, base, over, under, "small_sample_shrunk"))
    return column


def _row(body: Body, measured: list[_Measured], weights: Sequence[int], sharing: int | None, enough: int) -> Row:
    """Weighs the cases of one body against each other."""
    weighed = [0 if each[2] is None else weight for each, weight in zip(measured, weights, strict=True)]
    evidence = sum(weighed)
    if sharing is not None and weighed[sharing]:
        limit = (evidence - weighed[sharing]) // _SHARING_TO_OTHERS  # exact: weights are multiples of this
        if weighed[sharing] > limit:
            weighed[sharing] = limit
            n, base, value, attainment, _ = measured[sharing]
            alone = limit == 0
            measured[sharing] = n, base, None if alone else value, None if alone else attainment, "sharing_limited"
    total = sum(weighed)
    over, under = 0, 1
    results: list[Result] = []
    for (n, base, value, attainment, note), weight in zip(measured, weighed, strict=True):
        points = None
        if attainment is not None:
            reached, asked = attainment
            points = 100 * weight * reached, total * asked
            over, under = over * asked + weight * reached * under, under * asked
        results.append(Result(n, base, value, attainment, points, note))
    score = (100 * over, total * under) if total else None
    return Row(body, results, score, None, None if evidence >= enough else "too_little_evidence")


def _ranked(rows: Sequence[Row]) -> list[Row]:
    """Equal as shown is equal in rank. The city level and bodies with too little evidence have none."""
    places: list[tuple[int, str, Row]] = []
    unranked: list[Row] = []
    for row in rows:
        if row.body.is_city or row.note is not None or row.score is None:
            unranked.append(row)
        else:
            places.append((-_nearest(row.score, 100), row.body.county, row))
    places.sort(key=lambda place: place[:2])
    ranked: list[Row] = []
    rank, above = 0, 1
    for at, (score, _, row) in enumerate(places, start=1):
        if score != above:
            rank, above = at, score
        ranked.append(row._replace(rank=rank))
    return ranked + sorted(unranked, key=lambda row: row.body.county)


def _row_shown(row: Row, terms: Sequence[tuple[str, Number, Number]]) -> CountyShown:
    return {
        "county": row.body.county,
        "name": row.body.name,
        "score": _maybe(row.score, 2),
        "rank": row.rank,
        "note": row.note,
        "indicators": [
            {
                "indicator": indicator,
                "numerator": numerator,
                "denominator": _maybe(denominator, 2),
                "value": _maybe(value, 4),
                "target": target,
                "attainment": _maybe(attainment, 4),
                "weight": weight,
                "points": _maybe(points, 2),
                "note": note,
            }
            for (indicator, target, weight), (numerator, denominator, value, attainment, points, note) in zip(
                terms, row.results, strict=True
            )
        ],
    }


def _city_shown(term: Term, of_term: Figures) -> CityShown:
    """All bodies together. A value without denominator is made of the sums like a body's."""
    counted = sum(of_term.numerators)
    if of_term.denominators is None:
        base, value = None, (counted * of_term.divisor.denominator, of_term.divisor.numerator)
    else:
        total = sum(of_term.denominators)
        base, value = (total, of_term.parts), (counted * of_term.parts, total) if total else None
    return {
        "indicator": term.indicator,
        "numerator": counted,
        "denominator": _maybe(base, 2),
        "value": _maybe(value, 4),
    }


def _not_begun(terms: Sequence[Term], bodies: Sequence[Body]) -> Report:
    nothing = Result(None, None, None, None, None, None)
    rows = [Row(body, [nothing] * len(terms), None, None, None) for body in bodies]
    return {
        "counties": [_row_shown(row, _heads(terms)) for row in _ranked(rows)],
        "city": [
            {"indicator": term.indicator, "numerator": None, "denominator": None, "value": None} for term in terms
        ],
    }


def _heads(terms: Sequence[Term]) -> list[tuple[str, Number, Number]]:
    """Indicator, target and weight as shown: the same in every body's row. Targets stand as the scheme has them."""
    return [(term.indicator, _plain(term.target), shown(_ratio(term.weight), 2)) for term in terms]


def _plain(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number.numerator / number.denominator


def _ratio(number: Fraction) -> Ratio:
    return number.numerator, number.denominator


def _maybe(ratio: Ratio | None, digits: int) -> Number | None:
    return None if ratio is None else shown(ratio, digits)
