"""Dead letters by hand: list by reason, show, replay, discard, resume a paused topic. Each leaves an audit line."""

import getpass
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import asyncpg

from qingsheng.registry import SERVICES
from shared.access import audit
from shared.contracts.decoding import Broken
from shared.delivery.subscription import Read, Subscription
from shared.postgres import open_pool
from shared.security import Sealer
from shared.settings import Settings


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
    subscription = next((s for s in subscriptions if s.reads(row["topic"], settings.topic_prefix)), None)
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
