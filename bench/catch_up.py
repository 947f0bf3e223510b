"""Catch-up: share events waiting in Kafka, taken in by one appraisal worker process, beside PostgreSQL's own ceiling.

    python -m bench.catch_up [--events 100000]

Prints events per second of the worker (from its first commit to its last, and from process start), and of a bare COPY of the
same facts into a table with the same uuid primary key, measured in the same run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import uuid_utils
from uuid_utils.compat import uuid7

from bench.expected import SHANGHAI, expected, stored
from bench.stack import LOG, empty_stack
from qingsheng.deployment import environment_of
from qingsheng.migrations import amigrate
from qingsheng.topics import ensure_topics
from shared.contracts.campaign import RepostLogged
from shared.contracts.envelope import Event
from shared.delivery.broker import create_producer
from shared.settings import Settings

COUNTIES = [f"3509{n}" for n in ("02", "21", "22", "23", "24", "25", "26", "81", "82")]
VOLUNTEERS = 2_200


def volunteers_of(
    counties: Sequence[str] = COUNTIES, n: int = VOLUNTEERS, seed: int = 1
) -> list[tuple[UUID, str, UUID]]:
    """Volunteers, their counties and their accounts."""
    rng = Random(seed)
    return [(uuid7(), rng.choice(counties), uuid7()) for _ in range(n)]


def share_events(
    n: int, seed: int = 1, volunteers: Sequence[tuple[UUID, str, UUID]] | None = None
) -> list[tuple[bytes, bytes]]:
    """(key, value) of ``n`` shares over a year in the order of their times, as a topic is written, by 2,200 volunteers in 9
    counties if none are told."""
    rng = Random(seed)
    volunteers = volunteers or volunteers_of(seed=seed)
    posts = [str(uuid7()) for _ in range(100)]
    start = datetime(2014, 1, 1, tzinfo=SHANGHAI)
    written = _written()
    messages: list[tuple[bytes, bytes]] = []
    for sequence, second in enumerate(sorted(rng.randrange(365 * 86400) for _ in range(n))):
        volunteer, county, account = volunteers[sequence % len(volunteers)]
        shared_at = (start + timedelta(seconds=second)).astimezone(UTC)
        key = str(volunteer)
        told = {
            "repost": uuid_utils.uuid7(),
            "post": rng.choice(posts),
            "volunteer": key,
            "account": account,
            "time": f"{shared_at:%Y-%m-%dT%H:%M:%SZ}",
            "id": uuid_utils.uuid7(),
            "recorded": f"{shared_at + timedelta(seconds=3):%Y-%m-%dT%H:%M:%SZ}",
            "sequence": sequence // len(volunteers) + 1,
            "county": county,
        }
        messages.append((key.encode(), (written % told).encode()))
    return messages


def _written() -> str:
    """A share as the contract's model writes it, with places for its values: the model would take three times as long."""
    ids = {name: uuid7() for name in ("repost", "post", "volunteer", "account", "id")}
    at = datetime(2014, 1, 1, tzinfo=UTC)
    data = RepostLogged(
        repost_id=ids["repost"],
        post_id=ids["post"],
        volunteer_id=ids["volunteer"],
        account_id=ids["account"],
        platform="weibo",
        shared_at=at,
    )
    event = Event.of(data, id=ids["id"], time=at, recordedtime=at + timedelta(seconds=3), sequence=77, county="987654")
    values = {str(id): f"%({name})s" for name, id in ids.items()}
    values |= {"2014-01-01T00:00:00Z": "%(time)s", "2014-01-01T00:00:03Z": "%(recorded)s", "987654": "%(county)s"}
    text = event.to_json().decode().replace('"77"', '"%(sequence)s"')
    for value, place in values.items():
        text = text.replace(value, place)
    return text


async def produce(
    settings: Settings, messages: Sequence[tuple[bytes, bytes]], topic: str = "qingsheng.campaign.events"
) -> None:
    producer = create_producer(settings, linger_ms=5)
    await producer.start()
    for key, value in messages:
        last = await producer.send(settings.topic_prefix + topic, value=value, key=key)
    await last
    await producer.stop()


CONSUMED = (
    """select coalesce(sum(next_offset), 0)::bigint from appraisal.consumer_offset where topic like '%campaign%'"""
)


