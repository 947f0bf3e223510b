"""From figures to values, points, scores and ranks."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.support.oracle.days import Moment, Period
from tests.support.oracle.indicators import WITHOUT_DENOMINATOR, Figure, value_of
from tests.support.oracle.schemes import exact


@dataclass
class Line:
    """One indicator of one body on its way to points; `value` None means no case."""

    indicator: str
    figure: Figure
    scheme_weight: Fraction
    target: Fraction
    value: Fraction | None
    note: str | None
    weight: Fraction = Fraction(0)
    attainment: Fraction | None = None
    points: Fraction | None = None


@dataclass(frozen=True)
class Sums:
    """Σ numerator and Σ denominator of one indicator over all appraised bodies."""

    numerator: Fraction
    denominator: Fraction | None


def sums_of(indicator: str, figures: list[Figure]) -> Sums:
    numerator = sum((figure.numerator for figure in figures), Fraction(0))
    if indicator in WITHOUT_DENOMINATOR:
        return Sums(numerator, None)
    return Sums(numerator, sum((figure.denominator or Fraction(0) for figure in figures), Fraction(0)))


def line_of(rule: dict[str, Any], figure: Figure, city: Sums, period: Period, evaluated: Moment) -> Line:
    """Value and note of one indicator of one body, before anything is weighed."""
    value, note = value_and_note(rule, figure, city, period, evaluated)
    return Line(rule["indicator"], figure, exact(rule["weight"]), exact(rule["target"]), value, note)


def value_and_note(
    rule: dict[str, Any], figure: Figure, city: Sums, period: Period, evaluated: Moment
) -> tuple[Fraction | None, str | None]:
    num, den = figure.numerator, figure.denominator
    if den is None:
        return value_of(rule["indicator"], num, None, period, evaluated), None

    # "Small sample: the exact denominator < min_sample (0 included ...)." "Default: min_sample 0."
    if den < exact(rule.get("min_sample") or 0):
        if rule.get("small_sample") == "shrink":
            # "value = (num + prior·q) / (den + prior), q = Σnum/Σden over all appraised bodies; note
            # `small_sample_shrunk`; when Σden = 0 there is no case, note `no_case`"
            if not city.denominator:
                return None, "no_case"
            prior = exact(rule["prior"])
            q = city.numerator / city.denominator
            return (num + prior * q) / (den + prior), "small_sample_shrunk"
        # "`redistribute`: no case, note `small_sample_redistributed`"
        return None, "small_sample_redistributed"

    # "Without these, den = 0 is no case, note `no_case`."
    if den == 0:
        return None, "no_case"
    return value_of(rule["indicator"], num, den, period, evaluated), None


def score_of(lines: list[Line]) -> Fraction | None:
    """Fills in weight, attainment and points of a body's lines; gives its exact score, None without any case."""
    limit_sharing(lines)
    cases = [line for line in lines if line.value is not None]
    # "its weight is spread over the county's other indicators in proportion": dividing by the sum of the cases' weights
    total = sum((line.weight for line in cases), Fraction(0))
    weighed = Fraction(0)
    for line in cases:
        assert line.value is not None
        # "attainment a = min(1, value / target)"
        line.attainment = min(Fraction(1), line.value / line.target)
        # "points_i = 100 · w_i·a_i / Σ w"
        line.points = 100 * line.weight * line.attainment / total
        weighed += line.weight * line.attainment
    # "score = 100 · Σ w·a / Σ w over the indicators with a case ... No case at all: score null."
    return 100 * weighed / total if cases else None


def limit_sharing(lines: list[Line]) -> None:
    # "Sharing never weighs more than a fifth, cases counted: its w in the sums below is at most a quarter of the sum
    # of the other cases' weights (note `sharing_limited`, before any other note); ... Alone it is no case."
    for line in lines:
        line.weight = line.scheme_weight
    others = [line for line in lines if line.indicator != "sharing_participation" and line.value is not None]
    limit = sum((line.weight for line in others), Fraction(0)) / 4
    for line in lines:
        if line.indicator == "sharing_participation" and line.value is not None and line.weight > limit:
            line.weight = limit
            line.note = "sharing_limited"
            if not others:
                line.value = None


def has_enough_evidence(lines: list[Line]) -> bool:
    # "A body whose cases carry less than 60 of the scheme's 100 (its weights, before the limit on sharing) has a
    # score and no rank, note `too_little_evidence` (the city level too)."
    return sum((line.scheme_weight for line in lines if line.value is not None), Fraction(0)) >= 60


def shown(number: Fraction | None, decimals: int) -> float | None:
    # "rounded half-even ... at output only; all are JSON numbers" (round() of a Fraction is exact and half-even)
    return None if number is None else float(round(number, decimals))
