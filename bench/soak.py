"""Soak: events at a steady rate for as long as is told, taken in by one appraisal worker on servers of its own.

    python -m bench.soak --minutes 30 --rate 1000 [--to bench/results] [--reliability docs/reliability.md]

Every second it looks at the worker's resident memory, the connections to the database, and how many events are sent but not
applied; writes them as ``soak.csv`` and ``soak.svg`` and prints a summary, which ``--reliability`` puts into that document too,
in place of the last one's. Exit status 1 when something does not hold: memory
at most 250 MB and flat, connections flat, the lag bounded and gone at the end, every event applied once.
"""

import argparse
import asyncio
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import asyncpg
import psutil
from uuid_utils.compat import uuid7

from qingsheng.deployment import DATABASE, KAFKA, Children, deployment, running
from shared.contracts.campaign import RepostLogged
from shared.contracts.envelope import Event
from shared.delivery.broker import create_producer
from shared.settings import Settings
from tests.faults.document import write_part

MOST_MEMORY = 250.0
"""Megabytes of resident memory at the highest."""
VOLUNTEERS = 2_200
COUNTIES = [f"3509{n}" for n in ("02", "21", "22", "23", "24", "25", "26", "81", "82")]
PATIENCE = 120.0
"""Seconds for the last events to be applied."""
SHANGHAI = ZoneInfo("Asia/Shanghai")
WORKER = "appraisal-worker"


Figures = dict[str, Any]


class Sample(NamedTuple):
    second: float
    memory: float
    connections: int
    sent: int
    lag: int


def events(seed: int = 1) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of shares of one year, without end."""
    rng = Random(seed)
    people = [(uuid7(), rng.choice(COUNTIES), uuid7()) for _ in range(VOLUNTEERS)]
    posts = [uuid7() for _ in range(100)]
    start = datetime(2014, 1, 1, tzinfo=SHANGHAI)
    number = 0
    while True:
        volunteer, county, account = people[number % VOLUNTEERS]
        shared_at = (start + timedelta(seconds=rng.randrange(365 * 86_400))).astimezone(UTC)
        share = RepostLogged(
            repost_id=uuid7(),
            post_id=rng.choice(posts),
            volunteer_id=volunteer,
            account_id=account,
            platform="weibo",
            shared_at=shared_at,
        )
        sequence = number // VOLUNTEERS + 1
        recorded = shared_at + timedelta(seconds=3)
        event = Event.of(share, id=uuid7(), time=shared_at, recordedtime=recorded, sequence=sequence, county=county)
        yield str(volunteer).encode(), event.to_json()
        number += 1


async def soak(settings: Settings, children: Children, seconds: float, rate: float) -> tuple[list[Sample], int, int]:
    """The samples, how many events were sent, how many facts are stored."""
    samples: list[Sample] = []
    connection = await asyncpg.connect(settings.database_url)
    producer = create_producer(settings, linger_ms=5)
    await producer.start()
    source, sent, began = events(), 0, time.monotonic()

    async def look() -> Sample:
        applied, connections = await connection.fetchrow(
            """select (select coalesce(sum(next_offset), 0)::bigint from appraisal.consumer_offset
                       where topic like '%campaign%'),
                      (select count(*) from pg_stat_activity where datname = current_database())"""
        )
        memory = psutil.Process(children.pid(WORKER)).memory_info().rss / 2**20
        sample = Sample(time.monotonic() - began, memory, connections, sent, sent - applied)
        samples.append(sample)
        return sample

    try:
        while (passed := time.monotonic() - began) < seconds:
            due = int(min(passed, seconds) * rate)
            while sent < due:
                key, value = next(source)
                last = await producer.send(settings.topic_prefix + "qingsheng.campaign.events", value=value, key=key)
                sent += 1
                if sent % 200 == 0:
                    await asyncio.sleep(0)
            if sent:
                await last
            if not samples or passed - samples[-1].second >= 1:
                await look()
            await asyncio.sleep(0.05)
        until = time.monotonic() + PATIENCE
        while (await look()).lag and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        return samples, sent, await connection.fetchval("select count(*) from appraisal.fact")
    finally:
        await producer.stop()
        await connection.close()


def peak(pid: int) -> float:
    """Megabytes of resident memory at the highest, as the kernel remembers it; where it does not tell, 0."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def judged(samples: Sequence[Sample], sent: int, stored: int, rate: float, highest: float) -> Figures:
    """Figures, and ``fails``: what does not hold, in words. The first third is warming up; the other two are compared."""
    third = len(samples) // 3
    middle, end = samples[third : 2 * third], samples[2 * third :]
    memory = [statistics.median(sample.memory for sample in part) for part in (middle, end)]
    connections = [max(sample.connections for sample in part) for part in (middle, end)]
    longest = max(sample.lag for sample in middle + end)
    fails: list[str] = []
    if highest > MOST_MEMORY:
        fails.append(f"memory: {highest:.0f} MB, at most {MOST_MEMORY:.0f}")
    if memory[1] > memory[0] * 1.05 + 5:
        fails.append(f"memory is not flat: {memory[0]:.0f} MB, then {memory[1]:.0f}")
    if connections[1] > connections[0] + 2:
        fails.append(f"connections are not flat: {connections[0]}, then {connections[1]}")
    if longest > 10 * rate:
        fails.append(f"lag: {longest} events, ten seconds' worth are {10 * rate:.0f}")
    if samples[-1].lag:
        fails.append(f"{samples[-1].lag} events were not applied within {PATIENCE:.0f} s")
    if stored != sent:
        fails.append(f"sent {sent}, stored {stored}")
    return {
        "events": sent,
        "stored": stored,
        "seconds": round(samples[-1].second, 1),
        "memory_peak_mb": round(highest, 1),
        "memory_median_mb": [round(each, 1) for each in memory],
        "connections": connections,
        "lag_highest": longest,
        "lag_at_the_end": samples[-1].lag,
        "fails": fails,
    }


