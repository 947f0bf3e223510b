"""The appraisal's engine on one database, without Kafka: events in by batch, reports out."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from random import Random
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from services.appraisal import reports
from services.appraisal.consumers import take_in
from services.appraisal.schemes import Scheme
from services.appraisal.storage import COUNTED, SOURCES
from shared.contracts import roster
from shared.contracts.decoding import Decoder
from shared.delivery.subscription import Read
from shared.postgres import Connection, Pool, open_pool
from tests.support.event_log import encode, service_of
from tests.support.services import settings_for

Result = TypeVar("Result")
SHANGHAI = ZoneInfo("Asia/Shanghai")
TABLES = (
    "fact, early_subject, mixed_subject, future_fact, tally, tally_span, person_count, quota_setting, unit_definition"
)


_TYPES = [*COUNTED, roster.UnitDefined, roster.QuotaSet]
DECODERS = {service: Decoder(service, [t for t in _TYPES if service == t.SERVICE], SHANGHAI) for service in SOURCES}


def reads_of(events: Sequence[dict[str, Any]], offset: int = 0) -> list[Read[Any]]:
    """As the worker would read them, one after the other from ``offset`` on; those not needed are left out."""
    reads: list[Read[Any]] = []
    for number, event in enumerate(events):
        service = service_of(event)
        decoded = DECODERS[service](encode(event))
        if decoded is not None:
            reads.append(Read(decoded, f"qingsheng.{service}.events", 0, offset + number))
    return reads


class Engine:
    """Takes contract-valid events (dicts) in, in any order and batching, and answers for reports."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.offset = 0
        """The next one on each topic; one event stands at each, on one of them."""

    async def clear(self) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute("; ".join(f"delete from {table}" for table in TABLES.split(", ")))

    async def take(self, events: Sequence[dict[str, Any]], now: datetime, rng: Random | None = None) -> None:
        """In one batch, or in batches of random sizes."""
        done = 0
        async with self._pool.acquire() as connection:
            while done < len(events):
                size = rng.choice((1, 2, 3, 7, 50, 400)) if rng else len(events)
                reads = reads_of(events[done : done + size], self.offset + done)
                async with connection.transaction():
                    await take_in(connection, reads, SHANGHAI, now)
                done += size
        self.offset += len(events)

    async def report(
        self, period: str, *, now: datetime, as_of: date | None = None, scheme: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """status, counties and city, as JSON would show them."""
        asked = reports.question(period, None, as_of, now, SHANGHAI)
        if scheme is not None:
            asked = reports.under(asked, Scheme.of(scheme))
        found = await self.read(lambda c: reports.report(c, asked, prefix="", now=now, zone=SHANGHAI))
        return json.loads(json.dumps({name: found[name] for name in ("status", "counties", "city")}))

    async def read(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """What ``work`` reads in one snapshot."""
        async with self._pool.acquire() as connection:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return await work(connection)


@asynccontextmanager
async def engine(database_url: str) -> AsyncGenerator[Engine]:
    pool = await open_pool(settings_for(database_url), "appraisal", size=2)
    try:
        yield Engine(pool)
    finally:
        await pool.close()
