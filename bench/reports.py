"""Reading reports: the county table, what if, the events behind a figure, and a report as of a past day.

    python -m bench.reports [--facts 1000000] [--counties 9] [--runs 5] [--requests 200] [--data DIR]

An API process of its own answers over HTTP on an embedded PostgreSQL; facts are made by bench.synthetic with the tallies that
they make. ``as_of`` (facts) and the report (tallies) must agree, else the bench fails. ``--data``: a folder that is kept, and
filled only if it is empty.
"""

import argparse
import asyncio
import http.client
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.synthetic import YEAR, Size, code, fill
from bench.table import over_runs, percentile, show
from qingsheng.deployment import running
from qingsheng.embedded import running_stack
from qingsheng.migrations import amigrate
from services.appraisal.schemes import DEFAULT
from shared.contracts.envelope import rfc3339
from shared.postgres import connect, use_json
from shared.settings import Settings
from shared.web.paging import cursor as cursor_of

PORT = 8689
API = "/appraisal/api/v1"
Ask = Callable[[], bytes]


async def made(settings: Settings, size: Size) -> None:
    await amigrate(settings.database_url)
    connection: Any = await connect(settings, search_path="appraisal")
    await use_json(connection)
    try:
        if not await connection.fetchval("select exists (select from fact)"):
            begun = time.monotonic()
            await fill(connection, size, lambda what: print(f"  {what} ({time.monotonic() - begun:.0f} s)", flush=True))
        facts = await connection.fetchval("select count(*) from fact")
        parts = await connection.fetchval("select pg_size_pretty(pg_total_relation_size('fact'))")
        print(f"{facts:,} facts ({parts} with their indexes), {size.counties} counties, {size.volunteers:,} volunteers")
    finally:
        await connection.close()


async def places(settings: Settings, county: str) -> dict[str, str]:
    """Cursors into the evidence of sharing: after the first page, in the middle, before the end."""
    connection: Any = await connect(settings, search_path="appraisal")
    try:
        found: dict[str, str] = {}
        for name, day in (("1 % deep", f"{YEAR}-01-05"), ("half way", f"{YEAR}-07-01"), ("99 % deep", f"{YEAR}-12-27")):
            row = await connection.fetchrow(
                "select id, time from fact where county = $1 and kind = 14 and day = $2::text::date order by time limit 1",
                county,
                day,
            )
            if row:
                found[name] = cursor_of(["0", rfc3339(row["time"]), str(row["id"])])
        return found
    finally:
        await connection.close()


class Client:
    """One connection, kept open. Python's own, which adds next to nothing: of megabytes, a client that reads them in parts
    takes as long as the service does."""

    def __init__(self, seconds: float = 300) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=seconds)

    def get(self, path: str, **query: str) -> bytes:
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, content: Any) -> bytes:
        return self._ask("POST", path, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


def timed(ask: Ask, requests: int, runs: int) -> list[list[float]]:
    """Milliseconds of every request, to the last byte of its answer, by run; the first few are not counted."""
    for _ in range(3):
        ask()
    found: list[list[float]] = []
    for _ in range(runs):
        milliseconds: list[float] = []
        for _ in range(requests):
            begun = time.perf_counter()
            ask()
            milliseconds.append((time.perf_counter() - begun) * 1000)
        found.append(milliseconds)
    return found


@dataclass(frozen=True)
class Asked:
    """Milliseconds of one kind of request, by run."""

    name: str
    requests: int
    p50: list[float]
    p99: list[float]
    target: str


def _line(name: str, runs: Sequence[Sequence[float]], target: str) -> Asked:
    p50, p99 = ([percentile(run, share) for run in runs] for share in (0.5, 0.99))
    return Asked(name, len(runs[0]), p50, p99, target)


def _draft() -> dict[str, Any]:
    """The default scheme with two weights moved."""
    data: dict[str, Any] = DEFAULT.to_data() | {"scheme_id": "draft"}
    weights = {"roster_fill": 15, "training_coverage": 15}
    data["indicators"] = [
        each | {"weight": weights.get(each["indicator"], each["weight"])} for each in data["indicators"]
    ]
    return data


def measure(size: Size, deep: Mapping[str, str], requests: int, runs: int) -> list[Asked]:
    """Of the API that runs. ``deep``: cursors into the evidence of sharing, by their names."""
    few = max(1, min(requests, 10))
    county, rows, draft = code(0, size.counties), list[Asked](), _draft()
    api = _ready()
    report = f"{API}/reports/{YEAR}"
    target = "p99 ≤ 25" if size.counties == 9 else "≤ 250"
    rows.append(_line("report", timed(lambda: api.get(report), requests, runs), target))
    target = "p99 ≤ 100" if size.counties == 9 else ""
    rows.append(_line("what if", timed(lambda: api.post(f"{report}/what-if", draft), requests, runs), target))
    evidence = f"{report}/counties/{county}/indicators/{{}}/evidence"
    for name, cursor in deep.items():
        ask = lambda cursor=cursor: api.get(evidence.format("sharing_participation"), cursor=cursor)  # noqa: E731
        rows.append(_line(f"evidence of shares, {name}", timed(ask, requests, runs), "p99 ≤ 50"))
    for indicator in ("training_coverage", "tips_triaged_in_time", "tips_answered", "roster_fill"):
        ask = lambda name=indicator: api.get(evidence.format(name))  # noqa: E731
        rows.append(_line(f"evidence of {indicator}", timed(ask, requests, runs), "p99 ≤ 50"))
    past = lambda: api.get(report, as_of=f"{YEAR}-09-30")  # noqa: E731
    rows.append(_line("as of 30 September", timed(past, few, runs), "≤ 1000 at 1 million"))
    now, today = (json.loads(answer) for answer in (api.get(report), api.get(report, as_of="2015-12-31")))
    if now["counties"] != today["counties"]:
        raise SystemExit("the report from facts is not the report from tallies")
    return rows


def _ready() -> Client:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            client = Client()
            client.get(f"{API}/schemes")
            return client
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the API did not start")


def figures(size: Size, requests: int, runs: int, data: Path | None = None) -> list[Asked]:
    """On servers of its own; ``data``: a folder that is kept, and filled only if it is empty."""
    with ExitStack() as leaving:
        folder = data or Path(leaving.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        stack = leaving.enter_context(running_stack(folder, kafka=False))
        settings = Settings(
            database_url=stack.database_url or "",
            kafka_bootstrap_servers="127.0.0.1:1",
            secret_key="a secret of the bench",  # type: ignore[arg-type]
            port=PORT,
        )
        asyncio.run(made(settings, size))
        leaving.enter_context(running(settings, ["appraisal-api"], folder, folder / "log"))
        return measure(size, asyncio.run(places(settings, code(0, size.counties))), requests, runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=int(os.environ.get("QINGSHENG_BENCH_FACTS", "1000000")))
    parser.add_argument("--counties", type=int, default=9)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--data", type=Path)
    told = parser.parse_args()
    asked = figures(Size(told.facts, told.counties), told.requests, told.runs, told.data)
    heads = ("milliseconds", "requests a run", f"p50: median of {told.runs} runs", "p99: median (spread)", "target")
    rows = [[a.name, str(a.requests), over_runs(a.p50), over_runs(a.p99), a.target] for a in asked]
    show("bench.reports", heads, rows)


if __name__ == "__main__":
    main()
