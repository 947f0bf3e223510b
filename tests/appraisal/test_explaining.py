"""Explanations: every number told is the report's, and what is promised is what the independent oracle finds reached."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.appraisal import explaining
from tests.appraisal.test_closing import NOW, A, B, half_a_year, tip
from tests.support import oracle
from tests.support.appraisal import People, people
from tests.support.oracle.days import eval_of, instant_of, period_named
from tests.support.oracle.facts import facts_at
from tests.support.oracle.reporting import figure_of
from tests.support.oracle.scoring import line_of, score_of, sums_of
from tests.support.random_events import generate, random_question
from tests.support.random_schemes import random_scheme

COUNTRY = ZoneInfo("Asia/Shanghai")
ROUNDING = Fraction(2, 100)
"""Scores, points and weights are read as shown: each is off by half a hundredth at most."""


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A, B]) as made:
        yield made


def improved(
    events: list[dict[str, Any]],
    period: str,
    county: str,
    indicator: str,
    scheme: dict[str, Any],
    more: int | None,
    **at: Any,
) -> tuple[Fraction, Fraction, Fraction]:
    """By the oracle: the county's value of the indicator with ``more`` counted above (None: the target), the target, and
    the exact score that comes of it, all else unchanged."""
    days, instant = period_named(period), instant_of(at["now"], at.get("as_of"), COUNTRY)
    facts, evaluated = facts_at(events, instant, at.get("as_of")), eval_of(instant_of(**at, zone=COUNTRY), days)
    lines = []
    for rule in scheme["indicators"]:
        of_all = {body.county: figure_of(facts, body.county, rule, days, evaluated) for body in facts.bodies}
        sums = sums_of(rule["indicator"], list(of_all.values()))
        figure = of_all[county]
        if rule["indicator"] == indicator and more is not None:
            figure = replace(figure, numerator=figure.numerator + more)
        lines.append(line_of(rule, figure, sums, days, evaluated))
    line = next(line for line in lines if line.indicator == indicator)
    if more is None:
        line.value = line.target
    value = line.value
    assert value is not None
    score = score_of(lines)
    assert score is not None
    return value, line.target, score


@pytest.mark.parametrize("seed", range(40))
def test_what_the_best_improvement_would_gain_is_gained_by_the_oracle(seed: int) -> None:
    rng = Random(seed)
    events = generate(seed, rng.choice((200, 600)))
    asked = random_question(rng, running=False)
    scheme = random_scheme(rng) if seed % 2 else oracle.NINGDE_2014
    at: dict[str, Any] = {"now": asked.now, "as_of": asked.as_of}
    found = oracle.report(events, asked.period, scheme=scheme, **at)
    if found["status"] == "not_begun":
        return
    for row in found["counties"]:
        told = explaining.explanation(row, 3, None, None)
        by_name = {each["indicator"]: each for each in row["indicators"]}
        gain = told["gain"]
        others = [
            improved(events, asked.period, row["county"], name, scheme, None, **at)[2]
            for name, each in by_name.items()
            if each["value"] is not None
        ]
        best = max(others, default=None)
        if gain is None:
            assert best is None or abs(best - Fraction(str(row["score"]))) <= ROUNDING
            continue
        _, _, score = improved(events, asked.period, row["county"], gain["indicator"], scheme, None, **at)
        assert abs(score - Fraction(str(row["score"])) - Fraction(str(gain["points"]))) <= ROUNDING
        assert best is not None
        assert best - score <= ROUNDING, "no other improvement gains more"
        if gain["more"] is not None:
            value, target, score_then = improved(
                events, asked.period, row["county"], gain["indicator"], scheme, gain["more"], **at
            )
            assert value >= target - Fraction(1, 100)
            assert abs(score_then - score) <= ROUNDING
            fewer, _, _ = improved(
                events, asked.period, row["county"], gain["indicator"], scheme, gain["more"] - 1, **at
            )
            assert fewer < target + Fraction(1, 100), "not one more than it takes"


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", text))


@pytest.mark.parametrize("seed", range(12))
def test_every_number_told_is_the_reports_in_both_languages(seed: int) -> None:
    rng = Random(seed)
    events = generate(seed, 400)
    scheme = random_scheme(rng)
    report = oracle.report(events, "2014-H2", scheme=scheme, now=NOW + timedelta(days=60))
    before = oracle.report(events, "2014-H1", scheme=scheme, now=NOW + timedelta(days=60))
    for row in report["counties"]:
        earlier = next(each for each in before["counties"] if each["county"] == row["county"])
        told = explaining.explanation(row, 3, ("2014-H1", earlier), None)
        for language in ("zh", "en"):
            assert row["name"].get(language, row["name"]["zh"]) in told["summary"][language]
        by_name = {each["indicator"]: each for each in row["indicators"]}
        assert {each["indicator"] for each in told["why"]} == {
            name for name, each in by_name.items() if each["points"] is not None
        }
        for why in told["why"]:
            each = by_name[why["indicator"]]
            assert why["points"] == each["points"]
            known = {
                explaining._plain(each[name]) for name in ("points", "numerator", "denominator", "value", "target")
            }
            most = Fraction(str(each["points"])) + Fraction(str(why["points_lost"]))
            for language in ("zh", "en"):
                said = numbers(why["text"][language])
                assert explaining._plain(each["points"]) in said
                assert all(n in known or abs(Fraction(n) - most) <= Fraction(1, 100) for n in said), why["text"]
        lost = [why["points_lost"] for why in told["why"]]
        assert lost == sorted(lost, reverse=True), "where most was lost is told first"
        moved = told["moved"]
        assert (moved is None) == (told["not_moved"] is not None)
        if moved is None:
            assert row["score"] is None or earlier["score"] is None
        else:
            assert moved["score_change"] == pytest.approx(row["score"] - earlier["score"], abs=1e-9)
            for each in moved["indicators"]:
                [was] = [e["points"] for e in earlier["indicators"] if e["indicator"] == each["indicator"]]
                assert each["points_change"] == pytest.approx(by_name[each["indicator"]]["points"] - was, abs=1e-9)
        assert not any("only 0 cases" in each["text"]["en"] for each in told["fairness"])
        assert [(each["indicator"], each["note"]) for each in told["fairness"]] == [
            *((name, each["note"]) for name, each in by_name.items() if each["note"]),
            *([(None, row["note"])] if row["note"] else []),
        ]


async def test_an_explanation_stands_on_the_report_and_the_period_before(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    report = await desk.get("/reports/2014-H1")
    row = next(row for row in report["counties"] if row["county"] == B)
    told = await desk.get(f"/reports/2014-H1/counties/{B}/explanation")
    assert (told["score"], told["rank"], told["note"]) == (row["score"], row["rank"], row["note"])
    assert set(told["summary"]) == {"zh", "en"}
    assert f"{row['score']}" in told["summary"]["zh"]
    assert told["summary"]["en"].endswith(f"rank {row['rank']} of 2.")
    expected = explaining.explanation(row, 2, None, None)
    assert told["why"] == expected["why"]
    assert told["gain"] == expected["gain"]
    sensitivity = (await desk.get("/reports/2014-H1/sensitivity"))["counties"]
    mine = next(each for each in sensitivity if each["county"] == B)
    assert {name: told["sensitivity"][name] for name in mine if name != "county"} == {
        name: value for name, value in mine.items() if name != "county"
    }
    assert (await desk.ask("GET", "/reports/2014-H1/counties/999999/explanation")).status_code == 404
    assert (await desk.ask("GET", f"/reports/2099/counties/{B}/explanation")).status_code == 409


async def test_the_first_period_with_figures_is_compared_with_none(desk: People) -> None:
    """Before the programme began every indicator stands at 0: no score to have risen from."""
    await desk.take(half_a_year().events, NOW)
    said = {
        "2013-H2": "Nothing was counted here, and there is no earlier period to compare with.",
        "2014-H1": "This is the first period with figures: there is none before it to compare with.",
    }
    for period, text in said.items():
        told = await desk.get(f"/reports/{period}/counties/{B}/explanation")
        assert (told["moved"], told["not_moved"]["en"]) == (None, text)
    assert (await desk.get("/reports/2013-H2"))["counties"][0]["score"] == 0
    after = await desk.get(f"/reports/2014-H2/counties/{B}/explanation")
    assert after["not_moved"] is None
    assert after["moved"]["period"] == "2014-H1"


def test_what_had_no_score_before_is_said_so() -> None:
    row = {"county": B, "name": {"zh": "霞浦县"}, "score": 80, "rank": 1, "note": None, "indicators": []}
    told = explaining.explanation(row, 1, ("2014-H1", None), None)
    assert told["moved"] is None
    assert told["not_moved"] == {
        "zh": "2014-H1 没有可以比较的总分。",
        "en": "In 2014-H1 there was no score to compare with.",
    }


async def test_an_explanation_of_a_closed_period_keeps_to_what_it_was_closed_with(desk: People) -> None:
    log = half_a_year()
    await desk.take(log.events, NOW)
    closed = await desk.post("/periods/2014-Q2/close")
    before = await desk.get(f"/reports/2014-Q2/counties/{B}/explanation")
    early = len(log.events)
    for day in range(8):
        tip(log, B, date(2014, 5, 2) + timedelta(days=day))
    await desk.take(log.events[early:], NOW)
    assert await desk.get(f"/reports/2014-Q2/counties/{B}/explanation") == before
    assert before["score"] == next(row["score"] for row in closed["counties"] if row["county"] == B)
    # The period after it is told against what was closed, not against what is known now.
    after = await desk.get(f"/reports/2014-Q3/counties/{B}/explanation")
    if after["moved"] is not None:
        assert after["moved"]["text"]["en"].count(f"{before['score']}") == 1
    now = oracle.report(log.events, "2014-Q2", now=datetime.now(UTC))
    assert next(row["score"] for row in now["counties"] if row["county"] == B) != before["score"]
