"""Writes docs/benchmarks.md and its plots from the results that are kept."""

import itertools
import statistics
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.peers.running import PEERS
from bench.plots import lines
from bench.results import Results

PLACE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
LIMITS = Path(__file__).parent / "limits.toml"
"""What limits a line that is not reached, in words, by row: written by hand, after a profile."""
Runs = Sequence[dict[str, Any]]


def pick(runs: Runs, *path: str) -> list[float]:
    """The figure at ``path`` of every run that has it."""
    found: list[float] = []
    for run in runs:
        here: Any = run
        for name in path:
            here = here.get(name) if isinstance(here, dict) else None
        if isinstance(here, (int, float)):
            found.append(here)
    return found


def ratio(runs: Runs, above: Sequence[str], below: Sequence[str]) -> list[float]:
    """Of two figures of the same run."""
    return [a[0] / b[0] for run in runs if (a := pick([run], *above)) and (b := pick([run], *below))]


def said(numbers: Sequence[float], form: str = ",.0f", unit: str = "") -> str:
    """Median and spread."""
    if not numbers:
        return "–"
    low, mid, high = (format(f(numbers), form) for f in (min, statistics.median, max))
    return f"**{mid}{unit}**" + (f" ({low} to {high})" if len(numbers) > 1 else "")


class Table:
    """The rows, and of each whether it is reached."""

    def __init__(self, limits: dict[str, str]) -> None:
        self.rows: list[str] = []
        self._limits = limits

    def row(
        self,
        key: str,
        figure: str,
        ratios: Sequence[float],
        form: str,
        reach: tuple[str, float] | None,
        absolute: str = "",
        cannot: str = "",
    ) -> None:
        """``reach``: ``≥`` or ``≤`` and the number; a figure of no run is not measured."""
        if cannot:
            self.rows.append(f"| {figure} | not run: {cannot} | {_reach(reach, form)} | – | {absolute} |")
            return
        if not ratios:
            self.rows.append(f"| {figure} | not measured yet | {_reach(reach, form)} | – | {absolute} |")
            return
        mid = statistics.median(ratios)
        reached = reach is None or (mid >= reach[1] if reach[0] == "≥" else mid <= reach[1])
        why = "" if reached else self._limits.get(key, "what limits it: not found out yet")
        verdict = "" if reach is None else ("yes" if reached else "**no**")
        more = "; ".join(part for part in (absolute, why) if part)
        self.rows.append(f"| {figure} | {said(ratios, form)} | {_reach(reach, form)} | {verdict} | {more} |")


def _reach(reach: tuple[str, float] | None, form: str) -> str:
    return f"{reach[0]} {reach[1]:g}" if reach else ""


def write(results: dict[str, Results], place: Path) -> None:
    limits: dict[str, str] = tomllib.loads(LIMITS.read_text()) if LIMITS.exists() else {}
    runs: Callable[[str], Runs] = lambda name: results[name].runs if name in results else []  # noqa: E731
    table = Table(limits)
    _catch_up(table, runs("catch_up"))
    _rest(table, runs)
    parts = [_HEAD, *table.rows, "", *_plots(runs, place), *_reports(runs), *_peers(runs("catch_up")), *_how(results)]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("\n".join(parts).rstrip() + "\n")


_HEAD = """# Measured / 实测

**中文概要**：下表由 `make bench` 一条命令写成。先列比值（同一次运行中并排测得），再列绝对值；每格是多次运行的中位数，
括号内为最小到最大。未达到的如实写明，并说明受什么限制。

Written by `make bench`; do not edit. Ratios first: both sides are measured in one run, side by side. Every figure is the
median of the runs, with the lowest and the highest in brackets. What is not reached says so, and what limits it.

| figure | measured | to reach | reached | absolute, and what limits it |
|---|---|---|---|---|"""

_REACH = {"faststream": 20.0, "quix": 3.0, "kafka_streams": 1.0, "kafka_streams_all": 1.0, "bytewax": 1.0}


def _catch_up(table: Table, runs: Runs) -> None:
    for key, name, reach in (("one", "one appraisal worker", 0.35), ("all", "a worker per core", 0.5)):
        rate, ceiling = pick(runs, key, "per_second"), pick(runs, key, "copy_per_second")
        table.row(
            f"catch_up_{key}",
            f"catch-up, {name}, of PostgreSQL's COPY of the same facts under a uuid key",
            pick(runs, key, "of_ceiling"),
            ".2f",
            ("≥", reach),
            f"{said(rate)} events/s of {said(ceiling)}" if rate else "",
        )
    for key, peer in PEERS.items():
        rate = pick(runs, key, "per_second")
        cannot = next((run[key]["cannot"] for run in runs if "cannot" in run.get(key, {})), "") if not rate else ""
        table.row(
            f"catch_up_{key}",
            f"catch-up, one worker, times {peer.name}"
            if key != "kafka_streams_all"
            else f"catch-up, a worker per core, times {peer.name}",
            ratio(runs, ("all" if key == "kafka_streams_all" else "one", "per_second"), (key, "per_second")),
            ".1f",
            ("≥", _REACH[key]),
            f"{said(rate)} events/s" if rate else "",
            cannot.replace("|", "/").replace("\n", " ")[-200:],
        )


