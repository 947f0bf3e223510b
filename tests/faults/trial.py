"""A trial: an independent ledger of what was accepted, and what must hold of it whatever was done meanwhile.

L: all that was accepted is applied; as all of it is sound, none of it may be a dead letter. D: applied
once. S: scores equal the independent oracle's. O: stored offsets never went back unasked.
"""

import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import uuid4

import asyncpg

from services.appraisal.storage import KIND_OF
from shared.clock import Clock
from shared.delivery.outbox import Draft, append
from shared.postgres import open_pool
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.support import oracle
from tests.support.appraisal import tell
from tests.support.engine import Engine
from tests.support.events import COUNTY, share_data, shares
from tests.support.random_events import generate
from tests.support.stored_offsets import offsets_that_go_back
from tests.support.waiting import eventually

COUNTED = {event_type.TYPE for event_type in KIND_OF}
PERIODS = ("2014", "2014-H2", "2014-Q3", "2014-07", "2014-12")
PART = 2_000


def mixed(count: int, seed: int = 14) -> list[dict[str, Any]]:
    """Events of all kinds about three counties, and between them shares, of which there are most; few volunteers share
    much, which the slow oracle can bear."""
    # Units and quotas are the beginning's: another story would give their sequences a second time.
    kinds = [event for event in generate(seed, min(count, 600)) if event["type"] in COUNTED]
    people = [str(uuid4()) for _ in range(40)]
    found = [json.loads(share.to_json()) for share in shares(count - len(kinds))]
    for number, share in enumerate(found):
        share["partitionkey"] = share["data"]["volunteer_id"] = people[number % len(people)]
        share["sequence"] = str(number // len(people) + 1)
    found += kinds
    Random(seed).shuffle(found)
    return found


@dataclass
class Trial:
    """``accepted``: by id, the events whose producers were told so. ``longest``: seconds of the longest recovery."""

    settings: Settings
    tables: Tables
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    longest: float = 0.0

    async def accept(self, events: Sequence[dict[str, Any]], settings: Settings | None = None) -> None:
        """Writes them to their topics; a part is accepted when the broker has acknowledged all of it."""
        for start in range(0, len(events), PART):
            part = events[start : start + PART]
            await tell(settings or self.settings, part)
            self.accepted |= {event["id"]: event for event in part}

    async def commit(self, count: int) -> None:
        """Commits so many shares to the campaign's outbox, as its commands do: accepted when the commit has returned."""
        pool = await open_pool(self.settings, "campaign", size=1)
        try:
            async with pool.acquire(timeout=10) as connection:
                async with connection.transaction():
                    drafts = [Draft(share_data(), COUNTY) for _ in range(count)]
                    events = await append(connection, drafts, Clock(self.settings.zone))
        finally:
            pool.terminate()
        self.accepted |= {str(event.id): json.loads(event.to_json()) for event in events}

    async def applied(self) -> int:
        return await self.tables.pool.fetchval("select count(*) from fact")

    async def recovers(self, deadline: float = 60.0) -> None:
        """Waits until something more is applied than now; the wait is a recovery."""
        began, before = time.monotonic(), await self.applied()

        async def more() -> bool:
            return await self.applied() > before

        await eventually(more, deadline=deadline, interval=0.1)
        self.longest = max(self.longest, time.monotonic() - began)

    async def holds(self, deadline: float = 120.0) -> None:
        """Waits until nothing accepted is missing, then checks everything."""

        async def nothing_missing() -> bool:
            return await self._expected_but_missing() == set()

        await eventually(nothing_missing, deadline=deadline, interval=0.5)  # L
        now = datetime.now(UTC)
        for period in PERIODS:  # D and S: what counts twice moves a figure or its evidence's sum
            expected = json.loads(json.dumps(oracle.report(self.accepted.values(), period, now=now)))
            found = await Engine(self.tables.pool).report(period, now=now)
            assert found == {name: expected[name] for name in found}, period
        count = await self.tables.pool.fetchval("select count(*) from fact")
        assert count == len([event for event in self.accepted.values() if event["type"] in COUNTED])
        book = await asyncpg.connect(self.settings.database_url)
        try:
            assert await book.fetch("select * from public.went_back") == []  # O
        finally:
            await book.close()

    async def _expected_but_missing(self) -> set[str]:
        wanted = {id for id, event in self.accepted.items() if event["type"] in COUNTED}
        rows = await self.tables.pool.fetch("select id from fact")
        return wanted - {str(row["id"]) for row in rows}


@asynccontextmanager
async def trial(settings: Settings) -> AsyncIterator[Trial]:
    """Begins with a few events of all kinds, so that there are counties to score."""
    async with Tables.of(settings, "appraisal") as tables, offsets_that_go_back(settings):
        made = Trial(settings, tables)
        await made.accept(generate(7, 300))
        yield made
