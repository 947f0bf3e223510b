"""Dead letters by hand: list by reason, show, replay, discard, resume a paused topic, skip a record. Each leaves an audit
line."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import asyncpg
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from qingsheng.operate.standing import PATIENCE, reader
from qingsheng.registry import SERVICES
from shared.access import audit
from shared.contracts.decoding import Broken
from shared.delivery.dead_letters import Dead, Record, store
from shared.delivery.subscription import Read, Subscription
from shared.postgres import connect, open_pool
from shared.security import Sealer
from shared.settings import Settings

SKIPPED = "skipped"
"""The reason of a dead letter that no consumer has made, but an operator."""


class CannotSkip(Exception):
    """Why nothing was changed."""


@asynccontextmanager
async def _connected(settings: Settings, service: str) -> AsyncIterator[Any]:
    pool = await open_pool(settings, service, size=1)
    try:
        async with pool.acquire(timeout=settings.database_timeout) as connection:
            yield connection
    finally:
        await pool.close()


async def groups(settings: Settings, service: str) -> list[dict[str, Any]]:
    """Dead letters of a service by topic and reason: how many, the first and the last arrival; and paused topics."""
    async with _connected(settings, service) as connection:
        rows = await connection.fetch(
            """select topic, reason, count(*) as letters, min(id) as first_id, max(id) as last_id,
                      min(arrived_at) as first_at, max(arrived_at) as last_at
               from dead_letter group by topic, reason order by topic, reason"""
        )
    return [dict(row) for row in rows]


async def paused(settings: Settings, service: str) -> list[dict[str, Any]]:
    async with _connected(settings, service) as connection:
        return [dict(row) for row in await connection.fetch("select topic, since, reason from consumer_pause")]


async def show(settings: Settings, service: str, letter: int) -> dict[str, Any] | None:
    """One dead letter with its bytes as text; sealed ones show no content (they may hold personal data)."""
    async with _connected(settings, service) as connection:
        row = await connection.fetchrow("select * from dead_letter where id = $1", letter)
        if row is None:
            return None
        found = dict(row)
        for name in ("key", "value"):
            content = found[name]
            hidden = "(sealed)" if found["sealed"] else None
            found[name] = None if content is None else hidden or content.decode("utf-8", "backslashreplace")
        await _audit(connection, "dlq.show", {"id": letter})
    return found


async def discard(settings: Settings, service: str, letters: Sequence[int], reason: str | None, because: str) -> int:
    """Drops dead letters by id, or all of one reason; ``because`` tells the audit log why. Returns how many."""
    async with _connected(settings, service) as connection, connection.transaction():
        rows = await connection.fetch(
            'delete from dead_letter where id = any($1::bigint[]) or reason = $2 returning topic, "partition", "offset"',
            list(letters),
            reason,
        )
        await _audit(connection, "dlq.discard", {"records": [list(row.values()) for row in rows], "because": because})
    return len(rows)


async def resume(settings: Settings, service: str, topic: str) -> bool:
    """Lets a paused topic be read on. False when it was not paused."""
    async with _connected(settings, service) as connection, connection.transaction():
        row = await connection.fetchrow("delete from consumer_pause where topic = $1 returning topic", topic)
        if row:
            await _audit(connection, "dlq.resume", {"topic": topic})
    return row is not None


async def skip(settings: Settings, service: str, topic: str, partition: int, offset: int, because: str) -> bool:
    """Sets the record at which a service's stored offset stands aside as a dead letter, and the offset behind it, in one
    transaction. ``topic`` is a full name. Returns whether the record's bytes could be read, and so are kept.

    A transaction of the worker that holds the offset for longer than ``PATIENCE`` is ended. A worker that runs is fenced,
    and goes on behind the record. Raises CannotSkip where the offset stands elsewhere, or nothing is there.
    """
    subscription = _subscription_to(topic, settings, SERVICES[service].create_worker(settings).subscriptions)
    if subscription is None:
        raise CannotSkip(f"{service} does not read {topic}")
    record, beginning = await _record(settings, TopicPartition(topic, partition), offset)
    async with _connected(settings, service) as connection, connection.transaction():
        stored = await _hold_offset(settings, connection, topic, partition)
        if stored is None:
            raise CannotSkip(f"{service} has not begun to read partition {partition} of {topic}")
        if offset != (stands := max(stored, beginning)):
            raise CannotSkip(
                f"{service} stands at offset {stands} of {topic}, partition {partition}, not at {offset}: only the record "
                "at which it stands can be skipped"
            )
        sealer = Sealer(settings.secret_key.get_secret_value(), "dead-letter") if subscription.sealed else None
        kept = record or SimpleNamespace(
            topic=topic, partition=partition, offset=offset, key=None, value=None, headers=()
        )
        await store(connection, [Dead(kept, SKIPPED, because)], sealer)  # type: ignore[arg-type]
        await connection.execute(
            'update consumer_offset set next_offset = $3 where topic = $1 and "partition" = $2',
            topic,
            partition,
            kept.offset + 1,
        )
        await _audit(
            connection,
            "dlq.skip",
            {"topic": topic, "partition": partition, "offset": kept.offset, "because": because},
        )
    return record is not None


async def _record(settings: Settings, place: TopicPartition, offset: int) -> tuple[Record | None, int]:
    """The first record at or behind an offset, None where the broker has one that cannot be read; and where the partition
    begins. Raises CannotSkip where there is none."""
    async with reader(settings, [place.topic]) as consumer:
        if place.partition not in (consumer.partitions_for_topic(place.topic) or ()):
            raise CannotSkip(f"{place.topic} has no partition {place.partition}")
        beginning: int = (await consumer.beginning_offsets([place]))[place]
        end: int = (await consumer.end_offsets([place]))[place]
        if not beginning <= offset < end:
            raise CannotSkip(f"partition {place.partition} of {place.topic} holds offsets {beginning} to {end - 1}")
        consumer.pause(*(consumer.assignment() - {place}))
        consumer.seek(place, offset)
        try:
            records = (await consumer.getmany(place, timeout_ms=int(PATIENCE * 1000), max_records=1)).get(place)
        except (KafkaError, ValueError, NotImplementedError):  # its codec, its checksum
            records = None
    return (records[0] if records else None), beginning


async def _hold_offset(settings: Settings, connection: Any, topic: str, partition: int) -> int | None:
    """Locks a stored offset, ending whoever holds it too long. None where there is none."""
    me = await connection.fetchval("select pg_backend_pid()")
    asked = asyncio.ensure_future(
        connection.fetchval(
            'select next_offset from consumer_offset where topic = $1 and "partition" = $2 for update', topic, partition
        )
    )
    while not (await asyncio.wait([asked], timeout=PATIENCE))[0]:
        other = await connect(settings)
        try:
            await other.execute("select pg_terminate_backend(pid) from unnest(pg_blocking_pids($1)) as pid", me)
        finally:
            other.terminate()
    return await asked


def _subscription_to(
    topic: str, settings: Settings, subscriptions: Sequence[Subscription[Any]]
) -> Subscription[Any] | None:
    return next((each for each in subscriptions if each.reads(topic, settings.topic_prefix)), None)


async def replay(settings: Settings, service: str, letters: Sequence[int], reason: str | None) -> tuple[int, int]:
    """Applies dead letters once more, each in a transaction of its own with its removal. Returns (applied, still dead)."""
    subscriptions = SERVICES[service].create_worker(settings).subscriptions
    applied = failed = 0
    async with _connected(settings, service) as connection:
        ids = await connection.fetch(
            "select id from dead_letter where id = any($1::bigint[]) or reason = $2 order by id", list(letters), reason
        )
        for (letter,) in ids:
            try:
                async with connection.transaction():
                    row = await connection.fetchrow("select * from dead_letter where id = $1 for update", letter)
                    if row is None:
                        continue
                    await _apply(connection, settings, subscriptions, row)
                    await connection.execute("delete from dead_letter where id = $1", letter)
                    await _audit(
                        connection,
                        "dlq.replay",
                        {"topic": row["topic"], "partition": row["partition"], "offset": row["offset"]},
                    )
                applied += 1
            except Broken as broken:
                failed += 1
                await connection.execute(
                    "update dead_letter set reason = $2, detail = $3 where id = $1",
                    letter,
                    broken.reason,
                    broken.detail,
                )
            except asyncpg.PostgresError as error:
                failed += 1
                await connection.execute(
                    "update dead_letter set detail = $2 where id = $1", letter, type(error).__name__
                )
    return applied, failed


async def _apply(connection: Any, settings: Settings, subscriptions: Sequence[Subscription[Any]], row: Any) -> None:
    subscription = _subscription_to(row["topic"], settings, subscriptions)
    if subscription is None:
        raise Broken("no_subscription", "the service no longer reads this topic")
    key, value = row["key"], row["value"]
    if row["sealed"]:
        if value is None:
            raise Broken("erased", "its bytes were erased after 30 days")
        sealer = Sealer(settings.secret_key.get_secret_value(), "dead-letter")
        key, value = key and sealer.open(key), sealer.open(value)
    record: Any = SimpleNamespace(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=key,
        value=value,
        headers=tuple((name, None if text is None else text.encode()) for name, text in row["headers"]),
    )
    content = subscription.decode(record)
    if content is not None:
        await subscription.apply(connection, [Read(content, row["topic"], row["partition"], row["offset"])])


async def _audit(connection: Any, action: str, detail: dict[str, Any]) -> None:
    """In the delivery's own lines, from which a rebuild learns what was discarded, and in the chained log (charter C11)."""
    who = f"cli:{getpass.getuser()}"
    await connection.execute("insert into audit_line (actor, action, detail) values ($1, $2, $3)", who, action, detail)
    await audit.record(connection, who, action, "dead_letter", detail)


def as_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, default=str, indent=2)
