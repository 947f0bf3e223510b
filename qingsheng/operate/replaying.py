"""The appraisal's projections made anew from the log, into tables of their own beside those that serve."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.appraisal.consumers import subscriptions, take_in
from services.appraisal.storage import PROJECTED, SOURCES
from shared.contracts.broken import Broken
from shared.contracts.topics import events_topic
from shared.delivery.broker import connection_options
from shared.delivery.consuming import Read, Subscription
from shared.postgres import connect, use_json
from shared.settings import Settings

BATCH = 50_000
PATIENCE = 30.0
"""Seconds without a record, though there are some, after which reading fails."""
Progress = Callable[[int, int], None]
"""Told of records read, and of all that are to be read."""


class LogUnreadable(Exception):
    """The log does not go as far as it should, or no longer begins at its beginning."""


@dataclass
class Replayed:
    """How far each partition was read, and when the latest of its events was recorded."""

    next: dict[TopicPartition, int] = field(default_factory=dict[TopicPartition, int])
    recorded: dict[TopicPartition, datetime] = field(default_factory=dict[TopicPartition, datetime])
    applied: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])
    """Places of those among ``watched`` that were applied."""

    def note(self, place: TopicPartition, recorded: datetime) -> None:
        self.recorded[place] = max(recorded, self.recorded.get(place, recorded))


@dataclass(frozen=True)
class Choice:
    """Which records are applied. ``until``: by partition, the first offset that is not (None: the present end).
    ``skipped``: places left out; ``wanted``: ids of events, None for all; ``watched``: places to give account of."""

    until: Mapping[TopicPartition, int] | None = None
    skipped: frozenset[tuple[str, int, int]] = frozenset()
    wanted: frozenset[UUID] | None = None
    watched: frozenset[tuple[str, int, int]] = frozenset()


@asynccontextmanager
async def fresh_tables(settings: Settings, schema: str) -> AsyncIterator[Any]:
    """A connection to a schema with empty projections, dropped afterwards with whatever is in it then. They have the
    present ones' constraints, triggers and unique indices; ``add_indices`` makes the others, which cost less when all is
    stored."""
    connection = await _connect(settings, schema)
    try:
        await connection.execute(f"drop schema if exists {schema} cascade; create schema {schema}")
        for table in PROJECTED:
            await connection.execute(
                f"create table {schema}.{table} (like appraisal.{table} including all excluding indexes)"
            )
        for row in await connection.fetch(_CONSTRAINTS, list(PROJECTED)):
            await connection.execute(f'alter table {schema}.{row["of"]} add constraint "{row["name"]}" {row["body"]}')
        await _make_indices(connection, schema, unique=True)
        for row in await connection.fetch(_TRIGGERS, list(PROJECTED)):
            await connection.execute(row["body"].replace(" ON appraisal.", f" ON {schema}.", 1))
        yield connection
    finally:
        with contextlib.suppress(Exception):
            await connection.execute(f"drop schema if exists {schema} cascade")
        await connection.close()


async def _connect(settings: Settings, schema: str) -> Any:
    connection: Any = await connect(
        settings, search_path=schema, timezone="UTC", jit="off", maintenance_work_mem="256MB", work_mem="32MB"
    )
    await use_json(connection)
    return connection


async def add_indices(connection: Any, schema: str) -> None:
    """Those that only readers need, under the names of the present ones; and what the planner should know."""
    await _make_indices(connection, schema, unique=False)
    for table in PROJECTED:
        await connection.execute(f"analyze {schema}.{table}")


async def _make_indices(connection: Any, schema: str, *, unique: bool) -> None:
    for row in await connection.fetch(_INDICES, list(PROJECTED), unique):
        await connection.execute(row["body"].replace(" ON appraisal.", f" ON {schema}.", 1))


_TABLES = "(select format('appraisal.%I', t)::regclass from unnest($1::text[]) as t)"
_CONSTRAINTS = f"""
    select relname as of, conname as name, pg_get_constraintdef(c.oid) as body
    from pg_constraint c join pg_class t on t.oid = c.conrelid
    where c.conrelid in {_TABLES} and c.contype in ('p', 'u') order by conname"""
_INDICES = f"""
    select pg_get_indexdef(indexrelid) as body from pg_index x
    where indrelid in {_TABLES} and indisunique = $2
      and not exists (select from pg_constraint c where c.conindid = x.indexrelid and c.contype in ('p', 'u'))
    order by indexrelid"""

_TRIGGERS = f"select pg_get_triggerdef(oid) as body from pg_trigger where tgrelid in {_TABLES} and not tgisinternal"


def partitions_of(settings: Settings, consumer: Any) -> list[TopicPartition]:
    """Of the sources' event topics."""
    topics = [settings.topic_prefix + events_topic(service) for service in SOURCES]
    return [TopicPartition(t, p) for t in topics for p in sorted(consumer.partitions_for_topic(t) or ())]


@dataclass(frozen=True)
class Lane:
    """Topics that are read by one consumer, without a group, and applied by one connection."""

    consumer: Any
    connection: Any


