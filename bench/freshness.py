"""Freshness: from writing a share event to its topic until the report API counts it.

    python -m bench.freshness [--rate 500] [--seconds 20]

A producer stands for campaign; one appraisal worker and one API run as in a deployment; the report of the running month is
asked again and again. Every share is by another volunteer, so the numerator of sharing counts the events that are visible.
"""

import argparse
import asyncio
import bisect
import json
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from uuid_utils.compat import uuid7

from bench.catch_up import SHANGHAI
from bench.stack import empty_stack
from qingsheng.deployment import running
from qingsheng.migrations import amigrate
from qingsheng.topics import ensure_topics
from shared.contracts.campaign import RepostLogged
from shared.contracts.envelope import Event, EventData
from shared.contracts.fields import Names
from shared.contracts.roster import UnitDefined
from shared.delivery.broker import create_producer
from shared.settings import Settings

COUNTY = "350902"


def _event(data: EventData, sequence: int = 1) -> Event:
    now = datetime.now(UTC)
    return Event.of(
        data, id=uuid7(), time=data.own_time(SHANGHAI) or now, recordedtime=now, sequence=sequence, county=COUNTY
    )


async def measure(settings: Settings, rate: int, seconds: int) -> dict[str, Any]:
    producer = create_producer(settings)
    await producer.start()
    unit = _event(UnitDefined(unit_id=COUNTY, name=Names(zh="蕉城"), kind="county", county=COUNTY))
    await producer.send_and_wait("qingsheng.roster.events", unit.to_json(), unit.partitionkey.encode())
    period = datetime.now(SHANGHAI).strftime("%Y-%m")
    url = f"http://{settings.host}:{settings.port}/appraisal/api/v1/reports/{period}"
    seen: list[tuple[int, float]] = [(0, 0.0)]
    report_seconds: list[float] = []
    written: list[float] = []
    total = rate * seconds

    async def watch() -> None:
        async with httpx.AsyncClient(timeout=10) as http:
            deadline = time.perf_counter() + seconds + 60
            while seen[-1][0] < total and time.perf_counter() < deadline:
                asked = time.perf_counter()
                report = (await http.get(url)).json()
                report_seconds.append(time.perf_counter() - asked)
                counties = report["counties"]
                counted = _sharing(counties[0]) if counties else 0
                if counted > seen[-1][0]:
                    seen.append((counted, time.perf_counter()))
                await asyncio.sleep(0.005)

    async with httpx.AsyncClient(timeout=10) as http:
        deadline = time.perf_counter() + 60
        while time.perf_counter() < deadline:
            try:
                if (await http.get(url)).json().get("counties"):
                    break
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    watching = asyncio.create_task(watch())
    start = time.perf_counter()
    account, post = uuid7(), uuid7()
    for number in range(total):
        due = start + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        share = RepostLogged(
            repost_id=uuid7(),
            post_id=post,
            volunteer_id=uuid7(),
            account_id=account,
            platform="weibo",
            shared_at=datetime.now(UTC),
        )
        event = _event(share)
        written.append(time.perf_counter())
        await producer.send("qingsheng.campaign.events", event.to_json(), event.partitionkey.encode())
    await watching
    await producer.stop()
    # Events become visible about in order: the n-th written is visible when n are counted.
    counts = [count for count, _ in seen]
    visible = [seen[i][1] for n in range(1, total + 1) if (i := bisect.bisect_left(counts, n)) < len(seen)]
    delays = sorted((at - wrote) * 1000 for at, wrote in zip(visible, written, strict=False))
    when = zip(written, (at - wrote for at, wrote in zip(visible, written, strict=False)), strict=False)
    by_tenth: dict[int, list[float]] = {}
    for wrote, delay in when:
        by_tenth.setdefault(int((wrote - start) * 10), []).append(delay * 1000)
    return {
        "samples": [
            (tenth / 10, round(statistics.median(delays), 1), round(max(delays), 1))
            for tenth, delays in sorted(by_tenth.items())
        ],
        "rate": rate,
        "written": total,
        "visible": seen[-1][0],
        "p50_ms": round(statistics.median(delays), 1),
        "p99_ms": round(delays[int(len(delays) * 0.99)], 1),
        "worst_ms": round(delays[-1], 1),
        "report_p50_ms": round(statistics.median(report_seconds) * 1000, 1),
    }


def _sharing(county: dict[str, Any]) -> int:
    return next(i["numerator"] for i in county["indicators"] if i["indicator"] == "sharing_participation") or 0


def once(rate: int, seconds: int) -> dict[str, Any]:
    """On servers of its own."""
    with tempfile.TemporaryDirectory() as folder, empty_stack() as settings:
        asyncio.run(amigrate(settings.database_url))
        asyncio.run(ensure_topics(settings))
        with running(settings, ["appraisal-api", "appraisal-worker"], Path(folder), Path(folder) / "log"):
            return asyncio.run(measure(settings, rate, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    told = parser.parse_args()
    found = once(told.rate, told.seconds)
    found.pop("samples")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
