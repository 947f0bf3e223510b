"""Consuming: every batch is one PostgreSQL transaction of offsets, effects and dead letters, fenced by compare-and-set.

The stored offset is the truth; Kafka's committed offset is for lag tools only. A batch that another owner has already
taken further changes nothing; a batch that met an outage is applied again when the outage is over.
"""
# pyright: reportMissingTypeStubs=false

import asyncio
import contextlib
import copy
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, Generic, cast

import asyncpg
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage

from shared import tracing
from shared.delivery import measures
from shared.delivery.batches import JOINED, SMALL, Batch, BatchReader, place
from shared.delivery.dead_letters import Bound, Dead, Record, store
from shared.delivery.subscription import Content, Read, Subscription
from shared.postgres import ATTEMPTS, CONFLICTS, OUTAGES, Connection, Pool
from shared.security import Sealer
from shared.settings import Settings

log = logging.getLogger(__name__)

AHEAD = 2
"""Batches in hand: while one waits for PostgreSQL, the next is decoded and the one after it fetched."""
MORE_MS = 10
"""How long a small batch is held open for what has come since. The fetcher asks nothing more of a partition of which it
holds a record: what it held is as old as the end of the batch before, and the rest is one fetch away."""
HELD = 0.5
"""Seconds that a batch of which more waits is held for it, once the one before is done: the broker may be gone."""
BACKOFF = 1.0
HEARTBEAT = 1.0
FEW = 20
"""Records that are told of each by itself in the log."""
BREAKS = 3
"""How often the connection may break while a batch is applied until each of its records is applied in a transaction of its
own: then the offset stands at the one by which it breaks."""
STALLED_AFTER = 30.0
"""Seconds without a record, though there are some, that count as a problem."""


class Fenced(Exception):
    """The stored offset is not what this worker last read or wrote: another owner went on."""


@dataclass
class _LinedUp(Generic[Content]):
    """A batch that waits for the one before it, and until ``closed`` for more to be joined to it."""

    batch: Batch[Content]
    closed: asyncio.Event = field(default_factory=asyncio.Event)