LANES = (("campaign",), tuple(service for service in SOURCES if service != "campaign"))
"""Side by side, as the worker reads them: facts of one service are put together with those of no other."""


@asynccontextmanager
async def lanes_of(settings: Settings, schema: str) -> AsyncIterator[Sequence[Lane]]:
    """All partitions of the sources' topics, to be applied to the projections of a schema."""
    async with AsyncExitStack() as stack:
        lanes: list[Lane] = []
        for services in LANES:
            consumer: Any = AIOKafkaConsumer(
                *(settings.topic_prefix + events_topic(service) for service in services),
                **connection_options(settings),
                enable_auto_commit=False,
                auto_offset_reset="none",
                max_partition_fetch_bytes=4 * 1024 * 1024,
                fetch_max_wait_ms=100,
            )
            stack.push_async_callback(consumer.stop)
            await consumer.start()
            connection = await _connect(settings, schema)
            stack.push_async_callback(connection.close)
            lanes.append(Lane(consumer, connection))
        yield lanes


async def replay(
    settings: Settings,
    lanes: Sequence[Lane],
    done: Replayed,
    choice: Choice,
    now: datetime | None = None,
    progress: Progress = lambda _read, _all: None,
) -> None:
    """Reads on from where ``done`` stands, and applies what is chosen. ``now``: when facts are taken to arrive. Raises
    LogUnreadable."""
    places = {lane: partitions_of(settings, lane.consumer) for lane in lanes}
    ends: dict[TopicPartition, int] = {}
    beginnings: dict[TopicPartition, int] = {}
    for lane, mine in places.items():
        ends |= await lane.consumer.end_offsets(mine)
        beginnings |= await lane.consumer.beginning_offsets(mine)
    if choice.until is not None:
        short = {place: end for place, end in choice.until.items() if ends.get(place, 0) < end}
        if short:
            raise LogUnreadable(
                f"the log ends before {', '.join(f'{p.topic}-{p.partition}:{o}' for p, o in short.items())}"
            )
        ends = {place: choice.until.get(place, 0) for place in ends}
    for place, beginning in beginnings.items():
        if done.next.setdefault(place, 0) < beginning < ends[place]:
            raise LogUnreadable(f"{place.topic}-{place.partition}: records before {beginning} are gone")
    total = sum(max(0, ends[place] - done.next[place]) for place in ends)
    read = 0

    def note(count: int) -> None:
        nonlocal read
        read += count
        progress(read, total)

    tasks = [
        asyncio.create_task(_run(settings, lane, {place: ends[place] for place in mine}, done, choice, now, note))
        for lane, mine in places.items()
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _run(
    settings: Settings,
    lane: Lane,
    ends: Mapping[TopicPartition, int],
    done: Replayed,
    choice: Choice,
    now: datetime | None,
    note: Callable[[int], None],
) -> None:
    """One lane up to ``ends``. While one batch is applied the next is decoded."""
    readers = {settings.topic_prefix + each.topic: each for each in subscriptions(settings)}
    consumer = lane.consumer
    for place in ends:
        consumer.seek(place, done.next[place])
    left = {place for place, end in ends.items() if done.next[place] < end}
    consumer.pause(*(place for place in ends if place not in left))
    applying: asyncio.Task[None] | None = None
    while left:
        async with asyncio.timeout(PATIENCE):
            batches = await _batches(consumer)
        found: dict[str, list[Any]] = {}
        for place, records in batches.items():
            wanted = [record for record in records if record.offset < ends[place]]
            found.setdefault(place.topic, []).extend(wanted)
            done.next[place] = min(records[-1].offset + 1, ends[place])
            if done.next[place] >= ends[place]:
                left.discard(place)
                consumer.pause(place)
        contents = [_decoded(readers[topic], records, choice, done) for topic, records in found.items()]
        if applying is not None:
            await applying
        applying = asyncio.create_task(_apply(lane.connection, contents, settings, now))
        note(sum(map(len, found.values())))
    if applying is not None:
        await applying
    consumer.resume(*ends)


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
    found: list[Read[Any]] = []
    latest: dict[int, datetime] = {}
    for record in records:
        at = _place(record)
        if choice.skipped and at in choice.skipped:
            continue
        try:
            event = reader.decode(record)
        except Broken:
            continue
        if event is None or (choice.wanted is not None and event.id not in choice.wanted):
            continue
        if choice.watched and at in choice.watched:
            done.applied.add(at)
        found.append(Read(event, *at))
        if latest.get(record.partition, event.recordedtime) <= event.recordedtime:
            latest[record.partition] = event.recordedtime
    for partition, moment in latest.items():
        done.note(TopicPartition(records[0].topic, partition), moment)
    return found, block


def _place(record: Any) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


async def _apply(
    connection: Any, batches: Sequence[tuple[Sequence[Read[Any]], Any]], settings: Settings, now: datetime | None
) -> None:
    async with connection.transaction():
        await connection.execute("set local synchronous_commit = off")
        for reads, block in batches:
            if reads or block is not None:
                await take_in(connection, reads, settings.zone, now or datetime.now(UTC), block)
