"""Relay: brings committed outbox rows to Kafka, at least once. One is active per service, by a lease."""
# pyright: reportMissingTypeStubs=false

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from aiokafka.errors import InvalidTopicError, KafkaError, TopicAuthorizationFailedError

from shared.contracts.topics import events_topic
from shared.delivery.broker import SEND_TIMEOUT, create_producer
from shared.delivery.own_topic import OF_OUTBOX, compare, note_published
from shared.locks import Family, lease
from shared.postgres import OUTAGES, Connection, connect, role_of
from shared.settings import Settings

log = logging.getLogger(__name__)

CHUNK = 2_000
LEASE = 15.0
"""Seconds of silence after which PostgreSQL ends the session of a relay, and with it the lease. Above SEND_TIMEOUT."""
POLL = 1.0
"""Slow poll behind LISTEN/NOTIFY; also the ping that keeps the lease."""
ABANDON = 60.0
"""A send unknown for so long is given up with its producer, and made again by a new one."""
HELD_UP = 10.0
"""Seconds until a topic that took nothing is tried again; the others are served meanwhile."""
OF_A_TOPIC = (TopicAuthorizationFailedError, InvalidTopicError)
"""What a producer says of one topic, and cannot mend by trying again; all else that it cannot mend is about itself."""


class Relay:
    """Sends the outbox of one service's schema. ``problem`` says why it does not, for readiness."""

    def __init__(self, settings: Settings, service: str, *, lease: float = LEASE) -> None:
        self._settings = settings
        self._service = service
        self._lease = lease
        self._wake = asyncio.Event()
        self._unknown: dict[int, asyncio.Future[Any]] = {}
        self._held_up: dict[str, float] = {}
        """Topics that take nothing, and when each is tried again."""
        self._silent_since: float | None = None
        self._trouble: str | None = None
        self.active = False

    @property
    def problem(self) -> str | None:
        topics = ", ".join(self._settings.topic_prefix + topic for topic in sorted(self._held_up))
        return self._trouble or (f"relay: cannot send to {topics}" if topics else None)

    async def run(self) -> None:
        """Until cancelled. Outages of either side are waited out; another relay that holds the lease is waited for."""
        while True:
            try:
                async with self._leased() as connection:
                    if connection is None:
                        self._trouble = None
                        await asyncio.sleep(POLL)
                        continue
                    self.active = True
                    await self._serve(connection)
            except (*OUTAGES, asyncpg.PostgresError, KafkaError) as error:
                self._trouble = f"relay: {type(error).__name__}"
                log.warning("relay of %s waits: %s: %s", self._service, type(error).__name__, error)
                await asyncio.sleep(POLL)
            finally:
                self.active = False

    @asynccontextmanager
    async def _leased(self) -> AsyncGenerator[Connection | None]:
        """A session that holds the lease; None where another relay has it. PostgreSQL ends it when the relay falls silent."""
        connection = await connect(
            self._settings,
            command_timeout=self._lease,
            search_path=self._service,
            role=role_of(self._service),
            application_name=f"qingsheng-{self._service}-relay",
            idle_session_timeout=str(int(self._lease * 1000)),
            transaction_timeout=str(int(self._lease * 1000)),
        )
        try:
            held = await lease(connection, Family.RELAY)
            if held:
                await connection.add_listener(f"{self._service}_outbox", self._woken)
            yield connection if held else None
        finally:
            connection.terminate()

    def _woken(self, *_: object) -> None:
        self._wake.set()

    async def _serve(self, connection: Connection) -> None:
        producer: Any = create_producer(self._settings, request_timeout=SEND_TIMEOUT)
        try:
            await asyncio.wait_for(producer.start(), SEND_TIMEOUT * 2)
            await self._compare(connection)
            while True:
                self._wake.clear()
                sent = await self._send_chunk(connection, producer)
                if not sent and not self._unknown:
                    self._trouble = None
                    await self._nap()
        finally:
            # What is still unknown stays in the outbox, and is sent again: copies are allowed, losses are not.
            self._unknown.clear()
            await _close(producer)

    async def _compare(self, connection: Connection) -> None:
        """Before anything is sent: does this database know what was published? If not, waits until it is reconciled."""
        if not await connection.fetchval("select exists (select from behind)"):
            try:
                compared = await compare(connection, self._settings, self._service)
            except TopicAuthorizationFailedError:
                log.error(
                    "relay of %s may not read its own topic: it cannot see whether the database is behind",
                    self._service,
                )
                return
            if compared.unknown:
                await connection.execute(
                    "insert into behind (events) values ($1) on conflict do nothing", len(compared.unknown)
                )
            else:
                topic = self._settings.topic_prefix + events_topic(self._service)
                await note_published(connection, {(topic, number): end for number, end in compared.ends.items()})
        while events := await connection.fetchval("select events from behind"):
            self._trouble = (
                f"relay: this database lacks {events} events that {self._service} has published, as after an older backup: "
                f"put the newer one back, or 'qingsheng reconcile {self._service}'"
            )
            await asyncio.sleep(POLL)
        self._trouble = None

    async def _nap(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), POLL)

    async def _send_chunk(self, connection: Connection, producer: Any) -> int:
        """Sends what is committed and not under way, deletes what was acknowledged. Returns the rows deleted."""
        now = asyncio.get_running_loop().time()
        rows = await connection.fetch(
            """select id, topic, key, value from outbox
               where id <> all($1::bigint[]) and topic <> all($2::text[]) order by id limit $3""",
            list(self._unknown),
            [topic for topic, until in self._held_up.items() if until > now],
            CHUNK,
        )
        by_topic: dict[str, list[Any]] = {}
        for row in rows:
            by_topic.setdefault(row["topic"], []).append(row)
        await asyncio.gather(*(self._hand_over(producer, topic, part) for topic, part in by_topic.items()))
        # Those that were tried again and took everything are held up no longer.
        self._held_up = {topic: until for topic, until in self._held_up.items() if until > now}
        return await self._settle(connection)

    async def _hand_over(self, producer: Any, topic: str, rows: Sequence[Any]) -> None:
        """Gives one topic's rows to the producer in order; a topic that does not answer holds up no other."""
        name = self._settings.topic_prefix + topic
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                for row in rows:
                    self._unknown[row["id"]] = await producer.send(
                        name, value=row["value"], key=row["key"].encode(), headers=[(OF_OUTBOX, b"%d" % row["id"])]
                    )
        except (TimeoutError, KafkaError) as error:
            self._held_up[topic] = asyncio.get_running_loop().time() + HELD_UP
            log.warning("relay of %s cannot send to %s: %s", self._service, name, type(error).__name__)
            if isinstance(error, KafkaError) and not (error.retriable or isinstance(error, OF_A_TOPIC)):
                raise

    async def _settle(self, connection: Connection) -> int:
        if not self._unknown:
            return 0
        await asyncio.wait(self._unknown.values(), timeout=SEND_TIMEOUT)
        done = {id: future for id, future in self._unknown.items() if future.done()}
        failed = [future.exception() for future in done.values() if future.exception()]
        acknowledged = [id for id, future in done.items() if not future.exception()]
        if acknowledged:
            await self._forget(connection, acknowledged, _reached([done[id].result() for id in acknowledged]))
            self._trouble = None
        for id in done:
            del self._unknown[id]
        if failed:
            # Whatever it was (out of order, fenced, too old): a new producer starts clean, and the rows are still here.
            raise failed[0] if isinstance(failed[0], KafkaError) else KafkaError(repr(failed[0]))
        self._watch_silence(silent=not done)
        return len(acknowledged)

    def _watch_silence(self, *, silent: bool) -> None:
        now = asyncio.get_running_loop().time()
        if not silent:
            self._silent_since = None
            return
        self._trouble = "relay: the broker does not acknowledge"
        self._silent_since = self._silent_since or now
        if now - self._silent_since > ABANDON:
            self._silent_since = None
            raise KafkaError("no acknowledgement: giving the producer up")

    async def _forget(self, connection: Connection, ids: Sequence[int], reached: dict[tuple[str, int], int]) -> None:
        async with connection.transaction():
            await connection.execute("delete from outbox where id = any($1::bigint[])", ids)
            await note_published(connection, reached)


def _reached(sent: Sequence[Any]) -> dict[tuple[str, int], int]:
    """By topic and partition, the offset behind the last of these acknowledged records."""
    reached: dict[tuple[str, int], int] = {}
    for record in sent:
        place = (record.topic, record.partition)
        reached[place] = max(reached.get(place, 0), record.offset + 1)
    return reached


async def _close(producer: Any) -> None:
    """Closes without waiting for what cannot be delivered now."""
    try:
        await asyncio.wait_for(producer.stop(), SEND_TIMEOUT)
    except (TimeoutError, KafkaError, OSError):
        log.warning("a producer was closed with sends unknown; they are made again")
