"""What of a report is public (charter C10): counts of persons below five, and whatever would tell them, are withheld. Pure.

The rule, in the order it is applied; docs/interpretations.md gives the reasons:

1. Counts of persons are the stock (behind `roster_fill`, `training_coverage`, `tips_reported`) and the volunteers trained;
   of sharing with a cap of 1 also the numerator. Below 5, 0 included, they are withheld as ``fewer_than_5``.
2. Of such a figure, all that is made from it is withheld as ``derivable``: value, attainment, points, note, and Σ of that
   column in place of a second county's figures.
3. A value drawn towards the average of all bodies is withheld where a figure of its column is: it would tell the average.
4. In a row with a withheld figure the score and all points are withheld: they add up. So are the notes that hang on which
   indicators have a case; and with a county's score all ranks, whose gap would tell where it lies.
5. Sharing shows its value alone: its numerator and denominator add up over months, and would tell a month's small stock.
"""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any, Literal

from services.appraisal.scoring import SHARING

FEWER_THAN = 5
Reason = Literal["fewer_than_5", "derivable"]
_FEWER: Reason = "fewer_than_5"
_DERIVABLE: Reason = "derivable"
_STOCK_AT = {
    "roster_fill": ("numerator", 1),
    "training_coverage": ("denominator", 1),
    "tips_reported": ("denominator", 100),
}
"""Where the stock stands, and how many persons one of it is."""
_MADE = ("value", "attainment", "points", "note")
_OF_CASES = "sharing_limited"
"""This note tells which other indicators have a case."""
Row = Mapping[str, Any]


def published(
    counties: Sequence[Row], city: Sequence[Row], caps: Mapping[str, int], city_level: Collection[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows and sums of a report, as the public gets them: what is withheld is None, and named with its reason in
    ``withheld`` of the row, the figure or the sum. ``caps``: of sharing, by indicator; ``city_level``: codes of bodies
    that are not ranked. Rows whose score is withheld come last, by code."""
    rows = [_with_figures_withheld(row, caps) for row in counties]
    sums: list[dict[str, Any]] = [{**deepcopy(dict(each)), "withheld": {}} for each in city]
    for at, column in enumerate(sums):
        _withhold_sum(column, [row["indicators"][at] for row in rows])
    for row in rows:
        _withhold_shrunk(row, sums)
    partly = [row for row in rows if any(_is_partial(each) for each in row["indicators"])]
    for row in partly:
        _withhold_score(row)
    if any(row["county"] not in city_level for row in partly):
        for row in rows:
            _withhold(row, "rank")
    whole = [row for row in rows if row not in partly]
    return whole + sorted(partly, key=lambda row: row["county"]), sums


def _with_figures_withheld(row: Row, caps: Mapping[str, int]) -> dict[str, Any]:
    told: dict[str, Any] = {**deepcopy(dict(row)), "withheld": {}}
    stock = _stock(told, caps)
    for each in told["indicators"]:
        each["withheld"] = {}
        name = each["indicator"]
        if each["numerator"] is None:
            continue  # the period has not begun
        few = stock is not None and stock < FEWER_THAN
        if few and name in _STOCK_AT:
            _withhold(each, _STOCK_AT[name][0], why=_FEWER)
        if name == "training_coverage" and each["numerator"] < FEWER_THAN:
            _withhold(each, "numerator", why=_FEWER)
        if name == SHARING:
            persons = caps.get(name) == 1 and each["numerator"] < FEWER_THAN
            _withhold(each, "numerator", why=_FEWER if persons else _DERIVABLE)
            _withhold(each, "denominator")
            few = few or persons
        if (few and (name == SHARING or each["withheld"])) or _FEWER in each["withheld"].values():
            _withhold(each, *_MADE)
    return told


def _stock(row: Row, caps: Mapping[str, int]) -> float | None:
    """Volunteers at the end of the day of counting. Where only sharing could tell: at most as many as there were."""
    told: float | None = None
    for each in row["indicators"]:
        place, persons = _STOCK_AT.get(each["indicator"], (None, 1))
        if place is not None and each[place] is not None:
            return round(each[place] * persons)
        if each["indicator"] == SHARING and each["denominator"] is not None:
            told = each["denominator"] / caps[SHARING]
    return told


def _withhold_sum(column: dict[str, Any], figures: Sequence[Row]) -> None:
    if column["numerator"] is None:
        return
    for place in ("numerator", "denominator"):
        if any(place in each["withheld"] for each in figures):
            _withhold(column, place)
    if any("value" in each["withheld"] for each in figures):
        _withhold(column, "value")


def _withhold_shrunk(row: Row, sums: Sequence[Row]) -> None:
    for each, column in zip(row["indicators"], sums, strict=True):
        if each["note"] == "small_sample_shrunk" and "value" in column["withheld"]:
            _withhold(each, "value", "attainment", "points")


def _is_partial(figure: Row) -> bool:
    """Sharing's counts are never shown: that alone withholds no score."""
    return "value" in figure["withheld"]


def _withhold_score(row: dict[str, Any]) -> None:
    _withhold(row, "score", "rank", "note")
    for each in row["indicators"]:
        _withhold(each, "points")
        if each["note"] == _OF_CASES:
            _withhold(each, "note")


def _withhold(place: dict[str, Any], *names: str, why: Reason = _DERIVABLE) -> None:
    for name in names:
        place[name] = None
        place["withheld"].setdefault(name, why)
