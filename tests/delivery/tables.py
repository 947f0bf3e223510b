"""A look into a service's tables from beside it, whatever happens to its own connections."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.contracts.topics import events_topic
from shared.postgres import Connection, open_pool
from shared.settings import Settings

SHARES = events_topic("campaign")


class Counted(NamedTuple):
    """What the appraisal made of shares: facts, their sum in the tallies, their sum by volunteer; all equal, when each
    counted once."""

    facts: int
    tallied: int
    by_volunteer: int

    @classmethod
    def once(cls, events: int) -> "Counted":
        return cls(events, events, events)


@dataclass(frozen=True)
class Tables:
    """One service's tables. Topics are named without the deployment's prefix."""

    settings: Settings
    service: str
    pool: Any

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: Settings, service: str) -> AsyncIterator["Tables"]:
        pool = await open_pool(settings, service, size=4)
        try:
            yield cls(settings, service, pool)
        finally:
            pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    def counted(self, events: int) -> Callable[[], Awaitable[bool]]:
        """Whether so many shares have been counted, for ``eventually``."""

        async def look() -> bool:
            return await self.count() == Counted.once(events)

        return look

    async def count(self) -> Counted:
        row = await self.pool.fetchrow(
            """select (select count(*) from fact), (select coalesce(sum(n), 0) from tally)::int,
                      (select coalesce(sum(n), 0) from person_count)::int"""
        )
        assert row
        return Counted(*row)

    async def offsets(self, topic: str = SHARES) -> dict[int, int]:
        """Stored offsets by partition; those at the beginning are left out."""
        rows = await self.pool.fetch(
            'select "partition", next_offset from consumer_offset where topic = $1 and next_offset > 0',
            self.settings.topic_prefix + topic,
        )
        return dict(map(tuple, rows))

    async def stand_at(self, offsets: dict[int, int], topic: str = SHARES) -> bool:
        return await self.offsets(topic) == offsets

    async def store_offset(self, offset: int, topic: str = SHARES, partition: int = 0) -> None:
        """As an operator does, or another owner."""
        await self.pool.execute(
            'insert into consumer_offset (topic, "partition", next_offset) values ($1, $2, $3)'
            ' on conflict (topic, "partition") do update set next_offset = excluded.next_offset',
            self.settings.topic_prefix + topic,
            partition,
            offset,
        )

    async def dead_letters(self) -> list[Any]:
        return await self.pool.fetch('select * from dead_letter order by topic, "partition", "offset"')

    async def someone_waits_for_a_lock(self) -> bool:
        """Whether a transaction in this database is held up by another one."""
        return await self.pool.fetchval(
            """select exists (select from pg_locks l join pg_stat_activity a using (pid)
                              where not l.granted and a.datname = current_database())"""
        )