async def watched(
    database_url: str,
    stored: str,
    n: int,
    deadline: float,
    processes: "Sequence[subprocess.Popen[bytes]]",
    pause: float = 0.005,
) -> list[tuple[float, int]]:
    """Moments (monotonic) at which more was seen to be stored, and how much: from the first until ``n`` are."""
    connection = await asyncpg.connect(database_url)
    seen: list[tuple[float, int]] = []
    try:
        while time.monotonic() < deadline:
            done = await connection.fetchval(stored)
            if done > (seen[-1][1] if seen else 0):
                seen.append((time.monotonic(), done))
            if done >= n:
                return seen
            if any(process.poll() is not None for process in processes):
                raise SystemExit(f"a process ended, {done} of {n} stored")
            await asyncio.sleep(pause)
    finally:
        await connection.close()
    raise SystemExit(f"{seen[-1][1] if seen else 0} of {n} stored in time")


async def copy_ceiling(database_url: str) -> float:
    """Rows a second of a bare COPY of the same facts into a table whose only index is the uuid primary key."""
    connection = await asyncpg.connect(database_url)
    try:
        rows = [tuple(row) for row in await connection.fetch("select * from appraisal.fact")]
        names = [a.name for a in (await connection.prepare("select * from appraisal.fact")).get_attributes()]
        best = 0.0
        for _ in range(3):
            await connection.execute("drop table if exists ceiling; create table ceiling (like appraisal.fact)")
            await connection.execute("alter table ceiling add primary key (id)")
            start = time.perf_counter()
            await connection.copy_records_to_table("ceiling", records=rows, columns=names)
            best = max(best, len(rows) / (time.perf_counter() - start))
        return best
    finally:
        await connection.close()


def cpu_seconds(pids: list[int]) -> float:
    """Of processor time that processes have spent, start included (Linux)."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError):  # a backend may have ended
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def backends(database_url: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    try:
        return [
            r[0]
            for r in await connection.fetch(
                "select pid from pg_stat_activity where usename ~ '^qingsheng' or query ~ 'appraisal'"
            )
        ]
    finally:
        await connection.close()


def worker(settings: Settings) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **environment_of(settings)}
    with LOG.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "qingsheng", "run", "appraisal-worker"], env=environment, stdout=log, stderr=log
        )


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had resident (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def taken_in(settings: Settings, events: int, workers: int = 1, seconds: int = 300) -> dict[str, Any]:
    """One catch-up of ``events`` that wait already: from process start until the last is committed."""
    started = time.monotonic()
    processes = [worker(settings) for _ in range(workers)]
    try:
        samples = await watched(settings.database_url, CONSUMED, events, started + seconds, processes)
        spent = cpu_seconds([process.pid for process in processes])
        in_postgres = cpu_seconds(await backends(settings.database_url))
        peak = max(peak_mib(process.pid) for process in processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)
    (first, before), (last, _) = samples[0], samples[-1]
    return {
        "events": events,
        "per_second": (events - before) / (last - first) if last > first else events / (last - started),
        "per_second_from_process_start": events / (last - started),
        "seconds": last - started,
        "cpu_us_per_event": spent / events * 1e6,
        "postgres_us_per_event": in_postgres / events * 1e6,
        "peak_mib": peak,
        "samples": [(round(at - started, 3), n) for at, n in samples],
    }


async def caught_up(
    settings: Settings, messages: Sequence[tuple[bytes, bytes]], workers: int = 1, seconds: int = 300
) -> dict[str, Any]:
    """On an empty deployment: one catch-up, and whether its result is right."""
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    await produce(settings, messages)
    found = await taken_in(settings, len(messages), workers, seconds)
    right = await stored(settings.database_url, "appraisal") == expected(messages)
    return found | {"bytes_each": len(messages[0][1]), "right": right}


async def measure(
    settings: Settings, messages: Sequence[tuple[bytes, bytes]], workers: int = 1, seconds: int = 300
) -> dict[str, Any]:
    """The same, beside the ceiling."""
    found = await caught_up(settings, messages, workers, seconds)
    ceiling = await copy_ceiling(settings.database_url)
    return found | {"copy_per_second": ceiling, "of_ceiling": found["per_second"] / ceiling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1)
    told = parser.parse_args()
    with empty_stack() as settings:
        found = asyncio.run(measure(settings, share_events(told.events), told.workers))
    found.pop("samples")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
