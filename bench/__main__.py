"""Every figure of docs/benchmarks.md by one command.

    make bench                                         all lines, five runs each, interleaved
    make bench ARGS="--only catch_up,freshness --runs 3"
    make bench ARGS="--scale 0.02 --results /tmp/trial" small sizes, to see that it runs; the document is left alone
    make bench ARGS=--render                           the document and its plots anew from bench/results/

A line's results replace those that bench/results/ holds of it. A run that fails is told of, and is not counted.
"""

import argparse
import asyncio
import os
import shlex
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import catch_up, commands, document, freshness, growth, intake, rebuild, reports, start_up
from bench.peers import running as peers
from bench.results import FOLDER, keep, kept, now
from bench.stack import empty_stack
from bench.synthetic import Size
from qingsheng.console import done

Run = Callable[[float, int], dict[str, Any]]
"""Scale and number of the run to its figures."""


def _of(n: int, scale: float) -> int:
    return max(200, int(n * scale))


def one_catch_up(scale: float, number: int) -> dict[str, Any]:
    """One worker and the ceiling; then the peers on the same servers and messages, in turning order; then all cores."""
    messages = catch_up.share_events(_of(500_000, scale), seed=number)
    found: dict[str, Any] = {}
    with empty_stack() as settings:
        found["one"] = asyncio.run(catch_up.measure(settings, messages))
        order = list(peers.PEERS)
        few = messages[: _of(100_000, scale)]
        for key in order[number % len(order) :] + order[: number % len(order)]:
            found[key] = asyncio.run(peers.measure(key, settings, few, 600))
            print(f"    {key}: {found[key].get('per_second', found[key].get('cannot'))}", flush=True)
    with empty_stack() as settings:
        found["all"] = asyncio.run(catch_up.measure(settings, messages, peers.CORES))
    return found


def one_memory(scale: float, number: int) -> dict[str, Any]:
    """The worker's peak with a backlog of a hundred thousand, and of a million."""
    found: dict[str, Any] = {}
    for name, events in (("short", _of(100_000, scale)), ("long", _of(1_000_000, scale))):
        with empty_stack() as settings:
            found[name] = asyncio.run(
                catch_up.caught_up(settings, catch_up.share_events(events, seed=number), seconds=600)
            )
    return found


def one_commands(scale: float, number: int) -> dict[str, Any]:
    with empty_stack() as settings:
        return asyncio.run(commands.measure(settings, max(2, 10 * scale), 16))


def one_intake(scale: float, number: int) -> dict[str, Any]:
    with empty_stack() as settings:
        return asyncio.run(intake.measure(settings, _of(50_000, scale)))


def one_start(scale: float, number: int) -> dict[str, Any]:
    with empty_stack() as settings:
        found = {"worker": asyncio.run(start_up.of_worker(settings))}
    return found | {"demo": start_up.of_demo()}


def one_rebuild(scale: float, number: int) -> dict[str, Any]:
    with empty_stack() as settings:
        [found] = done(rebuild.measure(settings, _of(1_000_000, scale), 1))
    return found


LINES: dict[str, Run] = {
    "catch_up": one_catch_up,
    "freshness": lambda scale, number: freshness.once(2_000, max(5, int(30 * scale))),
    "commands": one_commands,
    "intake": one_intake,
    "growth": lambda scale, number: growth.once(_of(200_000, scale), _of(1_000_000, scale)),
    "memory": one_memory,
    "start_up": one_start,
    "rebuild": one_rebuild,
}
"""Lines whose runs are made in turn."""


def of_reports(counties: int, scale: float, runs: int) -> list[dict[str, Any]]:
    """Filled once; the runs are groups of requests."""
    asked = reports.figures(Size(_of(1_000_000, scale), counties), 200 if counties == 9 else 30, runs)
    return [{a.name: {"p50_ms": a.p50[at], "p99_ms": a.p99[at]} for a in asked} for at in range(runs)]


REPORTS = {"reports": 9, "reports_3000": 3_000}
"""Lines that fill their tables once for all runs, and their counties."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help=f"lines, separated by commas: {', '.join([*LINES, *REPORTS])}")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes; the document is about 1")
    parser.add_argument("--results", type=Path, default=FOLDER)
    parser.add_argument("--render", action="store_true", help="measure nothing")
    told = parser.parse_args()
    only = [name for name in told.only.split(",") if name] or [*LINES, *REPORTS]
    if unknown := set(only) - {*LINES, *REPORTS}:
        parser.error(f"no such line: {', '.join(sorted(unknown))}")
    if told.scale != 1 and told.results == FOLDER:
        parser.error("trials at another scale are kept elsewhere: --results FOLDER")
    if not told.render:
        failed = measure(only, told.runs, told.scale, told.results)
    else:
        failed = []
    where = document.PLACE if told.results == FOLDER else told.results / "benchmarks.md"
    document.write(kept(told.results), where)
    print(f"written: {where}")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def measure(only: list[str], runs: int, scale: float, folder: Path) -> list[str]:
    """Measures, keeping each line's results after every round. Returns what failed."""
    command = f"make bench ARGS={shlex.quote(shlex.join(sys.argv[1:]))}" if sys.argv[1:] else "make bench"
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in only if name in LINES}
    failed: list[str] = []
    load = os.getloadavg()[0]
    for number in range(runs):
        for name, got in found.items():
            begun = time.monotonic()
            print(f"{name}: run {number + 1} of {runs}", flush=True)
            try:
                got.append(LINES[name](scale, number))
            except (Exception, SystemExit):
                traceback.print_exc()
                failed.append(f"{name}, run {number + 1}")
            else:
                keep(now(name, command, scale, load, got), folder)
            print(f"  {time.monotonic() - begun:.0f} s", flush=True)
    for name in (name for name in only if name in REPORTS):
        print(f"{name}: {runs} runs", flush=True)
        try:
            keep(now(name, command, scale, load, of_reports(REPORTS[name], scale, runs)), folder)
        except (Exception, SystemExit):
            traceback.print_exc()
            failed.append(name)
    return failed


if __name__ == "__main__":
    main()