def _rest(table: Table, runs: Callable[[str], Runs]) -> None:
    fresh = runs("freshness")
    table.row(
        "freshness_p99",
        "freshness at 2,000 events/s, produced to visible in the report API, p99, ms",
        pick(fresh, "p99_ms"),
        ",.0f",
        ("≤", 300),
    )
    table.row(
        "freshness_p50",
        "the same, p50, ms; Kafka Streams' exactly-once commit interval is 100",
        pick(fresh, "p50_ms"),
        ",.0f",
        ("≤", 100),
    )
    asked = runs("commands")
    bare = (
        f"{said(pick(asked, 'command', 'per_second'))} requests/s of {said(pick(asked, 'bare', 'per_second'))}"
        if asked
        else ""
    )
    table.row(
        "commands",
        "command API with outbox on one core, of the same insert by bare FastAPI and asyncpg",
        pick(asked, "command", "of_bare"),
        ".2f",
        ("≥", 0.7),
        bare,
    )
    table.row(
        "commands_relay",
        "the same while the worker sends the events on",
        pick(asked, "with_relay", "of_bare"),
        ".2f",
        None,
    )
    taken = runs("intake")
    table.row(
        "intake",
        "intake: report in, decided, answered, published, counted; reports/s",
        pick(taken, "per_second"),
        ",.0f",
        ("≥", 5_000),
    )
    grown = runs("growth")
    each = (
        f"{said(pick(grown, 'large', 'us_per_event'), '.1f')} µs of {said(pick(grown, 'small', 'us_per_event'), '.1f')}"
        if grown
        else ""
    )
    table.row(
        "growth",
        "growth: cost of an event with 3,000 counties and 1,000,000 volunteers, of that with 9 and 2,200",
        pick(grown, "cost"),
        ".2f",
        ("≤", 1.2),
        each,
    )
    table.row(
        "growth_reports",
        "growth: the report of 3,000 counties, of that of 9 (counties: × 333)",
        _both(runs, "report"),
        ",.0f",
        ("≤", 333),
    )
    back = runs("memory")
    table.row(
        "memory_long",
        "peak resident memory of the worker, a million events waiting, MB",
        [mib * 1.048576 for mib in pick(back, "long", "peak_mib")],
        ",.0f",
        ("≤", 250),
    )
    table.row(
        "memory_short",
        "the same, a hundred thousand waiting, MB",
        [mib * 1.048576 for mib in pick(back, "short", "peak_mib")],
        ",.0f",
        ("≤", 250),
    )
    began = runs("start_up")
    table.row(
        "start_worker",
        "start of the worker until it polls all its topics, s",
        pick(began, "worker", "first_poll_seconds"),
        ".2f",
        ("≤", 1.5),
        f"an event that waited is counted after {said(pick(began, 'worker', 'counted_seconds'), '.2f')} s"
        if began
        else "",
    )
    table.row(
        "start_demo",
        "`make demo`, second start until all services answer, s",
        pick(began, "demo", "second_seconds"),
        ".1f",
        ("≤", 15),
        f"first start {said(pick(began, 'demo', 'first_seconds'), '.1f')} s" if began else "",
    )
    again = runs("rebuild")
    table.row(
        "rebuild",
        "rebuild of ten million events, at the rate of a million, s",
        [1e7 / rate for rate in pick(again, "per_second")],
        ",.0f",
        ("≤", 180),
        f"{said(pick(again, 'per_second'))} events/s" if again else "",
    )
    read = runs("reports")
    for key, name, to in (
        ("report", "report", 25),
        ("what if", "what if", 100),
        ("as of 30 September", "report as of a past day, from the facts", 1000),
    ):
        table.row(
            f"reports_{key}",
            f"{name}, a million facts, 9 counties, p99, ms",
            pick(read, key, "p99_ms"),
            ",.0f",
            ("≤", to),
        )
    table.row(
        "reports_3000",
        "report, a million facts, 3,000 counties, p50, ms",
        pick(runs("reports_3000"), "report", "p50_ms"),
        ",.0f",
        ("≤", 250),
    )
    deepest = [
        max((each["p99_ms"] for name, each in run.items() if name.startswith("evidence")), default=0.0) for run in read
    ]
    table.row("reports_evidence", "evidence, the slowest of all its pages, p99, ms", deepest, ",.0f", ("≤", 50))


