"""The document of measured figures: what it says of runs, and that it hides nothing."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench import document
from bench.catch_up import share_events
from bench.expected import expected
from bench.results import Results, keep, kept


def results(line: str, runs: list[dict[str, Any]], scale: float = 1.0) -> Results:
    return Results(line, "make bench", scale, "2014-07-01 09:00 UTC", "a machine", 0.1, {"commit": "abc"}, runs)


def caught(rate: float, **more: Any) -> dict[str, Any]:
    return {
        "per_second": rate,
        "copy_per_second": 100_000.0,
        "of_ceiling": rate / 100_000,
        "right": True,
        "events": 9,
    } | more


def told(tmp_path: Path, *of: Results) -> str:
    place = tmp_path / "benchmarks.md"
    document.write({each.line: each for each in of}, place)
    return place.read_text()


def row(text: str, start: str) -> list[str]:
    [found] = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_a_figure_is_the_median_of_the_runs_with_its_spread(tmp_path: Path) -> None:
    text = told(tmp_path, results("catch_up", [{"one": caught(rate)} for rate in (30_000.0, 50_000.0, 40_000.0)]))
    assert row(text, "catch-up, one appraisal worker, of")[1:4] == ["**0.40** (0.30 to 0.50)", "≥ 0.35", "yes"]


def test_a_ratio_is_of_the_two_sides_of_one_run(tmp_path: Path) -> None:
    runs = [
        {"one": caught(10_000.0), "bytewax": {"per_second": 5_000.0, "right": True, "events": 9}},
        {"one": caught(99_000.0)},
    ]
    assert row(told(tmp_path, results("catch_up", runs)), "catch-up, one worker, times Bytewax")[1] == "**2.0**"


def test_what_is_not_reached_says_so_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('freshness_p99 = "the report is asked every 5 ms"\n')
    monkeypatch.setattr(document, "LIMITS", limits)
    text = told(tmp_path, results("freshness", [{"p50_ms": 150.0, "p99_ms": 400.0}]))
    assert row(text, "freshness at 2,000")[3:] == ["**no**", "the report is asked every 5 ms"]
    assert row(text, "the same, p50")[3:] == ["**no**", "what limits it: not found out yet"]


def test_what_was_not_measured_or_could_not_run_is_told(tmp_path: Path) -> None:
    text = told(
        tmp_path, results("catch_up", [{"one": caught(1.0), "quix": {"cannot": "No module | named 'quixstreams'"}}])
    )
    assert "not measured yet" in row(text, "growth: cost of an event")
    assert row(text, "catch-up, one worker, times Quix")[1] == "not run: No module / named 'quixstreams'"


def test_a_wrong_result_and_a_trial_are_shown(tmp_path: Path) -> None:
    run = {"one": caught(1.0, per_second_from_process_start=1.0, cpu_us_per_event=1.0, right=False)}
    text = told(tmp_path, results("catch_up", [run], scale=0.1))
    assert row(text, "one appraisal worker")[-1] == "**no**"
    assert "a trial at 0.1 of the size" in text


def test_results_are_kept_small_and_found_again(tmp_path: Path) -> None:
    samples = [(at / 10, at) for at in range(1_000)]
    keep(results("freshness", [{"p99_ms": 123.456, "samples": samples}, {"p99_ms": 1.0, "samples": samples}]), tmp_path)
    first, second = kept(tmp_path)["freshness"].runs
    assert first["p99_ms"] == 123.5
    assert len(first["samples"]) <= 151
    assert first["samples"][-1] == [99.9, 999]
    assert "samples" not in second


def test_plots_are_whole_and_show_every_line(tmp_path: Path) -> None:
    samples = [(0.5, 10), (1.5, 20), (2.5, 90)]
    told(tmp_path, results("catch_up", [{"one": caught(9.0, samples=samples), "all": caught(9.0, samples=samples)}]))
    for name in ("catch-up", "throughput"):
        svg = ElementTree.parse(tmp_path / "benchmarks" / f"{name}.svg")
        assert len(svg.findall("{http://www.w3.org/2000/svg}polyline")) == 2


def test_what_is_expected_is_reckoned_from_the_messages_alone() -> None:
    messages = share_events(3_000)
    facts, persons, tallies = expected(messages)
    assert facts == sum(persons.values()) == 3_000
    assert sum(n for (_, _, bucket), n in tallies.items() if bucket == 1) == len(persons)
    [(_, value)] = messages[:1]
    assert (json.loads(value)["data"]["volunteer_id"]) in {volunteer for volunteer, _, _ in persons}
