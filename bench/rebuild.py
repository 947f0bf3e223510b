"""Rebuild: all projections of the appraisal made anew from the log, while the old ones serve.

    python -m bench.rebuild [--events 1000000] [--runs 1]

A fast producer fills the topics of an embedded Kafka: 70 in 100 events are shares, the others tips with triage and resolution.
The figure for 10 million is that of this run times what is missing: reading, decoding and storing take the same for each batch.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils import uuid7

from bench.stack import empty_stack
from bench.synthetic import YEAR, code
from bench.table import over_runs, show
from qingsheng.console import done
from qingsheng.migrations import amigrate
from qingsheng.operate.rebuilding import rebuild
from qingsheng.topics import ensure_topics
from shared.delivery.broker import create_producer
from shared.settings import Settings

VOLUNTEERS = 20_000
PARTITIONS = 6
_START = datetime(YEAR, 1, 1, tzinfo=UTC)


def _written(service: str, kind: str, number: int, subject: str, key: str, data: dict[str, Any]) -> str:
    """An event of this type with the places of its values."""
    event = {
        "specversion": "1.0", "id": "%(id)s", "source": f"/qingsheng/{service}", "subject": f"{subject}/%(subject)s",
        "type": f"qingsheng.{service}.{kind}.v1", "time": "%(time)s", "recordedtime": "%(recorded)s",
        "sequence": f"{number or '%(sequence)s'}", "datacontenttype": "application/json", "county": "%(county)s",
        "partitionkey": f"%({key})s", "data": data,
    }  # fmt: skip
    return json.dumps(event, separators=(",", ":"))


_SHARE = {
    "repost_id": "%(subject)s",
    "post_id": "%(post)s",
    "volunteer_id": "%(volunteer)s",
    "account_id": "%(account)s",
}
_SINCE = {"tip_id": "%(subject)s", "reported_at": "%(reported)s"}
_REPORT = {"channel": "phone", "kind": "need", "topic": "jobs", "unit_id": "%(county)s"}
_TRIAGE = {"responsible_unit_id": "%(county)s", "triaged_at": "%(time)s"}
_END = {"outcome": "acted", "answered": True, "resolved_at": "%(time)s"}
SHARE = _written(
    "campaign", "repost_logged", 0, "repost", "volunteer", _SHARE | {"platform": "weibo", "shared_at": "%(time)s"}
)
TIP = [
    (_written("opinion", "tip_reported", 1, "tip", "subject", _SINCE | _REPORT), timedelta(0)),
    (_written("opinion", "tip_triaged", 2, "tip", "subject", _SINCE | _TRIAGE), timedelta(days=2)),
    (_written("opinion", "tip_resolved", 3, "tip", "subject", _SINCE | _END), timedelta(days=20)),
]
"""What is told of a tip, and how long after it was reported."""
RECORDED = timedelta(seconds=3)


def told(events: int) -> Iterator[tuple[str, int, str, str]]:
    """Service, partition, key and value of each event, in order of time."""
    volunteers = [(str(uuid7()), str(uuid7()), code(n % 9, 9)) for n in range(VOLUNTEERS)]
    step = timedelta(days=300) / events
    post, made = str(uuid7()), 0
    while made < events:
        at = _START + made * step
        share = {"post": post, "time": at.isoformat(), "recorded": (at + RECORDED).isoformat()}
        for number in range(made, made + 7):
            who = number * 7919 % VOLUNTEERS
            share["volunteer"], share["account"], share["county"] = volunteers[who]
            share |= {"id": str(uuid7()), "subject": str(uuid7()), "sequence": str(number // VOLUNTEERS + 1)}
            yield "campaign", who % PARTITIONS, share["volunteer"], SHARE % share
        tip = {"subject": str(uuid7()), "county": code(made // 10 % 9, 9), "reported": at.isoformat()}
        for written, later in TIP:
            tip |= {
                "id": str(uuid7()),
                "time": (at + later).isoformat(),
                "recorded": (at + later + RECORDED).isoformat(),
            }
            yield "opinion", made // 10 % PARTITIONS, tip["subject"], written % tip
        made += 10


async def produce(settings: Settings, events: int) -> int:
    """Fills the topics by whole batches; returns the bytes written."""
    producer: Any = create_producer(settings)
    await producer.start()
    batches: dict[tuple[str, int], Any] = {}
    written, sent = 0, []

    async def send(place: tuple[str, int]) -> None:
        topic = f"{settings.topic_prefix}qingsheng.{place[0]}.events"
        sent.append(await producer.send_batch(batches.pop(place), topic, partition=place[1]))

    for service, partition, key, value in told(events):
        written += len(value)
        place = service, partition
        batch = batches.get(place) or batches.setdefault(place, producer.create_batch())
        if batch.append(key=key.encode(), value=value.encode(), timestamp=None) is None:
            await send(place)
            batches[place] = producer.create_batch()
            batches[place].append(key=key.encode(), value=value.encode(), timestamp=None)
    for place in list(batches):
        await send(place)
    await asyncio.gather(*sent)
    await producer.stop()
    return written


async def measure(settings: Settings, events: int, runs: int) -> list[dict[str, float]]:
    """Of each run: seconds, events a second, microseconds of this process's processor an event."""
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    begun = time.monotonic()
    written = await produce(settings, events)
    print(f"{events:,} events, {written / 2**20:.0f} MiB, written in {time.monotonic() - begun:.0f} s", flush=True)
    found: list[dict[str, float]] = []
    for _ in range(runs):
        begun, spent = time.monotonic(), time.process_time()
        made = await rebuild(settings)
        seconds, own = time.monotonic() - begun, time.process_time() - spent
        if made.facts != made.records:
            raise SystemExit(f"{made.records - made.facts} of {made.records} events are no facts")
        print(f"  rebuilt: {made.facts:,} facts in {seconds:.1f} s", flush=True)
        found.append({"seconds": seconds, "per_second": events / seconds, "cpu_us_per_event": own / events * 1e6})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    asked = parser.parse_args()
    with empty_stack() as settings:
        found = done(measure(settings, asked.events, asked.runs))
    rows = [
        ["seconds", over_runs([run["seconds"] for run in found]), ""],
        ["events a second", over_runs([run["per_second"] for run in found]), ""],
        [
            "microseconds of this process's processor an event",
            over_runs([run["cpu_us_per_event"] for run in found]),
            "",
        ],
        ["seconds for 10 million, at this rate", over_runs([1e7 / run["per_second"] for run in found]), "≤ 180"],
    ]
    show("bench.rebuild", ("rebuild", f"median of {asked.runs} runs (spread)", "target"), rows)


if __name__ == "__main__":
    main()
