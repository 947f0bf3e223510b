"""Consuming: every batch is one PostgreSQL transaction of offsets, effects and dead letters, fenced by compare-and-set.

The stored offset is the truth; Kafka's committed offset is for lag tools only. A batch that another owner has already
taken further changes nothing; a batch that met an outage is applied again when the outage is over.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar, cast

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared.contracts.decoding import Broken
from shared.delivery.dead_letters import Bound, Dead, Record, store
from shared.postgres import CONFLICTS, OUTAGES, Connection, Pool
from shared.security import Sealer
from shared.settings import Settings

log = logging.getLogger(__name__)

Content = TypeVar("Content")
MAX_RECORDS = 5_000
BACKOFF = 1.0
HEARTBEAT = 1.0


class Read(NamedTuple, Generic[Content]):
    """A decoded record and the place it was read from. ``topic`` is the full name, with the deployment's prefix."""

    content: Content
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Subscription(Generic[Content]):
    """What a service reads and what it does with it.

    ``decode`` gives the content, None for a record that is not needed, or raises Broken. ``apply`` works within the
    batch's transaction. ``sealed``: bytes of dead letters are encrypted. ``recorded`` tells when a content was recorded.
    """

    topic: str
    decode: Callable[[Record], Content | None]
    apply: Callable[[Connection, Sequence[Read[Content]]], Awaitable[None]]
    is_pattern: bool = False
    sealed: bool = False
    recorded: Callable[[Content], datetime] | None = None
    max_records: int = MAX_RECORDS

    def reads(self, topic: str, prefix: str) -> bool:
        """Whether a topic, by its full name, is one of this subscription's."""
        if self.is_pattern:
            return re.fullmatch(re.escape(prefix) + self.topic, topic) is not None
        return topic == prefix + self.topic


class Fenced(Exception):
    """The stored offset is not what this worker last read or wrote: another owner went on."""


