"""The report call's figures, and the events behind one of them."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.support.oracle.days import Moment, Period, eval_of, instant_of, not_begun, period_named
from tests.support.oracle.facts import Body, Facts, facts_at
from tests.support.oracle.indicators import INDICATORS, Figure, Question, value_of
from tests.support.oracle.schemes import NINGDE_2014, exact
from tests.support.oracle.scoring import Line, Sums, has_enough_evidence, line_of, score_of, shown, sums_of


class Counted(NamedTuple):
    """Ids of the events that count, behind a figure's numerator and behind its denominator (empty where none)."""

    numerator: set[str]
    denominator: set[str]


def report(
    events: Iterable[dict[str, Any]],
    period: str,
    *,
    scheme: dict[str, Any] | None = None,
    now: datetime,
    as_of: date | None = None,
    zone: str = "Asia/Shanghai",
) -> dict[str, Any]:
    """`{status (not_begun, running), counties: [...], city: [...]}` as in the report call.

    `now` is the instant when `as_of` is None (for a closed period: the closing instant). ValueError: a period that is
    none, an `as_of` after today, a `now` without time zone.
    """
    days, instant = period_named(period), instant_of(now, as_of, ZoneInfo(zone))
    return report_of(facts_at(events, instant, as_of), days, instant, NINGDE_2014 if scheme is None else scheme)


def report_of(facts: Facts, days: Period, instant: Moment, chosen: dict[str, Any]) -> dict[str, Any]:
    """The report under a scheme of what counts at the instant; the same facts serve for several periods."""
    if not_begun(instant, days):
        return report_not_begun(facts, chosen)
    evaluated = eval_of(instant, days)

    figures: dict[tuple[str, str], Figure] = {}
    for body in facts.bodies:
        for rule in chosen["indicators"]:
            figures[body.county, rule["indicator"]] = figure_of(facts, body.county, rule, days, evaluated)

    city: dict[str, Sums] = {}
    for rule in chosen["indicators"]:
        indicator = rule["indicator"]
        city[indicator] = sums_of(indicator, [figures[body.county, indicator] for body in facts.bodies])

    rows: list[dict[str, Any]] = []
    for body in facts.bodies:
        lines = [
            line_of(rule, figures[body.county, rule["indicator"]], city[rule["indicator"]], days, evaluated)
            for rule in chosen["indicators"]
        ]
        score = score_of(lines)
        enough = has_enough_evidence(lines)
        rows.append(
            {
                "county": body.county,
                "name": body.name,
                "score": shown(score, 2),
                "rank": None,
                "note": None if enough else "too_little_evidence",
                "indicators": [row_of(line) for line in lines],
            }
        )
    rank(rows, facts.bodies)
    return {
        "status": "running",
        "counties": sorted(rows, key=place),
        "city": [
            city_row(rule["indicator"], city[rule["indicator"]], days, evaluated) for rule in chosen["indicators"]
        ],
    }


def counted(
    events: Iterable[dict[str, Any]],
    period: str,
    indicator: str,
    county: str,
    *,
    scheme: dict[str, Any] | None = None,
    now: datetime,
    as_of: date | None = None,
    zone: str = "Asia/Shanghai",
) -> Counted:
    """The events that count behind one county's figure; KeyError for an indicator that the scheme has not.

    Stock: the movements of the county up to the eval day. Shares of tips and cases: reports (openings) below, the
    triages, resolutions or closings above. Training: each volunteer's first attendance. Shares: the first `cap`.
    """
    rules = {rule["indicator"]: rule for rule in (NINGDE_2014 if scheme is None else scheme)["indicators"]}
    rule = rules[indicator]
    days, instant = period_named(period), instant_of(now, as_of, ZoneInfo(zone))
    if not_begun(instant, days):
        return Counted(set(), set())
    figure = figure_of(facts_at(events, instant, as_of), county, rule, days, eval_of(instant, days))
    return Counted(figure.numerator_events, figure.denominator_events)


def figure_of(facts: Facts, county: str, rule: dict[str, Any], period: Period, evaluated: Moment) -> Figure:
    question = Question(facts, county, period, evaluated, rule.get("params") or {})
    return INDICATORS[rule["indicator"]](question)


def report_not_begun(facts: Facts, scheme: dict[str, Any]) -> dict[str, Any]:
    # "Status is `not_begun` (figures, notes and scores null)"; what the scheme says (target, weight) stays.
    nothing = dict.fromkeys(("numerator", "denominator", "value"))
    rows = [
        {
            "county": body.county,
            "name": body.name,
            "score": None,
            "rank": None,
            "note": None,
            "indicators": [
                {
                    "indicator": rule["indicator"],
                    **nothing,
                    "target": float(exact(rule["target"])),
                    "attainment": None,
                    "weight": shown(exact(rule["weight"]), 2),
                    "points": None,
                    "note": None,
                }
                for rule in scheme["indicators"]
            ],
        }
        for body in facts.bodies
    ]
    return {
        "status": "not_begun",
        "counties": sorted(rows, key=place),
        "city": [{"indicator": rule["indicator"], **nothing} for rule in scheme["indicators"]],
    }


def row_of(line: Line) -> dict[str, Any]:
    # "Scores, points, weights, numerators and denominators are rounded half-even to 2 decimals, values and
    # attainments to 4" - "Numerator and denominator are shown as counted (before shrinking)" - "`weight` shows the
    # scheme's"
    return {
        "indicator": line.indicator,
        "numerator": shown(line.figure.numerator, 2),
        "denominator": shown(line.figure.denominator, 2),
        "value": shown(line.value, 4),
        "target": float(line.target),
        "attainment": shown(line.attainment, 4),
        "weight": shown(line.scheme_weight, 2),
        "points": shown(line.points, 2),
        "note": line.note,
    }


def city_row(indicator: str, city: Sums, period: Period, evaluated: Moment) -> dict[str, Any]:
    # "city: [{indicator, numerator (Σ), denominator (Σ), value}]": the table's formula over the sums
    value = value_of(indicator, city.numerator, city.denominator, period, evaluated)
    return {
        "indicator": indicator,
        "numerator": shown(city.numerator, 2),
        "denominator": shown(city.denominator, 2),
        "value": shown(value, 4),
    }


def rank(rows: list[dict[str, Any]], bodies: list[Body]) -> None:
    # "Rank: 1 + the number of ranked counties with a higher score as shown (equal as shown, equal rank)." - "The city
    # level is scored but not ranked."
    may_be_ranked = {body.county for body in bodies if body.ranked}
    ranked = [row for row in rows if row["county"] in may_be_ranked and row["note"] is None]
    for row in ranked:
        row["rank"] = 1 + sum(1 for other in ranked if other["score"] > row["score"])


def place(row: dict[str, Any]) -> tuple[bool, int, str]:
    # "by rank, then code; then the unranked by code"
    return (row["rank"] is None, row["rank"] or 0, row["county"])