def _both(runs: Callable[[str], Runs], key: str) -> list[float]:
    few, many = pick(runs("reports"), key, "p50_ms"), pick(runs("reports_3000"), key, "p50_ms")
    return [b / a for a, b in zip(few, many, strict=False)]


def _plots(runs: Callable[[str], Runs], place: Path) -> list[str]:
    parts: list[str] = []
    if caught := runs("catch_up"):
        names = {"one": "one worker", "all": "a worker per core"} | {key: peer.name for key, peer in PEERS.items()}
        series = {
            names[key].partition(",")[0]
            if key == "faststream"
            else names[key].replace("Kafka Streams, ", "Streams, "): [(0.0, 0.0), *((x, y) for x, y in told["samples"])]
            for key, told in caught[0].items()
            if told.get("samples")
        }
        parts += _drawn(
            place, "catch-up", "Events stored since process start (the first run)", "seconds", "events", series, {}
        )
        rates = {
            name: [(x1, (y1 - y0) / (x1 - x0)) for (x0, y0), (x1, y1) in itertools.pairwise(p) if x1 > x0]
            for name, p in ((name, _by_half_second(points)) for name, points in series.items())
        }
        parts += _drawn(
            place, "throughput", "Throughput over time (the first run)", "seconds", "events a second", rates, {}
        )
    if fresh := runs("freshness"):
        samples = fresh[0].get("samples", [])
        series = {
            "median of 0.1 s": [(x, y) for x, y, _ in samples],
            "slowest of 0.1 s": [(x, z) for x, _, z in samples],
        }
        parts += _drawn(
            place,
            "freshness",
            "Freshness at 2,000 events/s (the first run)",
            "seconds",
            "ms until visible",
            series,
            {"p99 ≤ 300": 300},
        )
    return parts


def _by_half_second(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for x, y in points:
        if not found or x - found[-1][0] >= 0.5:
            found.append((x, y))
    return found


def _drawn(place: Path, name: str, title: str, across: str, up: str, series: Any, limits: Any) -> list[str]:
    file = place.parent / "benchmarks" / f"{name}.svg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(lines(title, across, up, series, limits))
    return [f"![{title}](benchmarks/{name}.svg)", ""]


def _reports(runs: Callable[[str], Runs]) -> list[str]:
    parts: list[str] = []
    for name, counties in (("reports", 9), ("reports_3000", 3_000)):
        if read := runs(name):
            parts += [
                f"## Reading, a million facts, {counties:,} counties",
                "",
                "| asked | p50, ms | p99, ms |",
                "|---|---|---|",
            ]
            parts += [
                f"| {key} | {said(pick(read, key, 'p50_ms'), ',.1f')} | {said(pick(read, key, 'p99_ms'), ',.1f')} |"
                for key in read[0]
            ]
            parts.append("")
    return parts


def _peers(runs: Runs) -> list[str]:
    if not runs:
        return []
    parts = [
        "## Catch-up in full", "",
        "The peers' sources are in `bench/peers`: each stores the same facts with the same keys and indexes, and counts each once,",
        "whatever is read again. Their result, and ours, is compared with a count made of the messages themselves. They check no",
        "contract; we do. They commit to disk before they commit their offsets to Kafka; our offsets are stored in the same",
        "transaction, so that need not be waited for.",
        "", "| | events/s from the first commit | from process start | processor, µs an event | events | right |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    names = {"one": "one appraisal worker", "all": "a worker per core"} | {
        key: peer.name for key, peer in PEERS.items()
    }
    for key, name in names.items():
        told = [run[key] for run in runs if "per_second" in run.get(key, {})]
        if told:
            right = "yes" if all(each["right"] for each in told) else "**no**"
            rates = [said(pick(told, which)) for which in ("per_second", "per_second_from_process_start")]
            spent = said(pick(told, "cpu_us_per_event"), ".1f")
            parts.append(f"| {name} | {rates[0]} | {rates[1]} | {spent} | {told[0]['events']:,} | {right} |")
    return [*parts, ""]


def _how(results: dict[str, Results]) -> list[str]:
    parts = [
        "## Where, when, of what",
        "",
        "| line | command | date | runs | machine | load before | versions |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, told in results.items():
        versions = ", ".join(f"{what} {which}" for what, which in told.versions.items())
        scale = "" if told.scale == 1 else f" **a trial at {told.scale:g} of the size**"
        parts.append(
            f"| {name} | `{told.command}`{scale} | {told.date} | {len(told.runs)} | {told.machine} | {told.load:.1f} | {versions} |"
        )
    return parts
