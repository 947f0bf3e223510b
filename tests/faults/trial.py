"""A trial: an independent ledger of what was accepted, and what must hold of it whatever was done meanwhile.

L: all that was accepted is applied, and none of it is a dead letter; of what was accepted though it is poison, each record is
one dead letter, and nothing else is. D: applied once. S: scores equal the independent oracle's. O: stored offsets never went
back unasked.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from services.appraisal.measures import Measure
from services.appraisal.storage import KIND_OF, SOURCES
from shared.clock import Clock
from shared.contracts.topics import events_topic
from shared.delivery.outbox import Draft, append
from shared.postgres import open_pool
from shared.settings import Settings
from tests.delivery.tables import SHARES, Tables
from tests.operate.asking import qingsheng
from tests.support import oracle
from tests.support.appraisal import tell
from tests.support.databases import execute
from tests.support.engine import SHANGHAI, Engine
from tests.support.event_log import encode, uuid7
from tests.support.events import COUNTY, share_data, shares
from tests.support.kafka import Put, ends, put
from tests.support.oracle.days import instant_of, period_named
from tests.support.oracle.facts import Facts, facts_at
from tests.support.oracle.reporting import report_of
from tests.support.random_events import COUNTIES, generate
from tests.support.stored_offsets import offsets_that_go_back
from tests.support.waiting import eventually

COUNTED = {event_type.TYPE for event_type in KIND_OF}
PERIODS = ("2014", "2014-H2", "2014-Q3", "2014-07", "2014-12")
PART = 2_000
YEAR = datetime(2014, 1, 1, tzinfo=SHANGHAI)


def mixed(count: int, seed: int = 14) -> list[dict[str, Any]]:
    """So many events of all kinds about three counties, shuffled; most are shares, all over 2014, of volunteers who share
    about as often in a month as counts. A trial takes each seed once."""
    rng = Random(seed)
    # Units and quotas are the beginning's: another story would give their sequences a second time.
    kinds = [event for event in generate(seed, min(count, 600)) if event["type"] in COUNTED]
    found = [*_shares(rng, count - len(kinds), seed), *kinds]
    rng.shuffle(found)
    return found


def _shares(rng: Random, count: int, seed: int) -> Iterator[dict[str, Any]]:
    form = json.loads(shares(1)[0].to_json())
    people = [(uuid7(YEAR, seed, "person", number), rng.choice(COUNTIES)) for number in range(count // 20 + 1)]
    told: Counter[str] = Counter()
    for number in range(count):
        volunteer, county = rng.choice(people)
        told[volunteer] += 1
        shared = (YEAR + timedelta(days=365) * number / count).astimezone(UTC).replace(microsecond=0)
        at, recorded = (_written(moment) for moment in (shared, shared + timedelta(seconds=3)))
        repost, post, account = (uuid7(shared, seed, name, number) for name in ("repost", "post", "account"))
        yield form | {
            "id": uuid7(shared, seed, "event", number),
            "subject": f"repost/{repost}",
            "time": at,
            "recordedtime": recorded,
            "sequence": str(told[volunteer]),
            "county": county,
            "partitionkey": volunteer,
            "data": form["data"]
            | {
                "repost_id": repost,
                "post_id": post,
                "volunteer_id": volunteer,
                "account_id": account,
                "shared_at": at,
            },
        }


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@dataclass
class Trial:
    """``accepted``: by id, the events whose producers were told so, as they were written. ``longest``: seconds of the
    longest recovery."""

    settings: Settings
    tables: Tables
    accepted: dict[UUID, bytes] = field(default_factory=dict)
    poison: dict[tuple[str, int, int], bytes | None] = field(default_factory=dict)
    """What the broker has acknowledged though nobody can apply it, by its place."""
    longest: float = 0.0
    _counted: set[UUID] = field(default_factory=set)
    """Those of the accepted that become facts."""

    async def accept(self, events: Sequence[dict[str, Any]], settings: Settings | None = None) -> None:
        """Writes them to their topics; a part is accepted when the broker has acknowledged all of it."""
        for start in range(0, len(events), PART):
            part = events[start : start + PART]
            await tell(settings or self.settings, part)
            self.enter(part)

    async def bury(self, values: Sequence[bytes | None], partition: int) -> None:
        """Writes poison to a partition of the shares' topic."""
        places = await put(self.settings, SHARES, [Put(value, b"key", partition) for value in values])
        topic = self.settings.topic_prefix + SHARES
        self.poison |= {(topic, partition, place): value for place, value in zip(places, values, strict=True)}

    async def commit(self, count: int) -> None:
        """Commits so many shares to the campaign's outbox, as its commands do: accepted when the commit has returned."""
        async with self.committing(count):
            pass

    @asynccontextmanager
    async def committing(self, count: int) -> AsyncIterator[None]:
        """The same, not committed before the end of the block."""
        pool = await open_pool(self.settings, "campaign", size=1)
        try:
            async with pool.acquire(timeout=10) as connection:
                async with connection.transaction():
                    drafts = [Draft(share_data(), COUNTY) for _ in range(count)]
                    events = await append(connection, drafts, Clock(self.settings.zone))
                    yield
        finally:
            pool.terminate()
        self.enter([json.loads(event.to_json()) for event in events])

    async def listen(self, *services: str) -> None:
        """From now on notes, in the database, every event that these services commit to their outboxes."""
        noted = "for each row when (new.topic like '%.events') execute function public.note()"
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            await connection.execute(
                """create table public.told (value bytea);
                   create function public.note() returns trigger language plpgsql security definer as $$
                   begin insert into public.told values (new.value); return null; end $$;"""
                + "".join(f"create trigger note after insert on {name}.outbox {noted};" for name in services)
            )
        finally:
            await connection.close()

    async def hear(self) -> set[str]:
        """Enters what was noted: its producers were told, by an answer or by the command's own. Returns the ids."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            told = [json.loads(row["value"]) for row in await connection.fetch("select value from public.told")]
        finally:
            await connection.close()
        self.enter(told)
        return {event["id"] for event in told}

    def enter(self, events: Sequence[dict[str, Any]]) -> None:
        """Into the ledger: their producers have been told."""
        for event in events:
            written = encode(event)
            assert self.accepted.setdefault(UUID(event["id"]), written) == written, "two stories with one seed"
        self._counted |= {UUID(event["id"]) for event in events if event["type"] in COUNTED}

    async def rewind(self) -> None:
        """Everything is to be read anew from its beginning, by the operators' command: so this time offsets go back."""
        # As if the worker had ended a while ago.
        await self.tables.pool.execute("update worker_state set at = at - interval '1 minute'")
        for service in SOURCES:
            words = ("replay", "appraisal", "--topic", events_topic(service), "--from", "beginning")
            assert (await qingsheng(self.settings, *words)).code == 0
        assert await self.read() == 0
        execute(self.settings.database_url, "delete from public.went_back")

    async def applied(self) -> int:
        return await self.tables.pool.fetchval("select count(*) from fact")

    async def recovers(self, deadline: float = 60.0, since: int | None = None) -> None:
        """Waits until something more is read and applied than now, or than ``since``; the wait is a recovery."""
        began, before = time.monotonic(), await self.read() if since is None else since

        async def more() -> bool:
            return await self.read() > before

        await eventually(more, deadline=deadline, interval=0.1)
        self.longest = max(self.longest, time.monotonic() - began)

    async def read(self) -> int:
        """Records that stored offsets lie behind: cheaper to ask for than facts, of which there may be a million."""
        return await self.tables.pool.fetchval("select coalesce(sum(next_offset), 0)::bigint from consumer_offset")

    async def holds(self, deadline: float = 120.0) -> None:
        """Waits until nothing accepted is missing, then checks everything."""

        async def all_read() -> bool:
            return await self.applied() >= len(self._counted) and await self.left() == 0

        # Whatever is missing is told below; what comes twice comes last.
        with contextlib.suppress(AssertionError):
            await eventually(all_read, deadline=deadline, interval=0.5)
        stored = {UUID(int=row["id"].int) for row in await self.tables.pool.fetch("select id from fact")}
        lost, strange = self._counted - stored, stored - self._counted
        assert not lost, f"{len(lost)} of {len(self._counted)} were lost"  # L
        assert not strange, f"{len(strange)} were applied that nobody accepted"
        letters = await self.tables.dead_letters()
        buried = [((each["topic"], each["partition"], each["offset"]), each["value"]) for each in letters]
        assert len(buried) == len(self.poison)  # L: one each
        assert dict(buried) == self.poison  # L

        now = datetime.now(UTC)
        instant = instant_of(now, None, SHANGHAI)
        known = facts_at(map(json.loads, self.accepted.values()), instant, None)
        found, expected = await self._counted_by_volunteer(), _shared(known)
        assert found.items() ^ expected.items() == set()  # D
        for period in PERIODS:  # D and S: what counts twice moves a figure or its evidence's sum
            told = report_of(known, period_named(period), instant, oracle.NINGDE_2014)
            expected = json.loads(json.dumps(told))
            found = await Engine(self.tables.pool).report(period, now=now)
            assert found == {name: expected[name] for name in found}, period

        book = await asyncpg.connect(self.settings.database_url)
        try:
            assert await book.fetch("select * from public.went_back") == []  # O
        finally:
            await book.close()

    async def left(self) -> int:
        """Records that no stored offset lies behind."""
        topics = [events_topic(service) for service in SOURCES]
        return sum((await ends(self.settings, topics)).values()) - await self.read()

    async def _counted_by_volunteer(self) -> dict[tuple[str, str, date], int]:
        """The shares that were added up of each volunteer, in each month and county; no cap hides one counted twice."""
        rows = await self.tables.pool.fetch(
            "select volunteer, county, start, n from person_count where grain = $1 and n <> 0", int(Measure.SHARE)
        )
        return {(str(row["volunteer"]), row["county"], row["start"]): row["n"] for row in rows}


def _shared(known: Facts) -> dict[tuple[str, str, date], int]:
    """The same by the oracle's facts."""
    found: Counter[tuple[str, str, date]] = Counter()
    for share in known.shares.values():
        found[share.data["volunteer_id"].lower(), share.county, share.day.replace(day=1)] += 1
    return dict(found)


@asynccontextmanager
async def trial(settings: Settings, *, bare: bool = False) -> AsyncIterator[Trial]:
    """Begins with a few events of all kinds, so that there are counties to score; ``bare``: with nothing."""
    async with Tables.of(settings, "appraisal") as tables, offsets_that_go_back(settings):
        made = Trial(settings, tables)
        if not bare:
            await made.accept(generate(2014, 300))
        yield made
