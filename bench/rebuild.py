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

from aiokafka import AIOKafkaProducer
from uuid_utils.compat import uuid7

from bench.stack import empty_stack
from bench.synthetic import YEAR, code
from bench.table import over_runs, show
from qingsheng.console import done
from qingsheng.migrations import amigrate
from qingsheng.operate.rebuilding import rebuild
from qingsheng.topics import ensure_topics
from shared.settings import Settings

VOLUNTEERS = 20_000
PARTITIONS = 6
_START = datetime(YEAR, 1, 1, tzinfo=UTC)


def told(events: int) -> Iterator[tuple[str, int, str, dict[str, Any], str, datetime, int]]:
    """Service, partition, type, data, subject, time and sequence of each event, in order of time."""
    volunteers = [(str(uuid7()), str(uuid7())) for _ in range(VOLUNTEERS)]
    step = timedelta(days=300) / events
    post, made = str(uuid7()), 0
    while made < events:
        at = _START + made * step
        for number in range(made, made + 7):
            volunteer, account = volunteers[number * 7919 % VOLUNTEERS]
            share = str(uuid7())
            data = {"repost_id": share, "post_id": post, "volunteer_id": volunteer, "account_id": account}
            data |= {"platform": "weibo", "shared_at": at.isoformat()}
            partition = number * 7919 % VOLUNTEERS % PARTITIONS
            yield "campaign", partition, "repost_logged", data, f"repost/{share}", at, number // VOLUNTEERS + 1
        tip, county = str(uuid7()), code(made // 10 % 9, 9)
        since = {"tip_id": tip, "reported_at": at.isoformat()}
        report = since | {"channel": "phone", "kind": "need", "topic": "jobs", "unit_id": county}
        triaged, resolved = at + timedelta(days=2), at + timedelta(days=20)
        triage = since | {"responsible_unit_id": county, "triaged_at": triaged.isoformat()}
        end = since | {"outcome": "acted", "answered": True, "resolved_at": resolved.isoformat()}
        partition = made // 10 % PARTITIONS
        yield "opinion", partition, "tip_reported", report, f"tip/{tip}", at, 1
        yield "opinion", partition, "tip_triaged", triage, f"tip/{tip}", triaged, 2
        yield "opinion", partition, "tip_resolved", end, f"tip/{tip}", resolved, 3
        made += 10


async def produce(settings: Settings, events: int) -> int:
    """Fills the topics by whole batches; returns the bytes written."""
    producer: Any = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, max_batch_size=512 * 1024, max_request_size=2**20
    )
    await producer.start()
    batches: dict[tuple[str, int], Any] = {}
    written, sent = 0, []

    async def send(place: tuple[str, int]) -> None:
        topic = f"{settings.topic_prefix}qingsheng.{place[0]}.events"
        sent.append(await producer.send_batch(batches.pop(place), topic, partition=place[1]))

    for number, (service, partition, kind, data, subject, at, sequence) in enumerate(told(events)):
        key = data.get("volunteer_id") or data["tip_id"]
        event = {
            "specversion": "1.0", "id": str(uuid7()), "source": f"/qingsheng/{service}", "subject": subject,
            "type": f"qingsheng.{service}.{kind}.v1", "time": at.isoformat(),
            "recordedtime": (at + timedelta(seconds=3)).isoformat(), "sequence": str(sequence),
            "datacontenttype": "application/json", "county": data.get("unit_id") or code(int(key[-4:], 16) % 9, 9),
            "partitionkey": key, "data": data,
        }  # fmt: skip
        if kind in ("tip_triaged", "tip_resolved"):
            event["county"] = code(number // 10 % 9, 9)
        value = json.dumps(event, separators=(",", ":")).encode()
        written += len(value)
        place = service, partition
        batch = batches.get(place) or batches.setdefault(place, producer.create_batch())
        if batch.append(key=key.encode(), value=value, timestamp=None) is None:
            await send(place)
            batches[place] = producer.create_batch()
            batches[place].append(key=key.encode(), value=value, timestamp=None)
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