class Consumer(ConsumerRebalanceListener, Generic[Content]):
    """Runs one subscription of one service. ``problems`` says why it does not go on, for readiness."""

    def __init__(self, subscription: Subscription[Content], pool: Pool, settings: Settings, service: str) -> None:
        self._subscription = subscription
        self._pool = pool
        self._settings = settings
        self._group = f"{settings.topic_prefix}qingsheng.{service}"
        self._sealer = Sealer(settings.secret_key.get_secret_value(), "dead-letter") if subscription.sealed else None
        self._bounds: dict[str, Bound] = {}
        self._next: dict[TopicPartition, int] = {}
        """Stored offset of each partition that is owned and was sought: what this worker last read or wrote."""
        self._doubted: dict[TopicPartition, int] = {}
        """Where a gap was met once; a gap is believed only after a second look."""
        self._paused_topics: set[str] = set()
        self._assignments = 0
        self._trouble: dict[str, str] = {}
        self._subscriber: Any = None

    # -- wiring ------------------------------------------------------------------------------------------------------

    def attach(self, broker: KafkaBroker) -> None:
        name = self._settings.topic_prefix + self._subscription.topic
        where: dict[str, Any] = {"pattern": f"^{re.escape(self._settings.topic_prefix)}{self._subscription.topic}$"}
        self._subscriber = broker.subscriber(
            *(() if self._subscription.is_pattern else (name,)),
            **(where if self._subscription.is_pattern else {}),
            group_id=self._group,
            batch=True,
            max_records=self._subscription.max_records,
            batch_timeout_ms=50,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            listener=self,
            parser=_keep_raw,
            decoder=_raw,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=300,
            # Above the worst batch, so that a rebalance waits for it rather than throwing its work away.
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=15 * 60_000,
        )
        self._subscriber(self._handle)

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        return self._subscriber.consumer

    @property
    def problems(self) -> list[str]:
        paused = [f"{topic}: paused, too many invalid records" for topic in sorted(self._paused_topics)]
        return [*self._trouble.values(), *paused]

    # -- assignment --------------------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        self._assignments += 1
        self._next.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Pause, read the stored offsets, seek, resume: nothing is handled before the seek."""
        self._assignments += 1
        mine = self._assignments
        self._next.clear()
        self._doubted.clear()
        self._trouble.clear()
        if assigned:
            self._consumer.pause(*assigned)
            # Retried in the background: a database that is away must not hold up the group.
            asyncio.get_running_loop().create_task(self._take_up(list(assigned), mine))

    async def _take_up(self, partitions: list[TopicPartition], assignment: int) -> None:
        while assignment == self._assignments:
            try:
                await self._seek(partitions, assignment)
                self._trouble.pop("offsets", None)
                return
            except (*OUTAGES, asyncpg.PostgresError, KafkaError) as error:
                self._trouble["offsets"] = f"{self._subscription.topic}: offsets cannot be read: {type(error).__name__}"
                log.warning("%s: %s", self._group, self._trouble["offsets"])
                await asyncio.sleep(BACKOFF)

    async def _seek(self, partitions: list[TopicPartition], assignment: int) -> None:
        stored = await self._stored_offsets(partitions)
        ends = await self._consumer.end_offsets(partitions)
        beginnings = await self._consumer.beginning_offsets(partitions)
        if assignment != self._assignments:
            return
        for partition in partitions:
            offset = stored[partition]
            if offset > ends[partition]:
                # Resetting silently would hide that the topic was made anew, or the database is of another cluster.
                key = f"{partition.topic}-{partition.partition}"
                self._trouble[key] = (
                    f"{key}: stored offset {offset} lies beyond the topic's end {ends[partition]}: "
                    "the topic was made anew; see 'qingsheng replay'"
                )
                log.error("%s: %s", self._group, self._trouble[key])
                continue
            if offset < beginnings[partition] and offset > 0:
                log.error("%s: records %d to %d of %s are gone", self._group, offset, beginnings[partition], partition)
            self._consumer.seek(partition, max(offset, beginnings[partition]))
            self._next[partition] = offset
            if partition.topic not in self._paused_topics:
                self._consumer.resume(partition)

    async def _stored_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Reads them, making the rows of partitions never seen before."""
        wanted = sorted(partitions)
        async with self._pool.acquire(timeout=self._settings.database_timeout) as connection:
            async with connection.transaction():
                await connection.execute(
                    """insert into consumer_offset (topic, "partition", next_offset)
                       select topic, "partition", 0 from unnest($1::text[], $2::int[]) as p (topic, "partition")
                       on conflict do nothing""",
                    [p.topic for p in wanted],
                    [p.partition for p in wanted],
                )
                rows = await connection.fetch(
                    """select topic, "partition", next_offset from consumer_offset
                       where (topic, "partition") in (select * from unnest($1::text[], $2::int[]))""",
                    [p.topic for p in wanted],
                    [p.partition for p in wanted],
                )
        return {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}

    # -- a batch -----------------------------------------------------------------------------------------------------

    async def _handle(self, records: tuple[Record, ...]) -> None:
        """Applies a batch, for as long as it takes and its partitions are still owned. Never raises."""
        assignment = self._assignments
        by_topic: dict[str, list[Record]] = {}
        for record in self._expected(records):
            by_topic.setdefault(record.topic, []).append(record)
        for batch in by_topic.values():
            await self._persist(batch, assignment)

    async def _persist(self, batch: list[Record], assignment: int) -> None:
        one_by_one = False
        while batch and assignment == self._assignments:
            try:
                await self._apply(batch, one_by_one=one_by_one)
                self._trouble.pop("apply", None)
                return
            except Fenced:
                log.warning("%s: fenced; another owner went on", self._group)
                self._doubted.clear()
                await self._take_up(sorted({_partition(record) for record in batch}), assignment)
                return
            except CONFLICTS:
                await asyncio.sleep(0.01)
            except (*OUTAGES, KafkaError) as error:
                self._trouble["apply"] = f"{self._subscription.topic}: waiting: {type(error).__name__}"
                log.warning("%s: %s: %s", self._group, self._trouble["apply"], error)
                await asyncio.sleep(BACKOFF)
            except Exception as error:
                if one_by_one:
                    self._trouble["apply"] = f"{self._subscription.topic}: failing: {type(error).__name__}"
                    log.exception("%s: a batch cannot be applied", self._group)
                    await asyncio.sleep(BACKOFF)
                one_by_one = True

    def _expected(self, records: Sequence[Record]) -> list[Record]:
        """The records that follow what is stored: without those applied before, nor those behind an unproved gap."""
        batch: list[Record] = []
        follow: dict[TopicPartition, int] = {}
        dropped: set[TopicPartition] = set()
        for record in records:
            partition = _partition(record)
            if partition in dropped:
                continue
            expected = follow.get(partition)
            if expected is None:
                expected = self._next.get(partition)
                if expected is None:
                    dropped.add(partition)  # fetched before the seek
                    continue
                if record.offset > expected and self._doubted.get(partition) != expected:
                    # Offsets may have gaps, but a stale fetch looks the same: ask once more from where we stand.
                    self._doubted[partition] = expected
                    self._consumer.seek(partition, expected)
                    dropped.add(partition)
                    continue
            if record.offset >= expected:
                batch.append(record)
                follow[partition] = record.offset + 1
        return batch

    async def _apply(self, batch: list[Record], *, one_by_one: bool) -> None:
        topic = batch[0].topic
        contents, dead = self._decode(batch)
        batch, contents, dead, pausing = self._within_bound(batch, contents, dead)
        starts = {p: self._next[p] for p in {_partition(record) for record in batch} if p in self._next}
        ends = {_partition(record): record.offset + 1 for record in batch}
        if starts.keys() != ends.keys():
            return
        async with self._pool.acquire(timeout=self._settings.database_timeout) as connection:
            async with connection.transaction():
                await self._advance(connection, starts, ends, contents)
                if one_by_one:
                    dead = [*dead, *await self._apply_singly(connection, contents, batch)]
                elif contents:
                    await self._subscription.apply(connection, contents)
                if dead:
                    await store(connection, dead, self._sealer)
                if pausing:
                    await connection.execute(
                        "insert into consumer_pause (topic, reason) values ($1, $2) on conflict do nothing",
                        topic,
                        f"more than {self._settings.dead_letter_share:.0%} of {self._settings.dead_letter_window} invalid",
                    )
        self._next.update({partition: end for partition, end in ends.items() if partition in self._next})
        if pausing:
            self._pause(topic)

    def _decode(self, batch: Sequence[Record]) -> tuple[list[Read[Content]], list[Dead]]:
        contents: list[Read[Content]] = []
        dead: list[Dead] = []
        decode = self._subscription.decode
        for record in batch:
            try:
                content = decode(record)
            except Broken as broken:
                dead.append(Dead(record, broken.reason, broken.detail))
            else:
                if content is not None:
                    contents.append(Read(content, record.topic, record.partition, record.offset))
        return contents, dead

    def _within_bound(
        self, batch: list[Record], contents: list[Read[Content]], dead: list[Dead]
    ) -> tuple[list[Record], list[Read[Content]], list[Dead], bool]:
        """Cuts the batch behind the record with which the invalid share passes its bound."""
        topic = batch[0].topic
        bound = self._bounds.get(topic)
        if bound is None:
            bound = self._bounds[topic] = Bound(self._settings.dead_letter_window, self._settings.dead_letter_share)
        if not dead:
            bound.note_valid(len(batch))
            return batch, contents, dead, False
        bad = {(letter.record.partition, letter.record.offset) for letter in dead}
        cut = bound.passed_after([(record.partition, record.offset) in bad for record in batch])
        if cut is None:
            return batch, contents, dead, False
        kept = {(record.partition, record.offset) for record in batch[:cut]}
        return (
            batch[:cut],
            [read for read in contents if (read.partition, read.offset) in kept],
            [letter for letter in dead if (letter.record.partition, letter.record.offset) in kept],
            True,
        )

    async def _advance(
        self,
        connection: Connection,
        starts: dict[TopicPartition, int],
        ends: dict[TopicPartition, int],
        contents: Sequence[Read[Content]],
    ) -> None:
        """The fence: raises Fenced unless every offset still stands where this worker left it."""
        partitions = sorted(starts)
        latest: dict[TopicPartition, datetime] = {}
        if self._subscription.recorded:
            for read in contents:
                partition, at = TopicPartition(read.topic, read.partition), self._subscription.recorded(read.content)
                if partition not in latest or latest[partition] < at:
                    latest[partition] = at
        status = await connection.execute(
            """update consumer_offset o
               set next_offset = d.next, recorded_until = greatest(o.recorded_until, d.recorded)
               from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::timestamptz[])
                    as d (topic, "partition", start, next, recorded)
               where o.topic = d.topic and o."partition" = d."partition" and o.next_offset = d.start""",
            [p.topic for p in partitions],
            [p.partition for p in partitions],
            [starts[p] for p in partitions],
            [ends[p] for p in partitions],
            [latest.get(p) for p in partitions],
        )
        if int(status.split()[-1]) != len(partitions):
            raise Fenced

    async def _apply_singly(
        self, connection: Connection, contents: Sequence[Read[Content]], batch: Sequence[Record]
    ) -> list[Dead]:
        """After a batch failed as a whole: each record in a savepoint of its own, so that one hurts no other."""
        records = {(record.partition, record.offset): record for record in batch}
        dead: list[Dead] = []
        for read in contents:
            try:
                async with connection.transaction():
                    await self._subscription.apply(connection, [read])
            except (*OUTAGES, *CONFLICTS):
                raise
            except Exception as error:
                log.exception("%s: a record cannot be applied", self._group)
                dead.append(Dead(records[read.partition, read.offset], "cannot_apply", type(error).__name__))
        return dead

    # -- beside the batches ------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Until cancelled: notes which partitions are read to their end, follows pauses, commits for lag tools."""
        while True:
            with contextlib.suppress(*OUTAGES, asyncpg.PostgresError, KafkaError):
                await self._look_around()
            await asyncio.sleep(HEARTBEAT)

    async def _look_around(self) -> None:
        if self._subscriber is None or self._subscriber.consumer is None:
            return
        caught_up = sorted(p for p, next_offset in self._next.items() if self._left(p, next_offset) == 0)
        async with self._pool.acquire(timeout=self._settings.database_timeout) as connection:
            if caught_up:
                await connection.execute(
                    """update consumer_offset o set caught_up_at = now()
                       from unnest($1::text[], $2::int[], $3::bigint[]) as d (topic, "partition", next)
                       where o.topic = d.topic and o."partition" = d."partition" and o.next_offset = d.next""",
                    [p.topic for p in caught_up],
                    [p.partition for p in caught_up],
                    [self._next[p] for p in caught_up],
                )
            paused = {row["topic"] for row in await connection.fetch("select topic from consumer_pause")}
        await self._follow_pauses(paused)
        if self._next:
            await self._consumer.commit({partition: (offset, "") for partition, offset in self._next.items()})

    async def _follow_pauses(self, paused: set[str]) -> None:
        for topic in paused - self._paused_topics:
            self._pause(topic)
        for topic in self._paused_topics - paused:
            self._paused_topics.discard(topic)
            self._bounds.pop(topic, None)
            for partition, offset in self._next.items():
                if partition.topic == topic:
                    self._consumer.seek(partition, offset)
                    self._consumer.resume(partition)

    def _pause(self, topic: str) -> None:
        mine = [partition for partition in self._next if partition.topic == topic]
        if not mine:
            return
        self._paused_topics.add(topic)
        self._consumer.pause(*mine)
        for partition in mine:
            # What was fetched but not applied is read again after the pause.
            self._consumer.seek(partition, self._next[partition])
        log.error("%s: %s is paused, too many invalid records; 'qingsheng dlq list', then 'dlq resume'", self._group, topic)

    def _left(self, partition: TopicPartition, next_offset: int) -> int | None:
        """Records not yet applied; None while the broker has not told the partition's end."""
        end = self._consumer.highwater(partition)
        return None if end is None else max(0, end - next_offset)

    @property
    def lag(self) -> int:
        """Records not yet applied in the partitions owned."""
        if self._subscriber is None or self._subscriber.consumer is None:
            return 0
        return sum(self._left(partition, offset) or 0 for partition, offset in self._next.items())


def _partition(record: Record) -> TopicPartition:
    return TopicPartition(record.topic, record.partition)


async def _keep_raw(message: tuple[Record, ...]) -> KafkaMessage:
    """FastStream's own parser decodes headers and can raise, which would lose the whole batch; this one cannot."""
    return KafkaMessage(
        body=b"", raw_message=cast(Any, message), headers={}, message_id="", correlation_id="", consumer=cast(Any, None)
    )


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message