def drawn(samples: Sequence[Sample]) -> str:
    """Three lines over the same time, each on its own scale."""
    width, height, left = 720, 90, 150
    total = samples[-1].second or 1
    parts: list[str] = []
    for number, (name, of) in enumerate(
        (
            ("memory, MB", [sample.memory for sample in samples]),
            ("connections", [float(sample.connections) for sample in samples]),
            ("lag, events", [float(sample.lag) for sample in samples]),
        )
    ):
        top, highest = number * (height + 20) + 10, max(*of, 1.0)
        points = " ".join(
            f"{left + sample.second / total * (width - left):.1f},{top + height - value / highest * height:.1f}"
            for sample, value in zip(samples, of, strict=True)
        )
        parts.append(
            f'<text x="0" y="{top + 14}">{name}</text><text x="0" y="{top + 32}">highest {highest:.0f}</text>'
            f'<line x1="{left}" y1="{top + height}" x2="{width}" y2="{top + height}" stroke="#999"/>'
            f'<polyline points="{points}" fill="none" stroke="#1f5f8b"/>'
        )
    whole = 3 * (height + 20) + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" font-family="sans-serif" font-size="13">'
        f"<title>Soak over {total:.0f} s</title>{''.join(parts)}"
        f'<text x="{left}" y="{whole - 8}">0 s</text>'
        f'<text x="{width}" y="{whole - 8}" text-anchor="end">{total:.0f} s</text></svg>\n'
    )


def part(found: Figures, minutes: float, rate: float, plot: str) -> list[str]:
    """The lines for docs/reliability.md."""
    memory, connections = found["memory_median_mb"], found["connections"]
    fails: list[str] = found["fails"]
    return [
        "## Soak",
        "",
        f"Written by `python -m bench.soak --minutes {minutes:g} --rate {rate:g} --reliability …` on "
        f"{datetime.now(UTC):%Y-%m-%d}. Memory is the resident memory of the appraisal's worker; the first third of the time is",
        "warming up, the other two are compared. **" + ("; ".join(fails) if fails else "All of it holds.") + "**",
        "",
        "| What | Figure | Must be |",
        "|---|---:|---|",
        f"| events sent, in {found['seconds']:.0f} s | {found['events']:,} | |",
        f"| events applied | {found['stored']:,} | all, each once |",
        f"| memory at the highest | {found['memory_peak_mb']} MB | at most {MOST_MEMORY:.0f} MB |",
        f"| memory, median of the second and last third | {memory[0]} and {memory[1]} MB | flat |",
        f"| connections to the database, most in each | {connections[0]} and {connections[1]} | flat |",
        f"| lag at the highest, warmed up | {found['lag_highest']:,} events | at most {10 * rate:,.0f} |",
        f"| lag at the end | {found['lag_at_the_end']:,} events | 0 |",
        "",
        f"![Memory, connections and lag over the time]({plot})",
    ]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=30)
    asked.add_argument("--rate", type=float, default=1000, help="events a second")
    asked.add_argument("--to", type=Path, default=Path("bench/results"))
    asked.add_argument("--reliability", type=Path, help="the document whose part about the soak is written anew")
    told = asked.parse_args()
    for outside in (DATABASE, KAFKA):
        os.environ.pop(outside, None)
    told.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qingsheng-soak-") as name:
        folder = Path(name)
        with deployment(folder, lambda _: None, secret_key="a secret of this soak alone") as settings:
            with running(settings, [WORKER], folder, folder / "log") as children:
                samples, sent, stored = asyncio.run(soak(settings, children, told.minutes * 60, told.rate))
                highest = max(peak(children.pid(WORKER)), *(sample.memory for sample in samples))
    found = judged(samples, sent, stored, told.rate, highest)
    with (told.to / "soak.csv").open("w", newline="") as file:
        written = csv.writer(file)
        written.writerow(Sample._fields)
        written.writerows([f"{each:.1f}" if isinstance(each, float) else each for each in row] for row in samples)
    (told.to / "soak.svg").write_text(drawn(samples))
    if told.reliability:
        plot = os.path.relpath(told.to / "soak.svg", told.reliability.parent)
        write_part(told.reliability, "soak", part(found, told.minutes, told.rate, plot))
    print(json.dumps(found, indent=2))
    sys.exit(1 if found["fails"] else 0)


if __name__ == "__main__":
    main()
