"""Where every consumer stands: its stored offsets beside the log's beginnings and ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from qingsheng.registry import SERVICES
from shared.delivery.broker import admin, connection_options
from shared.delivery.subscription import Subscription
from shared.postgres import connect
from shared.settings import Settings

PATIENCE = 5.0
"""Seconds in which the broker has to give the records that wait; those it does not give are of unknown age. A topic that
was deleted a moment ago may be listed still: it is waited for no longer than this."""


@dataclass(frozen=True)
class Standing:
    """One partition as one service has applied it. ``stored`` None: never read. ``seconds_behind``: how long the oldest
    record that waits has been on the topic, 0 without one, None where the broker did not give it."""

    service: str
    topic: str
    partition: int
    stored: int | None
    beginning: int
    end: int
    seconds_behind: float | None
    paused: bool
    caught_up_at: datetime | None

    @property
    def behind(self) -> int:
        return max(0, self.end - max(self.stored or 0, self.beginning))


def subscriptions_of(settings: Settings) -> dict[str, Sequence[Subscription[Any]]]:
    """What each service reads."""
    return {name: service.create_worker(settings).subscriptions for name, service in SERVICES.items()}


async def read_by(settings: Settings) -> dict[str, list[str]]:
    """The existing topics each service reads, by their full names."""
    async with admin(settings) as client:
        known = sorted(await client.list_topics())
    return {
        name: [topic for topic in known if any(each.reads(topic, settings.topic_prefix) for each in subscriptions)]
        for name, subscriptions in subscriptions_of(settings).items()
    }


@asynccontextmanager
async def reader(settings: Settings, topics: Sequence[str], **options: Any) -> AsyncIterator[Any]:
    """A consumer without a group, that has all partitions of the topics and commits nothing."""
    consumer: Any = AIOKafkaConsumer(
        *topics,
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        request_timeout_ms=int(PATIENCE * 1000),
        **options,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def stored_offsets(settings: Settings, service: str) -> dict[tuple[str, int], Any]:
    """Rows of the service's ``consumer_offset`` by topic and partition."""
    connection = await connect(settings, search_path=service)
    try:
        rows = await connection.fetch('select topic, "partition", next_offset, caught_up_at from consumer_offset')
        return {(row["topic"], row["partition"]): row for row in rows}
    finally:
        connection.terminate()


async def standings(settings: Settings, only: Sequence[str] = ()) -> list[Standing]:
    """Of all services, or those of ``only``; in the order of service, topic and partition."""
    topics = {name: found for name, found in (await read_by(settings)).items() if not only or name in only}
    every = sorted({topic for found in topics.values() for topic in found})
    if not every:
        return []
    found: list[Standing] = []
    async with reader(settings, every, max_partition_fetch_bytes=1) as consumer:
        places = sorted(TopicPartition(t, p) for t in every for p in consumer.partitions_for_topic(t) or ())
        beginnings = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        for service, read in topics.items():
            stored = await stored_offsets(settings, service)
            paused = await _paused(settings, service)
            mine = [place for place in places if place.topic in read]
            waiting: dict[TopicPartition, int] = {}
            for place in mine:
                row = stored.get((place.topic, place.partition))
                next_offset = max(row["next_offset"] if row else 0, beginnings[place])
                if next_offset < ends[place]:
                    waiting[place] = next_offset
            since = await _written_at(consumer, waiting)
            for place in mine:
                row = stored.get((place.topic, place.partition))
                written = since.get(place)
                seconds = 0.0 if place not in waiting else None if written is None else max(0, time.time() - written)
                found.append(
                    Standing(
                        service,
                        place.topic,
                        place.partition,
                        row["next_offset"] if row else None,
                        beginnings[place],
                        ends[place],
                        seconds,
                        place.topic in paused,
                        row["caught_up_at"] if row else None,
                    )
                )
    return found


async def _paused(settings: Settings, service: str) -> set[str]:
    connection = await connect(settings, search_path=service)
    try:
        return {row["topic"] for row in await connection.fetch("select topic from consumer_pause")}
    finally:
        connection.terminate()


async def _written_at(consumer: Any, waiting: Mapping[TopicPartition, int]) -> dict[TopicPartition, float]:
    """When the first record at or behind each offset was written, in seconds since 1970."""
    consumer.pause(*(consumer.assignment()))
    for place, offset in waiting.items():
        consumer.seek(place, offset)
        consumer.resume(place)
    found: dict[TopicPartition, float] = {}
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while len(found) < len(waiting) and asyncio.get_running_loop().time() < give_up:
        for place, records in (await consumer.getmany(timeout_ms=500, max_records=len(waiting))).items():
            if place in waiting and records[0].offset >= waiting[place]:
                found.setdefault(place, records[0].timestamp / 1000)
                consumer.pause(place)
    return found
