"""Worker: the background half of a service: consumers, relay, settling of parked reports, housekeeping, heartbeat."""
# pyright: reportMissingTypeStubs=false

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from shared.clock import Clock
from shared.delivery import parking
from shared.delivery.broker import admin, connection_options, create_broker
from shared.delivery.consuming import Consumer
from shared.delivery.dead_letters import erase_old
from shared.delivery.intake import Door
from shared.delivery.relay import Relay
from shared.delivery.subscription import Subscription
from shared.postgres import CONFLICTS, OUTAGES, Connection, Pool, connect, in_transaction, open_pool
from shared.settings import Settings

log = logging.getLogger(__name__)

HEARTBEAT = 1.0
HOUSEKEEPING = 3600.0
RETRY = 1.0
FINISHING = 10.0
"""Seconds that a worker which is told to end gives the batches in hand. Those that are not done then are rolled back."""
CLOSING = 2.0
Job = Callable[[Connection], Awaitable[object]]


class Worker:
    """Everything one service does in the background. ``jobs`` run hourly, each in a transaction."""

    def __init__(
        self,
        service: str,
        settings: Settings,
        subscriptions: Callable[[Clock], Sequence[Subscription[Any]]],
        *,
        door: Door | None = None,
        jobs: Sequence[Job] = (),
    ) -> None:
        self.service = service
        self._id = uuid4()
        self._settings = settings
        self._clock = Clock(settings.zone, settings.story_mode)
        self.subscriptions = subscriptions(self._clock)
        self._door = door
        self._jobs = [*jobs, erase_old, _forget_old_keys, *([_forget_old_requests] if door else [])]
        self._relay = Relay(settings, service)
        self._consumers: list[Consumer[Any]] = []
        self._parked_wake = asyncio.Event()
        self._trouble: str | None = None

    async def run(self) -> None:
        """Until cancelled; then the batch in hand is finished, and what is not acknowledged stays in the outbox."""
        pool = await open_pool(self._settings, self.service)
        try:
            self._consumers = [Consumer(s, pool, self._settings, self.service) for s in self.subscriptions]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._consume())
                tasks.create_task(self._relay.run())
                for consumer in self._consumers:
                    tasks.create_task(consumer.watch())
                tasks.create_task(self._beat(pool))
                tasks.create_task(self._keep_house(pool))
                if self._door:
                    tasks.create_task(self._settle_parked(pool, self._door))
        finally:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pool.close(), CLOSING)

    @property
    def problems(self) -> list[str]:
        own = [self._trouble, self._relay.problem]
        return [problem for problem in own if problem] + [p for c in self._consumers for p in c.problems]

    async def _consume(self) -> None:
        """Starts the broker, again while Kafka is away; once started its consumers find back by themselves."""
        if not self._consumers:
            return
        while True:
            # A broker each, so that all start at once: consumers that join their group one after the other would make it
            # deal the partitions out anew each time.
            brokers = [create_broker(self._settings, f"qingsheng-{self.service}") for _ in self._consumers]
            for consumer, broker in zip(self._consumers, brokers, strict=True):
                consumer.attach(broker)
            try:
                await asyncio.gather(*(broker.start() for broker in brokers))
                self._trouble = None
                await asyncio.Event().wait()
            except (KafkaError, OSError) as error:
                self._trouble = f"broker: {type(error).__name__}"
                log.warning("%s: the broker cannot be reached: %s", self.service, error)
                await asyncio.sleep(RETRY)
            finally:
                await self._finish(brokers)

    async def _finish(self, brokers: Sequence[KafkaBroker]) -> None:
        """Lets the batches in hand end and the group go, within ``FINISHING`` seconds."""

        async def stop(broker: KafkaBroker) -> None:
            with contextlib.suppress(KafkaError, OSError):
                await broker.stop()

        for consumer in self._consumers:
            consumer.finish()
        try:
            async with asyncio.timeout(FINISHING):
                await asyncio.gather(*(stop(broker) for broker in brokers))
                for consumer in self._consumers:
                    await consumer.drain()
        except TimeoutError:
            log.warning("%s: a batch was not done in time; it is rolled back, and read again", self.service)
            for consumer in self._consumers:
                consumer.abandon()

    async def _beat(self, pool: Pool) -> None:
        while True:
            with contextlib.suppress(*OUTAGES, asyncpg.PostgresError):
                async with pool.acquire(timeout=self._settings.database_timeout) as connection:
                    await connection.execute(
                        """with gone as (delete from worker_state where at < now() - interval '1 hour')
                           insert into worker_state (worker, at, problems, lag) values ($1, now(), $2, $3)
                           on conflict (worker) do update
                           set at = excluded.at, problems = excluded.problems, lag = excluded.lag""",
                        self._id,
                        self.problems,
                        sum(consumer.lag for consumer in self._consumers),
                    )
            await asyncio.sleep(HEARTBEAT)

    async def _keep_house(self, pool: Pool) -> None:
        while True:
            for job in self._jobs:
                try:
                    await in_transaction(pool, job)
                except (*OUTAGES, *CONFLICTS, asyncpg.PostgresError):
                    log.warning("%s: housekeeping put off", self.service, exc_info=True)
            await asyncio.sleep(HOUSEKEEPING)

    # -- parked reports ----------------------------------------------------------------------------------------------

    async def _settle_parked(self, pool: Pool, door: Door) -> None:
        """Woken when something parked reports wait for has come, with a slow look behind it."""
        while True:
            try:
                async with self._listening():
                    while True:
                        self._parked_wake.clear()
                        await self._tend_clocks(pool)
                        while await in_transaction(pool, lambda c: door.settle(c, self._settings.parking_seconds)):
                            pass
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._parked_wake.wait(), 1.0)
            except (*OUTAGES, *CONFLICTS, asyncpg.PostgresError, KafkaError) as error:
                log.warning("%s: parked reports wait: %s", self.service, type(error).__name__)
                await asyncio.sleep(RETRY)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncGenerator[None]:
        connection = await connect(self._settings)
        try:
            await connection.add_listener(f"{self.service}_parked", lambda *_: self._parked_wake.set())
            yield
        finally:
            connection.terminate()

    async def _tend_clocks(self, pool: Pool) -> None:
        """Notes where awaited topics stood at parking, and starts the clocks of those read up to there."""

        async def awaited(connection: Connection) -> list[str]:
            return await parking.topics_to_note(connection)

        topics = await in_transaction(pool, awaited)
        ends = await self._ends(topics) if topics else {}

        async def note(connection: Connection) -> None:
            await parking.note_ends(connection, ends)
            await parking.start_clocks(connection)

        await in_transaction(pool, note)

    async def _ends(self, topics: Sequence[str]) -> dict[str, dict[str, dict[int, int]]]:
        """Present ends by awaited topic, which may stand for many: ``intake`` is every intake topic of this service."""
        async with admin(self._settings) as client:
            known: list[str] = await client.list_topics()
        stands_for: dict[str, str] = {}
        for awaited in topics:
            name = self._settings.topic_prefix + awaited
            many = awaited.endswith(".")
            stands_for |= {topic: awaited for topic in known if topic == name or (many and topic.startswith(name))}
        ends: dict[str, dict[str, dict[int, int]]] = {awaited: {} for awaited in topics}
        if not stands_for:
            return ends
        # Without a group a consumer gets all partitions of the topics it names; of others it would know none.
        consumer: Any = AIOKafkaConsumer(*stands_for, **connection_options(self._settings))
        await consumer.start()
        try:
            for partition, end in (await consumer.end_offsets(consumer.assignment())).items():
                ends[stands_for[partition.topic]].setdefault(partition.topic, {})[partition.partition] = end
        finally:
            await consumer.stop()
        return ends


async def _forget_old_keys(connection: Connection) -> None:
    await connection.execute("delete from idempotency_key where at < now() - interval '7 days'")


async def _forget_old_requests(connection: Connection) -> None:
    """Reports are remembered 400 days; one still waiting is not forgotten."""
    await connection.execute("delete from intake_request where at < now() - interval '400 days' and answer is not null")
    await connection.execute("delete from intake_aside where at < now() - interval '400 days'")
