"""What the public gets of a report: nothing in it changes while a count of persons moves below five."""

from random import Random
from typing import Any

import pytest

from services.appraisal.county_table import report
from services.appraisal.figures import windows
from services.appraisal.measures import TRAINED, Measure
from services.appraisal.publishing import FEWER_THAN, published
from services.appraisal.schemes import DEFAULT, Scheme
from services.appraisal.scoring import SHARING
from tests.appraisal.unit.building import BODIES, A, B, C, seen
from tests.support.random_schemes import random_scheme

MONTH = seen("2014-03")
QUOTAS = {A: 200, B: 180, C: 20}
STOCK, TRAINED_IN = Measure.STOCK, TRAINED[1]


def measured(scheme: Scheme, rng: Random) -> dict[Any, dict[str, int]]:
    """Sums by chance for March; no count of persons is small, and no more cases are left out than were opened."""
    least = {STOCK: 120, TRAINED_IN: 5, Measure.SHARE: 5, Measure.CASE_OPENED: 30}
    most = {STOCK: 220, Measure.CASE_NO_ACTION: 20}
    return {
        window: {
            body.county: rng.randint(least.get(window.measure, 0), most.get(window.measure, 90)) for body in BODIES
        }
        for window in windows(scheme.terms(), MONTH)
    }


def public(scheme: Scheme, sums: dict[Any, dict[str, int]]) -> Any:
    found = report(scheme.terms(), sums, QUOTAS, BODIES, MONTH)
    caps = {each.indicator: int(each.params.cap or 0) for each in scheme.indicators if each.indicator == SHARING}
    return published(found["counties"], found["city"], caps, {C})


def with_count(sums: dict[Any, dict[str, int]], measure: int, county: str, count: int) -> dict[Any, dict[str, int]]:
    return {window: found | {county: count} if window.measure == measure else found for window, found in sums.items()}


@pytest.mark.parametrize("seed", range(150))
@pytest.mark.parametrize("measure", [STOCK, TRAINED_IN, Measure.SHARE])
def test_c10_nothing_public_tells_a_count_of_persons_below_five(seed: int, measure: int) -> None:
    rng = Random(seed)
    data = random_scheme(rng)
    if measure == Measure.SHARE:  # a count of persons where each is counted once
        for each in data["indicators"]:
            each["params"] = {"cap": 1} if each["indicator"] == SHARING else each.get("params", {})
    scheme = Scheme.of(data)
    sums = measured(scheme, rng)
    county = rng.choice([A, B, C])
    told = [public(scheme, with_count(sums, measure, county, count)) for count in range(FEWER_THAN)]
    assert all(each == told[0] for each in told)


@pytest.mark.parametrize("county", [A, C])
def test_c10_what_is_withheld_is_named(county: str) -> None:
    sums = with_count(measured(DEFAULT, Random(1)), TRAINED_IN, county, 3)
    rows, city = public(DEFAULT, sums)
    row = rows[-1]
    assert row["county"] == county
    training = next(each for each in row["indicators"] if each["indicator"] == "training_coverage")
    assert training["numerator"] is None
    assert training["denominator"] >= 120
    assert training["withheld"] == {
        "numerator": "fewer_than_5",
        "value": "derivable",
        "attainment": "derivable",
        "points": "derivable",
        "note": "derivable",
    }
    assert set(row["withheld"]) == {"score", "rank", "note"}
    assert all(each["points"] is None for each in row["indicators"])
    sums_told = {each["indicator"]: each for each in city}
    assert set(sums_told["training_coverage"]["withheld"]) == {"numerator", "value"}
    assert sums_told["roster_fill"]["withheld"] == {}
    # The city level has no rank to hide; a county's gap among the ranks would tell where it lies.
    assert all(("rank" in each["withheld"]) == (county != C) for each in rows[:-1])


def test_c10_counts_of_five_and_more_are_public() -> None:
    sums = with_count(measured(DEFAULT, Random(1)), TRAINED_IN, A, FEWER_THAN)
    found = report(DEFAULT.terms(), sums, QUOTAS, BODIES, MONTH)
    rows, city = public(DEFAULT, sums)
    for row, full in zip(rows, found["counties"], strict=True):
        assert row["withheld"] == {}
        for each, whole in zip(row["indicators"], full["indicators"], strict=True):
            counts = {"numerator": None, "denominator": None} if each["indicator"] == SHARING else {}
            assert {name: told for name, told in each.items() if name != "withheld"} == {**whole, **counts}
    assert [set(each["withheld"]) for each in city if each["withheld"]] == [{"numerator", "denominator"}]


def test_a_period_that_has_not_begun_withholds_nothing() -> None:
    early = seen("2014-03", "2014-02-01")
    found = report(DEFAULT.terms(), {}, {}, BODIES, early)
    rows, city = published(found["counties"], found["city"], {SHARING: 2}, {C})
    assert [row["withheld"] for row in rows] == [{}] * 3
    assert all(not each["withheld"] for each in [*city, *(figure for row in rows for figure in row["indicators"])])
