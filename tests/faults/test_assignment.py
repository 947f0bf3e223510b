"""The reading of stored offsets when partitions are assigned, and partitions that are added."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from aiokafka.admin import NewPartitions

from qingsheng.operate.dead_letters import replay
from qingsheng.topics import ensure_topics
from services.appraisal.worker import create_worker
from shared.delivery.broker import admin
from shared.delivery.consuming import Consumer
from shared.delivery.subscription import Read
from shared.postgres import Connection
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES
from tests.faults.trial import Trial, mixed
from tests.support.databases import execute
from tests.support.event_log import service_of
from tests.support.kafka import commit
from tests.support.running import running
from tests.support.topics import delete_topics
from tests.support.waiting import eventually


@pytest.mark.fault(13, "the assignment's reading of stored offsets takes 2 s")
async def test_nothing_is_handled_before_the_seek(tried: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = Consumer._stored  # pyright: ignore[reportPrivateUsage]
    seen: list[int] = []

    async def slowly(self: Any, partitions: Any) -> Any:
        found = await reads(self, partitions)
        await asyncio.sleep(2)  # the fault
        seen.append(await tried.applied())
        return found

    monkeypatch.setattr(Consumer, "_stored", slowly)
    await tried.accept(mixed(1_000))
    # Whoever believed Kafka would skip the first of each.
    await commit(tried.settings, "appraisal", SHARES, {0: 20, 1: 20})
    async with running(counting_worker(tried.settings)):
        await tried.recovers()
        assert seen[0] == 0
    monkeypatch.undo()
    async with running(create_worker(tried.settings)):
        await tried.holds()


@pytest.mark.fault(14, "the assignment's reading of stored offsets fails")
async def test_without_stored_offsets_nothing_is_consumed(tried: Trial) -> None:
    url = tried.settings.database_url
    execute(url, "revoke select on appraisal.consumer_offset from qingsheng_appraisal")
    await tried.accept(mixed(1_000))
    async with running(create_worker(tried.settings)) as worker:
        await eventually(lambda: sum("offsets cannot be read" in problem for problem in worker.problems) == 4, 60)
        assert await tried.applied() == 0
        execute(url, "grant select on appraisal.consumer_offset to qingsheng_appraisal")
        await tried.recovers()
        await tried.holds()
        await eventually(lambda: not worker.problems)


@pytest.mark.fault(15, "partitions added while events flow")
async def test_partitions_are_added(tried: Trial) -> None:
    topic = tried.settings.topic_prefix + SHARES
    flows = True

    async def flow() -> None:
        for seed in itertools.takewhile(lambda _: flows, itertools.count()):
            await tried.accept(mixed(500, seed))

    async with running(create_worker(tried.settings)):
        flowing = asyncio.create_task(flow())
        await tried.recovers()
        async with admin(tried.settings) as client:
            [described] = await client.describe_topics([topic])
            all_of_them = len(described["partitions"]) * 2
            await client.create_partitions({topic: NewPartitions(all_of_them)})
        added = time.monotonic()

        async def all_are_read() -> bool:
            return len(await tried.tables.offsets()) == all_of_them

        # Clients look for new ones every 5 s; then the group is put together anew.
        await eventually(all_are_read, 45)
        tried.longest = max(tried.longest, time.monotonic() - added)
        flows = False
        await flowing
        await tried.holds()


@pytest.mark.fault(
    15, "a topic made anew under a running worker: alarm, no reset; read from its beginning when told so"
)
async def test_a_topic_is_made_anew(tried: Trial) -> None:
    topic = tried.settings.topic_prefix + SHARES

    async def made_anew() -> bool:
        return topic in await ensure_topics(tried.settings)

    await tried.accept(mixed(1_000))
    async with running(create_worker(tried.settings)) as worker:
        await tried.holds()
        before, applied = await tried.tables.offsets(), await tried.applied()
        delete_topics(tried.settings.kafka_bootstrap_servers, topic)
        await eventually(made_anew)
        later = mixed(200, seed=15)
        await tried.accept(later)
        alarms = {
            f"{topic}-{number}: stored offset {offset} lies beyond the topic's end" for number, offset in before.items()
        }
        await eventually(lambda: alarms <= {problem.partition(" end ")[0] + " end" for problem in worker.problems}, 30)
        # The other topics go on; of this one nothing is read, and nothing forgotten.
        others = sum(service_of(event) != "campaign" for event in later)

        async def others_are_read() -> bool:
            return await tried.applied() == applied + others

        await eventually(others_are_read)
        assert await tried.tables.offsets() == before
    await tried.rewind()
    async with running(create_worker(tried.settings)) as worker:
        await tried.holds()
        assert worker.problems == []


@pytest.mark.fault(20, "a dead letter cannot be written")
async def test_without_dead_letters_the_offset_stays(tried: Trial) -> None:
    url = tried.settings.database_url
    async with running(create_worker(tried.settings)) as worker:
        await tried.holds()
        before = await tried.tables.offsets()
        execute(url, "revoke insert on appraisal.dead_letter from qingsheng_appraisal")
        for number in before:
            await tried.bury([b"poison"], number)
        await tried.accept(mixed(1_000, seed=20))
        await eventually(lambda: any("failing" in problem for problem in worker.problems), 60)
        assert await tried.tables.dead_letters() == []
        assert await tried.tables.offsets() == before
        execute(url, "grant insert on appraisal.dead_letter to qingsheng_appraisal")

        async def all_written() -> bool:
            return len(await tried.tables.dead_letters()) == len(before)

        await eventually(all_written, 60)
        await tried.holds()


@pytest.mark.fault(20, "letters of sound events replayed twice, and their records read once more")
async def test_letters_are_replayed_twice(tried: Trial) -> None:
    events = mixed(1_000)
    broken = {UUID(event["id"]) for event in events if service_of(event) == "campaign"}
    broken = set(sorted(broken)[:30])

    def failing(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            if any(read.content.id in broken for read in reads):
                raise LookupError
            await applies(connection, reads)

        return apply

    async def all_are_dead() -> bool:
        return len(await tried.tables.dead_letters()) == len(broken)

    await tried.accept(events)
    async with running(counting_worker(tried.settings, failing)):
        await eventually(all_are_dead)
    letters = [letter["id"] for letter in await tried.tables.dead_letters()]
    await tried.rewind()
    assert await replay(tried.settings, "appraisal", letters, None) == (len(broken), 0)
    assert await replay(tried.settings, "appraisal", letters, None) == (0, 0)
    async with running(create_worker(tried.settings)):
        await tried.holds()
