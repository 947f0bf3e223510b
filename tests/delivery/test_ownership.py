"""Partitions that change hands: nothing counts twice, nothing is lost, and the stored offsets never go back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, expel, members, put
from tests.support.running import running
from tests.support.stored_offsets import offsets_that_go_back
from tests.support.waiting import eventually


@pytest.mark.fault(10, "two workers take partitions over from each other")
async def test_two_workers_take_over_from_each_other_while_events_flow(settings: Settings, appraisal: Tables) -> None:
    events = shares(1200)
    parts = iter([events[start : start + 100] for start in range(0, len(events), 100)])

    async def flow() -> None:
        """More events, with copies of some; returns when the first of them has been counted."""
        before = (await appraisal.count()).facts
        part = next(parts)
        await put(settings, SHARES, records([*part, *part[:20]]))
        await eventually(lambda: _more_than(appraisal, before))

    async def share_the_work(workers: int) -> list[str]:
        return await eventually(lambda: _members(settings, workers))

    async with offsets_that_go_back(settings) as book:
        async with AsyncExitStack() as first:
            await first.enter_async_context(running(counting_worker(settings)))
            await flow()
            async with running(counting_worker(settings)):
                for _ in range(2):
                    await flow()
                    both = await share_the_work(2)
                    await flow()
                    # As when they were silent for too long: the broker takes their partitions, and they join anew.
                    await expel(settings, "appraisal", both)
                    await flow()
                    await expel(settings, "appraisal", (await share_the_work(2))[:1])
                    await flow()
                await share_the_work(2)
                await flow()
                await first.aclose()
                await flow()
        async with running(counting_worker(settings)):
            await flow()
            await eventually(appraisal.counted(len(events)))
            await eventually(lambda: _sum_of_offsets(appraisal, 12 * 120))
        assert await book.fetch("select * from public.went_back") == []
    assert await appraisal.count() == Counted.once(len(events))
    assert await appraisal.dead_letters() == []


async def _members(settings: Settings, count: int) -> list[str]:
    found = await members(settings, "appraisal", settled=True)
    return found if len(found) == count else []


async def _more_than(appraisal: Tables, facts: int) -> bool:
    return (await appraisal.count()).facts > facts


async def _sum_of_offsets(appraisal: Tables, total: int) -> bool:
    return sum((await appraisal.offsets()).values()) == total


@pytest.mark.fault(11, "a stale owner comes with its batch: fenced")
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
        await eventually(lambda: appraisal.stand_at({0: 11}))
    ids = {row["id"] for row in await appraisal.pool.fetch("select id from fact")}
    assert ids == {event.id for event in [*first, *then]}
    assert await appraisal.dead_letters() == []


@pytest.mark.fault(12, "partitions lost in the middle of a batch")
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
            await expel(settings, "appraisal", await members(settings, "appraisal"))
            async with running(counting_worker(settings)):
                await put(settings, SHARES, records(shares(10), partition=0))
                # The other worker has the partition now and waits for the row of its offset, which the first one holds.
                await eventually(appraisal.someone_waits_for_a_lock)
                goes_on.set()
                await eventually(appraisal.counted(20))
        assert await book.fetch("select * from public.went_back") == []
    assert await appraisal.offsets() == {0: 20}


async def test_partitions_taken_away_amid_a_look_around_end_no_worker(settings: Settings, appraisal: Tables) -> None:
    async with running(counting_worker(settings)) as worker:
        await put(settings, SHARES, records(shares(20)))
        await eventually(appraisal.counted(20))
        consumer: Any = worker._consumers[0]  # pyright: ignore[reportPrivateUsage]
        pool = consumer._pool

        class Slow:
            """While it is waited for, all partitions go to somebody else."""

            @asynccontextmanager
            async def acquire(self, **options: Any) -> AsyncIterator[Any]:
                consumer._change_course({})
                async with pool.acquire(**options) as connection:
                    yield connection

        consumer._pool = Slow()
        try:
            assert consumer._next
            await consumer._look_around()
        finally:
            consumer._pool = pool
