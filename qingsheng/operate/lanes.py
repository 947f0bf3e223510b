"""Reading the log once more into tables of its own: which records, how far, and one lane of topics after another batch."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.appraisal import tallying
from services.appraisal.consumers import store, subscriptions
from services.appraisal.storage import SOURCES
from services.appraisal.tallying import Pending
from shared.contracts.broken import Broken
from shared.contracts.topics import events_topic
from shared.delivery.broker import connection_options
from shared.delivery.subscription import Read, Subscription
from shared.postgres import connect, use_json
from shared.settings import Settings

BATCH = 50_000
MOST_PENDING = 500_000
"""Changes of counts and tallies that are held in memory before they are written: a volunteer's of one month are one."""
PATIENCE = 30.0
"""Seconds without a record, though there are some, after which reading fails."""
LANES = (("campaign",), tuple(service for service in SOURCES if service != "campaign"))
"""Services whose topics are read side by side, as the worker reads them: facts of one are put together with those of no
other."""


@dataclass
class Replayed:
    """How far each partition was read, and when the latest of its events was recorded."""

    next: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    recorded: dict[TopicPartition, datetime] = field(default_factory=dict[TopicPartition, datetime])
    applied: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    """Places of those among ``watched`` that were applied."""

    def note(self, place: TopicPartition, recorded: datetime) -> None:
        self.recorded[place] = max(recorded, self.recorded.get(place, recorded))

    def add(self, more: "Replayed") -> None:
        """What was read of partitions elsewhere."""
        self.next |= more.next
        for place, recorded in more.recorded.items():
            self.note(place, recorded)
        self.applied |= more.applied


@dataclass(frozen=True)
class Choice:
    """Which records are applied. ``until``: by partition, the first offset that is not (None: the present end).
    ``skipped``: places left out; ``wanted``: ids of events, None for all; ``watched``: places to give account of."""

    until: Mapping[TopicPartition, int] | None = None
    skipped: frozenset[tuple[str, int, int]] = frozenset()
    wanted: frozenset[UUID] | None = None
    watched: frozenset[tuple[str, int, int]] = frozenset()


async def connection_to(settings: Settings, schema: str) -> Any:
    connection: Any = await connect(
        settings, search_path=schema, timezone="UTC", jit="off", maintenance_work_mem="768MB", work_mem="32MB"
    )
    await use_json(connection)
    return connection


def reader(settings: Settings, services: Sequence[str]) -> Any:
    """A consumer of these services' topics, without a group; not started."""
    return AIOKafkaConsumer(
        *(settings.topic_prefix + events_topic(service) for service in services),
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
    )


@dataclass(frozen=True)
class Lane:
    """What one lane reads, and into which schema. ``ends``: of all its partitions; ``now``: when facts are taken to arrive."""

    settings: Settings
    schema: str
    services: Sequence[str]
    ends: Mapping[TopicPartition, int]
    choice: Choice
    now: datetime | None


async def read(lane: Lane, done: Replayed, note: Callable[[int], None]) -> None:
    """From where ``done`` stands up to the lane's ends. While one batch is applied the next is decoded."""
    readers = {lane.settings.topic_prefix + each.topic: each for each in subscriptions(lane.settings)}
    connection = await connection_to(lane.settings, lane.schema)
    # Nobody has counted yet what is in these tables: the planner must not take a batch's subjects for most of them.
    await connection.execute("set enable_seqscan = off")
    consumer = reader(lane.settings, lane.services)
    applying: asyncio.Task[None] | None = None
    pending = Pending()
    try:
        await consumer.start()
        for place in lane.ends:
            consumer.seek(place, done.next[place])
        left = {place for place, end in lane.ends.items() if done.next[place] < end}
        consumer.pause(*(place for place in lane.ends if place not in left))
        while left:
            async with asyncio.timeout(PATIENCE):
                batches = await _batches(consumer)
            found: dict[str, list[Any]] = {}
            for place, records in batches.items():
                wanted = [record for record in records if record.offset < lane.ends[place]]
                found.setdefault(place.topic, []).extend(wanted)
                done.next[place] = min(records[-1].offset + 1, lane.ends[place])
                if done.next[place] >= lane.ends[place]:
                    left.discard(place)
                    consumer.pause(place)
            contents = [_decoded(readers[topic], records, lane.choice, done) for topic, records in found.items()]
            if applying is not None:
                await applying
            applying = asyncio.create_task(_apply(connection, contents, lane.settings, lane.now, pending))
            note(sum(map(len, found.values())))
        if applying is not None:
            await applying
        await _write(connection, pending)
    finally:
        if applying is not None:
            applying.cancel()
            await asyncio.wait([applying])
        await consumer.stop()
        await connection.close()


async def _batches(consumer: Any) -> dict[TopicPartition, list[Any]]:
    """Some records, and what else has come by then: the more at once, the fewer rows are touched twice."""
    batches: dict[TopicPartition, list[Any]] = {}
    while not batches:
        batches = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
    while sum(map(len, batches.values())) < BATCH:
        more = await consumer.getmany(timeout_ms=20, max_records=BATCH)
        if not more:
            break
        for place, records in more.items():
            batches.setdefault(place, []).extend(records)
    return batches


def _decoded(
    reader: Subscription[Any], records: Sequence[Any], choice: Choice, done: Replayed
) -> tuple[list[Read[Any]], Any]:
    """Of one topic: what was read one by one, and what was taken in bulk. What the reader would not take is a dead letter
    of its own, not of the replay."""
    block: Any = None
    apart = choice.skipped | choice.watched
    if reader.bulk is not None and choice.wanted is None:
        named = [record for record in records if _place(record) in apart] if apart else []
        many = [record for record in records if _place(record) not in apart] if named else records
        block, others = reader.bulk.take(many)
        records = [*others, *named]
        if block is not None:
            for partition, moment in reader.bulk.recorded(block).items():
                done.note(TopicPartition(many[0].topic, partition), moment)
    if choice.skipped:
        records = [record for record in records if _place(record) not in choice.skipped]
    found: list[Read[Any]] = []
    for record in records:
        try:
            event = reader.decode(record)
        except Broken:
            continue
        if event is not None and (choice.wanted is None or event.id in choice.wanted):
            found.append(Read(event, record.topic, record.partition, record.offset))
    if choice.watched:
        done.applied.update(read[1:] for read in found if read[1:] in choice.watched)
    latest: dict[int, datetime] = {}
    for event, _, partition, _ in found:
        if latest.get(partition, event.recordedtime) <= event.recordedtime:
            latest[partition] = event.recordedtime
    for partition, moment in latest.items():
        done.note(TopicPartition(found[0].topic, partition), moment)
    return found, block


def _place(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


async def _apply(
    connection: Any,
    batches: Sequence[tuple[Sequence[Read[Any]], Any]],
    settings: Settings,
    now: datetime | None,
    pending: Pending,
) -> None:
    async with connection.transaction():
        await connection.execute("set local synchronous_commit = off")
        for reads, block in batches:
            if reads or block is not None:
                await store(connection, reads, settings.zone, now or datetime.now(UTC), pending, block)
    if len(pending) > MOST_PENDING:
        await _write(connection, pending)


async def _write(connection: Any, pending: Pending) -> None:
    async with connection.transaction():
        await tallying.write(connection, pending)
    pending.clear()
