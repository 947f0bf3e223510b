"""Partitions that change hands: nothing counts twice, nothing is lost, and the stored offsets never go back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg

from shared.delivery.consuming import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, expel_members, put
from tests.support.running import running
from tests.support.waiting import eventually


@asynccontextmanager
async def offsets_that_go_back(settings: Settings) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Keeps book, in the database, of every stored offset that was set to less than it was."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(
        """create table public.went_back as select * from appraisal.consumer_offset limit 0;
           create function public.keep_book() returns trigger language plpgsql security definer as $$
           begin insert into public.went_back select new.*; return null; end $$;
           create trigger keep_book after update of next_offset on appraisal.consumer_offset
           for each row when (new.next_offset < old.next_offset) execute function public.keep_book()"""
    )
    try:
        yield connection
    finally:
        await connection.close()


async def test_two_workers_take_over_from_each_other_while_events_flow(settings: Settings, appraisal: Tables) -> None:
    events = shares(1500)
    parts = [events[start : start + 100] for start in range(0, len(events), 100)]
    turns = iter(parts)

    async def flow(count: int = 1) -> None:
        """Some more events, with copies of some; returns when one more has been counted, in the middle of the rest."""
        before = (await appraisal.count()).facts
        for _ in range(count):
            part = next(turns)
            await put(settings, SHARES, records([*part, *part[:20]]))
        await eventually(lambda: _more_than(appraisal, before))

    async with offsets_that_go_back(settings) as book:
        async with AsyncExitStack() as first:
            await first.enter_async_context(running(counting_worker(settings)))
            await flow()
            async with running(counting_worker(settings)):
                for _ in range(3):
                    await flow()
                    # As when both were silent for too long: the broker gives their partitions away, they join anew.
                    assert await expel_members(settings, "appraisal") > 0
                    await flow()
                await first.aclose()
                await flow(2)
                async with running(counting_worker(settings)):
                    await flow(2)
        async with running(counting_worker(settings)):
            await flow(len(parts) - 11)
            await eventually(appraisal.counted(len(events)))
            await eventually(lambda: _sum_of_offsets(appraisal, 120 * len(parts)))
        assert await book.fetch("select * from public.went_back") == []
    assert await appraisal.count() == Counted.once(len(events))
    assert await appraisal.dead_letters() == []


async def _more_than(appraisal: Tables, facts: int) -> bool:
    return (await appraisal.count()).facts > facts


async def _sum_of_offsets(appraisal: Tables, total: int) -> bool:
    return sum((await appraisal.offsets()).values()) == total


async def test_a_stale_owner_changes_nothing_and_goes_on_from_where_the_other_came(
    settings: Settings, appraisal: Tables
) -> None:
    first, others, then = shares(5), shares(3), shares(2)
    async with running(counting_worker(settings)):
        await put(settings, SHARES, records(first, partition=0))
        await eventually(appraisal.counted(5))
        async with appraisal.transaction() as other_owner:
            await other_owner.execute(
                'update consumer_offset set next_offset = 9 where topic = $1 and "partition" = 0',
                settings.topic_prefix + SHARES,
            )
            # Events 5 to 7 and the poison at 8 are the other owner's.
            await put(settings, SHARES, [*records(others, partition=0), Put(b"poison", partition=0)])
            await eventually(appraisal.someone_waits_for_a_lock)
        await put(settings, SHARES, records(then, partition=0))
        await eventually(appraisal.counted(7))
        await eventually(lambda: _at(appraisal, {0: 11}))
    ids = {row["id"] for row in await appraisal.pool.fetch("select id from fact")}
    assert ids == {event.id for event in [*first, *then]}
    assert await appraisal.dead_letters() == []


async def test_a_worker_that_loses_its_partitions_in_the_middle_of_a_batch(
    settings: Settings, appraisal: Tables
) -> None:
    """The batch in hand ends, late, after the broker has given the partitions to another: one of the two is fenced."""
    begun, goes_on = asyncio.Event(), asyncio.Event()

    def slowly(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            begun.set()
            await goes_on.wait()
            await applies(connection, reads)

        return apply

    async with offsets_that_go_back(settings) as book:
        async with running(counting_worker(settings, slowly)):
            await put(settings, SHARES, records(shares(10), partition=0))
            await asyncio.wait_for(begun.wait(), 20)
            await expel_members(settings, "appraisal")
            async with running(counting_worker(settings)):
                await put(settings, SHARES, records(shares(10), partition=0))
                # The other worker has the partition now and waits for the row of its offset, which the first one holds.
                await eventually(appraisal.someone_waits_for_a_lock)
                goes_on.set()
                await eventually(appraisal.counted(20))
        assert await book.fetch("select * from public.went_back") == []
    assert await appraisal.offsets() == {0: 20}


async def _at(appraisal: Tables, offsets: dict[int, int]) -> bool:
    return await appraisal.offsets() == offsets