class Consumer(ConsumerRebalanceListener, Generic[Content]):
    """Runs one subscription of one service. ``problems`` says why it does not go on, for readiness."""

    def __init__(self, subscription: Subscription[Content], pool: Pool, settings: Settings, service: str) -> None:
        self._subscription = subscription
        self._pool = pool
        self._settings = settings
        self._service = service
        self._group = f"{settings.topic_prefix}qingsheng.{service}"
        self._sealer = Sealer(settings.secret_key.get_secret_value(), "dead-letter") if subscription.sealed else None
        self._reader = BatchReader(subscription, settings, self._group)
        self._failures: dict[str, Bound] = {}
        """By topic: of records that were applied one by one, those that failed. As of the last commit."""
        self._next: dict[TopicPartition, int] = {}
        """Stored offset of each partition that is owned and was sought: what this worker last read or wrote."""
        self._follow: dict[TopicPartition, int] = {}
        """What is to be read next: ahead of the stored offset while a batch is being applied."""
        self._doubted: dict[TopicPartition, int] = {}
        """Where a gap was met once; a gap is believed only after a second look."""
        self._paused_topics: set[str] = set()
        self._standing: dict[tuple[TopicPartition, int], float] = {}
        """Since when a partition has stood at an offset although there is more to read."""
        self._course = 0
        """Grows whenever partitions change hands or are sought anew: what was read on an earlier course is dropped."""
        self._applying: list[asyncio.Task[None]] = []
        """The batch that is being applied, and those decoded behind it."""
        self._lined_up: _LinedUp[Content] | None = None
        """The last of them, while more may be joined to it."""
        self._failed: dict[TopicPartition, int] = {}
        """Up to where a block could not be applied: up to there each record is read by itself."""
        self._under_way = False
        """Whether the effects of a batch are being made, its offset already moved within the transaction."""
        self._trouble: dict[str, str] = {}
        self._taking_up: asyncio.Task[None] | None = None
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
            max_partition_fetch_bytes=3 * 1024 * 1024,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=300,
            # Above the worst batch, so that a rebalance waits for it rather than throwing its work away.
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=15 * 60_000,
        )
        self._subscriber(self._handle)

    @property
    def _consumer(self) -> Any:
        return self._subscriber.consumer

    @property
    def problems(self) -> list[str]:
        paused = [f"{topic}: paused, too many invalid records" for topic in sorted(self._paused_topics)]
        stalled = [
            f"{place.topic}-{place.partition}: offset {offset} cannot be read: its codec, its headers or the right to it"
            for (place, offset), since in sorted(self._standing.items())
            if time.monotonic() - since > STALLED_AFTER
        ]
        return [*self._trouble.values(), *paused, *stalled]

    # -- assignment --------------------------------------------------------------------------------------------------

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]  # may be a coroutine, as documented
        self, revoked: Sequence[TopicPartition]
    ) -> None:
        """Lets the batch in hand end, so that the next owner finds it done."""
        self._change_course({})
        await self.drain()

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Sequence[TopicPartition]
    ) -> None:
        """Pause, read the stored offsets, seek, resume: nothing is handled before the seek."""
        self._change_course({})
        self._failed.clear()
        self._trouble.clear()
        if assigned:
            self._consumer.pause(*assigned)
            # Retried in the background: a database that is away must not hold up the group.
            self._taking_up = asyncio.get_running_loop().create_task(self._take_up(list(assigned), self._course))

    def _change_course(self, offsets: dict[TopicPartition, int]) -> None:
        self._course += 1
        if self._lined_up is not None:
            self._lined_up.closed.set()
            self._lined_up = None
        self._next = offsets
        self._follow = dict(offsets)
        self._doubted.clear()

    def finish(self) -> None:
        """Nothing more is taken up; the batch in hand is not tried again."""
        self._change_course({})

    async def drain(self) -> None:
        """Waits for the batches in hand, of which only the first is applied when the course has changed."""
        while self._applying:
            await asyncio.wait(self._applying)

    def abandon(self) -> None:
        """The batches in hand are rolled back."""
        for task in self._applying:
            task.cancel()

    async def _take_up(self, partitions: list[TopicPartition], course: int) -> None:
        # Without a consumer the worker is closing: a rebalance came in between.
        while course == self._course and self._consumer is not None:
            try:
                await self._seek(partitions, course)
                self._trouble.pop("offsets", None)
                return
            except Exception as error:  # whatever it is: else the partitions would stay paused, and nobody would know
                self._trouble["offsets"] = f"{self._subscription.topic}: offsets cannot be read: {type(error).__name__}"
                log.warning("%s: %s", self._group, self._trouble["offsets"])
                await asyncio.sleep(BACKOFF)

    async def _seek(self, partitions: list[TopicPartition], course: int) -> None:
        stored, paused = await self._stored(partitions)
        if course != self._course:
            return
        beginnings, ends = cast(
            list[dict[TopicPartition, int]],
            await asyncio.gather(self._consumer.beginning_offsets(partitions), self._consumer.end_offsets(partitions)),
        )
        if course != self._course:
            return
        self._paused_topics |= paused
        sought = dict(self._next)
        for partition in partitions:
            sought.pop(partition, None)
            offset = stored[partition]
            key = f"{partition.topic}-{partition.partition}"
            self._trouble.pop(key, None)
            if offset > ends[partition]:
                # Resetting silently would hide that the topic was made anew, or the database is of another cluster.
                self._trouble[key] = (
                    f"{key}: stored offset {offset} lies beyond the topic's end {ends[partition]}: the topic was made "
                    "anew, or this database belongs to another cluster; mend consumer_offset before it is read"
                )
                log.error("%s: %s", self._group, self._trouble[key])
                self._consumer.pause(partition)
                continue
            if 0 < offset < beginnings[partition]:
                log.error("%s: %s: records %d to %d are gone", self._group, key, offset, beginnings[partition])
            self._consumer.seek(partition, max(offset, beginnings[partition]))
            sought[partition] = offset
            if partition.topic in self._paused_topics:
                self._consumer.pause(partition)
            else:
                self._consumer.resume(partition)
        for partition, offset in sought.items():
            # Batches of other partitions that have not begun are dropped with the course. They are read again at once: no
            # further record may come to show the gap.
            if partition not in partitions and self._follow.get(partition) != offset:
                self._consumer.seek(partition, offset)
        waiting = sum(ends[partition] - sought[partition] for partition in partitions if partition in sought)
        told = {"topic": partitions[0].topic, "partitions": len(partitions), "waiting": waiting}
        log.info("%s: reads on from where it stood", self._group, extra=told)
        self._change_course(sought)

    async def _stored(self, partitions: Sequence[TopicPartition]) -> tuple[dict[TopicPartition, int], set[str]]:
        """Stored offsets, making the rows of partitions never seen before; and which of their topics are paused."""
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
                paused = await connection.fetch(
                    "select topic from consumer_pause where topic = any($1::text[])", [p.topic for p in wanted]
                )
        offsets = {TopicPartition(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return offsets, {row["topic"] for row in paused}

    # -- a batch -----------------------------------------------------------------------------------------------------

    async def _handle(self, records: tuple[Record, ...]) -> None:
        """Decodes a batch while those before are being applied, then has it applied after them. Never raises."""
        if len(records) < SMALL:
            records = (*records, *await self._more())
        course = self._course
        by_topic: dict[str, list[Record]] = {}
        for record in self._expected(records):
            by_topic.setdefault(record.topic, []).append(record)
        for records_of_topic in by_topic.values():
            batch = await self._reader.read(records_of_topic, one_by_one=self._is_read_again(records_of_topic))
            if not batch.passes_bound:
                self._read_later(records_of_topic[batch.count :], course)
            await self._line_up(batch, course)
        if len(records) < SMALL:
            # The next one waits for the end of this one in the fetcher, and grows meanwhile, rather than being lined up
            # behind it as small. That is what keeps events fresh.
            await self.drain()

    def _read_later(self, records: Sequence[Record], course: int) -> None:
        """What was left out of a batch is asked for again: other topics come first."""
        if course != self._course:
            return
        first = {TopicPartition(record.topic, record.partition): record.offset for record in reversed(records)}
        for partition, offset in first.items():
            self._follow[partition] = offset
            self._consumer.seek(partition, offset)

    def _is_read_again(self, records: Sequence[Record]) -> bool:
        first = {record.partition: record.offset for record in reversed(records)}
        topic = records[0].topic
        return any(offset < self._failed.get(TopicPartition(topic, number), 0) for number, offset in first.items())

    async def _line_up(self, batch: Batch[Content], course: int) -> None:
        """Behind those in hand, or joined to the last of them if that has not begun."""
        if course != self._course:
            return
        bulk, last = self._subscription.bulk, self._lined_up
        together = last.batch.joined(batch, bulk, self._subscription.max_records) if last and bulk else None
        if last is not None and together is not None:
            last.batch = together
        else:
            if last is not None:
                last.closed.set()
            while len(self._applying) >= AHEAD:
                await asyncio.wait(self._applying, return_when=asyncio.FIRST_COMPLETED)
            if course != self._course:
                return
            before = self._applying[-1] if self._applying else None
            last = self._lined_up = _LinedUp(batch)
            task = asyncio.get_running_loop().create_task(self._persist_after(before, last, course))
            task.add_done_callback(self._applying.remove)
            self._applying.append(task)
        if not self._is_held(last.batch, batch):
            last.closed.set()

    def _is_held(self, batch: Batch[Content], latest: Batch[Content]) -> bool:
        """Whether a batch waits for more to be joined to it: when it has a block, and the broker has more."""
        return (
            batch.block is not None
            and latest.count >= SMALL
            and batch.count < JOINED
            and any(self._left(partition, offset) for partition, offset in self._follow.items())
        )

    async def _more(self) -> list[Record]:
        """What has come since the fetcher last asked; its errors are told by its next call."""
        consumer = self._consumer
        if consumer is None:  # the worker is closing
            return []
        with contextlib.suppress(KafkaError, ConsumerStoppedError):
            found = await consumer.getmany(timeout_ms=MORE_MS, max_records=self._subscription.max_records)
            return list(chain.from_iterable(found.values()))
        return []

    def _expected(self, records: Sequence[Record]) -> list[Record]:
        """The records that follow what was read: without those read before, nor those behind an unproved gap."""
        batch: list[Record] = []
        for (topic, number), run in groupby(records, key=attrgetter("topic", "partition")):
            partition = TopicPartition(topic, number)
            following = self._following(partition, list(run))
            if following:
                batch += following
                self._follow[partition] = following[-1].offset + 1
        return batch

    def _following(self, partition: TopicPartition, run: list[Record]) -> list[Record]:
        expected = self._follow.get(partition)
        if expected is None:  # fetched before the seek
            return []
        if run[0].offset > expected and self._doubted.get(partition) != expected:
            # Offsets may have gaps, but a stale fetch looks the same: ask once more from where we stand.
            self._doubted[partition] = expected
            self._consumer.seek(partition, expected)
            return []
        return run if run[0].offset >= expected else [record for record in run if record.offset >= expected]

    async def _persist_after(
        self, before: "asyncio.Task[None] | None", lined: "_LinedUp[Content]", course: int
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(lined.closed.wait(), HELD)
        if self._lined_up is lined:
            self._lined_up = None
        await self._persist(lined.batch, course)

    async def _persist(self, batch: Batch[Content], course: int) -> None:
        """Applies a batch, for as long as it takes and its course is kept. Never raises."""
        one_by_one = False
        conflicts = breaks = 0
        while course == self._course:
            try:
                await self._apply(batch, course, one_by_one=one_by_one)
                self._trouble.pop("apply", None)
                return
            except Fenced:
                log.warning("%s: fenced; another owner went on", self._group)
                await self._take_up(sorted(batch.ends), course)
                return
            except (*OUTAGES, KafkaError) as error:
                breaks += self._under_way
                self._trouble["apply"] = f"{self._subscription.topic}: waiting: {type(error).__name__}"
                if breaks >= BREAKS:
                    if batch.block is not None:
                        await self._read_again(batch, course)
                        return
                    if batch.count > 1:
                        for single in batch.singles():
                            await self._persist(single, course)
                        return
                    [(at, end)] = batch.ends.items()
                    self._trouble["apply"] = (
                        f"{at.topic}-{at.partition}: offset {end - 1} breaks its transaction each time, "
                        f"{type(error).__name__}: 'qingsheng dlq skip' sets it aside"
                    )
                log.warning("%s: %s: %s", self._group, self._trouble["apply"], error)
                await asyncio.sleep(BACKOFF)
            except Exception as error:
                # What conflicts every time does not do so with another transaction.
                if isinstance(error, CONFLICTS) and conflicts < ATTEMPTS:
                    conflicts += 1
                    await asyncio.sleep(0.01)
                    continue
                if batch.block is not None:
                    log.warning(
                        "%s: a block cannot be applied, its records are read again", self._group, exc_info=error
                    )
                    await self._read_again(batch, course)
                    return
                if one_by_one:
                    self._trouble["apply"] = f"{self._subscription.topic}: failing: {type(error).__name__}"
                    log.exception("%s: a batch cannot be applied", self._group)
                    await asyncio.sleep(BACKOFF)
                one_by_one = True

    async def _read_again(self, batch: Batch[Content], course: int) -> None:
        """A block cannot be applied: its records are read again, each by itself."""
        self._failed.update(batch.ends)
        await self._take_up(sorted(batch.ends), course)

    async def _apply(self, batch: Batch[Content], course: int, *, one_by_one: bool) -> None:
        self._under_way = False
        ends = batch.ends
        failures = self._failures.setdefault(batch.topic, self._reader.new_bound())
        if one_by_one:
            failures = copy.deepcopy(failures)  # an attempt that is rolled back leaves no trace
        starts = {partition: self._next[partition] for partition in ends if partition in self._next}
        if starts.keys() != ends.keys():
            return
        began = time.perf_counter()
        async with self._pool.acquire(timeout=self._settings.database_timeout) as connection:
            async with connection.transaction():
                dead = batch.dead
                if self._subscription.only_projects and not dead:
                    await connection.execute("set local synchronous_commit = off")
                latest = await self._advance(connection, starts, batch)
                self._under_way = True
                if one_by_one:
                    dead = [*dead, *await self._apply_singly(connection, batch, failures)]
                elif batch.block is not None and self._subscription.bulk is not None:
                    await self._subscription.bulk.apply(connection, batch.block, batch.contents)
                elif batch.contents:
                    await self._subscription.apply(connection, batch.contents)
                if dead:
                    await store(connection, dead, self._sealer)
                if batch.passes_bound:
                    share, window = self._settings.dead_letter_share, self._settings.dead_letter_window
                    await connection.execute(
                        "insert into consumer_pause (topic, reason) values ($1, $2) on conflict do nothing",
                        batch.topic,
                        f"more than {share:.0%} of the last {window} records are invalid",
                    )
        if not one_by_one:
            failures.took_valid(batch.count)
        self._failures[batch.topic] = failures
        measures.of_batch(self._service, batch.count, began, latest)
        self._tell(batch, dead)
        if course != self._course:
            return  # sought anew meanwhile: the fence will tell how far this batch came
        self._next.update(ends)
        if batch.passes_bound:
            self._pause(batch.topic)

    def _tell(self, batch: Batch[Content], dead: Sequence[Dead]) -> None:
        """A log line for the batch; where few came, as when people are at work, with the traces they belong to."""
        told: dict[str, object] = {"topic": batch.topic, "records": batch.count}
        if batch.count <= FEW:
            told["trace_ids"] = sorted({trace for r in batch.records if (trace := tracing.of_record(r.value))})
        log.info("%s: applied", self._group, extra=told)
        for letter in dead[:FEW]:
            log.warning(
                "%s: a record is a dead letter", self._group, extra={"reason": letter.reason, **place(letter.record)}
            )
        if len(dead) > FEW:
            log.warning("%s: and %d more records are dead letters", self._group, len(dead) - FEW)

    async def _advance(
        self, connection: Connection, starts: dict[TopicPartition, int], batch: Batch[Content]
    ) -> datetime | None:
        """The fence: raises Fenced unless every offset still stands where this worker left it, and may be moved. Returns
        when the latest of the batch was recorded."""
        partitions = sorted(starts)
        latest = batch.latest(self._subscription)
        status = await connection.execute(
            """update consumer_offset o
               set next_offset = d.next, recorded_until = greatest(o.recorded_until, d.recorded)
               from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::timestamptz[])
                    as d (topic, "partition", start, next, recorded)
               where o.topic = d.topic and o."partition" = d."partition" and o.next_offset = d.start
                 and not exists (select from consumer_pause p where p.topic = o.topic)""",
            [p.topic for p in partitions],
            [p.partition for p in partitions],
            [starts[p] for p in partitions],
            [batch.ends[p] for p in partitions],
            [latest.get(p.partition) for p in partitions],
        )
        if int(status.split()[-1]) != len(partitions):
            raise Fenced
        return max(latest.values(), default=None)

    async def _apply_singly(self, connection: Connection, batch: Batch[Content], failures: Bound) -> list[Dead]:
        """After a batch failed as a whole: each record by itself, so that one hurts no other. Raises when the share that
        fails passes the bound: then it is the reader that is broken, and its records are no dead letters."""
        records = {(record.partition, record.offset): record for record in batch.records}
        dead: list[Dead] = []
        for read in batch.contents:
            error = await self._failure(connection, read)
            if error is not None:
                log.error(
                    "%s: a record cannot be applied",
                    self._group,
                    exc_info=None if dead else error,
                    extra=place(records[read.partition, read.offset]),
                )
                dead.append(Dead(records[read.partition, read.offset], "cannot_apply", type(error).__name__))
            if failures.passed_after([error is not None]):
                raise RuntimeError("too many records cannot be applied") from error
        return dead

    async def _failure(self, connection: Connection, read: Read[Content]) -> Exception | None:
        """Applies one record in a savepoint. Returns what is wrong with it, if anything."""
        taken: asyncpg.UniqueViolationError | None = None
        for _ in range(2):
            try:
                async with connection.transaction():
                    await self._subscription.apply(connection, [read])
                return None
            except asyncpg.UniqueViolationError as error:
                taken = error  # the second look would see what another transaction has committed
            except (*OUTAGES, *CONFLICTS):
                raise
            except Exception as error:
                return error
        return taken

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
        # As it stood at one moment: partitions may be taken away while the database is waited for.
        course, stood = self._course, dict(self._next)
        applied = sorted(stood)
        caught_up = [p for p in applied if self._left(p, stood[p]) == 0]
        asked_at = {partition: self._consumer.last_poll_timestamp(partition) or 0 for partition in caught_up}
        async with self._pool.acquire(timeout=self._settings.database_timeout) as connection:
            if caught_up:
                await connection.execute(
                    # When the broker was last asked: long ago where it is away, or the topic is paused.
                    """update consumer_offset o set caught_up_at = now() - make_interval(secs => d.ago)
                       from unnest($1::text[], $2::int[], $3::bigint[], $4::float[]) as d (topic, "partition", next, ago)
                       where o.topic = d.topic and o."partition" = d."partition" and o.next_offset = d.next""",
                    [p.topic for p in caught_up],
                    [p.partition for p in caught_up],
                    [stood[p] for p in caught_up],
                    [max(0.0, time.time() - asked_at[p] / 1000) for p in caught_up],
                )
            gone_back = await connection.fetch(
                """select o.topic, o."partition" from consumer_offset o
                   join unnest($1::text[], $2::int[], $3::bigint[]) as d (topic, "partition", next)
                     on o.topic = d.topic and o."partition" = d."partition" where o.next_offset < d.next""",
                [p.topic for p in applied],
                [p.partition for p in applied],
                [stood[p] for p in applied],
            )
            paused = {row["topic"] for row in await connection.fetch("select topic from consumer_pause")}
        await self._follow_pauses(paused)
        if gone_back:
            # A commit that PostgreSQL lost when it crashed, or an older database: what comes next would show it, but may
            # not come for a long time.
            places = sorted(TopicPartition(*row) for row in gone_back)
            log.warning(
                "%s: stored offsets went back, read again: %s",
                self._group,
                [f"{p.topic}-{p.partition}" for p in places],
            )
            await self._take_up(places, course)
        await self._look_at_ends()
        self._look_for_stalls()
        if self._next:
            await self._consumer.commit({partition: (offset, "") for partition, offset in self._next.items()})

    async def _look_at_ends(self) -> None:
        """An end that lies before what was applied: aiokafka would read a topic made anew from its beginning."""
        behind = [p for p, offset in self._next.items() if (self._consumer.highwater(p) or offset) < offset]
        if behind:
            await self._take_up(sorted(behind), self._course)

    def _look_for_stalls(self) -> None:
        """Notes since when nothing has come of a partition that has more: FastStream tells nobody why."""
        now = time.monotonic()
        applying = bool(self._applying)
        self._standing = {
            (partition, offset): self._standing.get((partition, offset), now)
            for partition, offset in self._next.items()
            if self._left(partition, offset) and not applying and partition.topic not in self._paused_topics
        }

    async def _follow_pauses(self, paused: set[str]) -> None:
        for topic in paused - self._paused_topics:
            self._pause(topic)
        for topic in self._paused_topics - paused:
            self._paused_topics.discard(topic)
            self._reader.forget(topic)
            self._consumer.resume(*(partition for partition in self._next if partition.topic == topic))

    def _pause(self, topic: str) -> None:
        mine = [partition for partition in self._next if partition.topic == topic]
        if not mine:
            return
        self._paused_topics.add(topic)
        self._consumer.pause(*mine)
        # What was fetched but not applied is read again: of this topic after the pause, of others at once.
        for partition, offset in self._next.items():
            self._consumer.seek(partition, offset)
        self._change_course(dict(self._next))
        log.error(
            "%s: %s is paused, too many invalid records; 'qingsheng dlq list', then 'dlq resume'", self._group, topic
        )

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


async def _keep_raw(message: tuple[Record, ...]) -> KafkaMessage:
    """FastStream's own parser decodes headers and can raise, which would lose the whole batch; this one cannot."""
    return KafkaMessage(
        body=b"", raw_message=cast(Any, message), headers={}, message_id="", correlation_id="", consumer=cast(Any, None)
    )


async def _raw(message: KafkaMessage) -> Any:
    return message.raw_message
