"""Reports of other systems while those who answer them come, go and take partitions over from each other."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from aiokafka.admin import NewPartitions
from faststream.kafka import KafkaBroker

from qingsheng.registry import SERVICES as ALL
from shared.delivery.broker import admin
from shared.delivery.consuming import Consumer
from shared.delivery.subscription import Read
from shared.postgres import Connection
from tests.delivery.tables import Tables
from tests.faults.asking import SERVICES, TOPICS, WORKERS, Asking, asking
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.support.databases import execute
from tests.support.running import child, running
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually


@pytest.mark.fault(10, ONE_EACH)
@pytest.mark.fault(12, ONE_EACH)
@pytest.mark.fault(13, ONE_EACH)
@pytest.mark.fault(14, ONE_EACH)
@pytest.mark.fault(15, ONE_EACH)
async def test_answers_while_partitions_change_hands(database_url: str, stack: Servers, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=2.0)
    rounds = size(2, 8)
    async with asking(settings, size(300, 1_500)) as asked:
        # In the order of the stream: of two that say the same, the first is the one that is accepted.
        parts = asked.parts(rounds + 5)
        await _replicas_come_and_go(asked, parts[:rounds])
        slow, late, unread, before, after = parts[rounds:]
        await _slow_while_revoked(asked, slow)
        await _offsets_come_late(asked, late)
        await _offsets_cannot_be_read(asked, unread)
        await _partitions_are_added(asked, before, after)
        await asked.ends_well()


async def _replicas_come_and_go(asked: Asking, parts: Sequence[Any]) -> None:
    rng = Random(10)
    with ExitStack() as leaving:
        replicas = [leaving.enter_context(child(asked.settings, "qingsheng", WORKERS)) for _ in range(2)]
        await eventually(lambda: asked.owned(), 60)
        for part in parts:
            sending = asyncio.create_task(asked.send(part))
            gone = replicas.pop(rng.randrange(2)).process
            gone.send_signal(ends := rng.choice((signal.SIGTERM, signal.SIGKILL)))
            if ends == signal.SIGKILL:
                await asked.expel()
            replicas.append(leaving.enter_context(child(asked.settings, "qingsheng", WORKERS)))
            await asyncio.sleep(3)  # the pace of the fault
            await sending
        await asked.all_read()


async def _slow_while_revoked(asked: Asking, part: Sequence[Any]) -> None:
    """Of the hotline's tips: a batch takes longer than the group waits for it, and its partitions go to another."""
    subscriber: Any = KafkaBroker.subscriber
    begun, goes_on = asyncio.Event(), asyncio.Event()

    def hurried(self: Any, *topics: str, **options: Any) -> Any:
        return subscriber(self, *topics, **options | {"rebalance_timeout_ms": 5_000})

    slow = ALL["opinion"].create_worker(asked.settings)
    found: Any = next(each for each in slow.subscriptions if ".intake" in each.topic.replace("\\", ""))

    async def slowly(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        begun.set()
        while not goes_on.is_set():
            await connection.execute("select pg_sleep(0.1)")
        await found.apply(connection, reads)

    slow.subscriptions = [replace(found, apply=slowly)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(KafkaBroker, "subscriber", hurried)
        await asked.put([each for each in part if each.producer == "hotline"])
        async with running(slow), Tables.of(asked.settings, "opinion") as tables:
            await asyncio.wait_for(begun.wait(), 30)
            async with running(ALL["opinion"].create_worker(asked.settings)):
                # The broker has given the partitions to the other, which waits for the row of an offset.
                await eventually(tables.someone_waits_for_a_lock, 40)
                goes_on.set()
                await asked.all_read()
    await asked.send([each for each in part if each.producer != "hotline"])


async def _offsets_come_late(asked: Asking, part: Sequence[Any]) -> None:
    reads = Consumer._stored  # pyright: ignore[reportPrivateUsage]
    before = await asked.read()
    seen: list[int] = []

    async def slowly(self: Any, partitions: Any) -> Any:
        found = await reads(self, partitions)
        await asyncio.sleep(2)  # the fault
        seen.append(await asked.read())
        return found

    await asked.put(part)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Consumer, "_stored", slowly)
        async with workers(asked.settings, *SERVICES):
            await asked.all_read()
    # Nothing is taken before the seek.
    assert seen[0] == before


async def _offsets_cannot_be_read(asked: Asking, part: Sequence[Any]) -> None:
    url, before = asked.settings.database_url, await asked.read()
    for service in SERVICES:
        execute(url, f"revoke select on {service}.consumer_offset from qingsheng_{service}")
    await asked.put(part)
    async with workers(asked.settings, *SERVICES) as made:

        def says() -> bool:
            return all(any("offsets cannot be read" in problem for problem in each.problems) for each in made)

        await eventually(says, 60)
        assert await asked.read() == before
        for service in SERVICES:
            execute(url, f"grant select on {service}.consumer_offset to qingsheng_{service}")
        await asked.all_read()


async def _partitions_are_added(asked: Asking, part: Sequence[Any], later: Sequence[Any]) -> None:
    """To every topic of reports, while reports flow; what has come to the new ones is answered as well."""
    with child(asked.settings, "qingsheng", WORKERS):
        before = await asked.answers()
        await asked.send(part)
        await asked.goes_on(before)
        names = [asked.settings.topic_prefix + topic for topic in TOPICS.values()]
        async with admin(asked.settings) as client:
            described = await client.describe_topics(names)
            await client.create_partitions(
                {each["topic"]: NewPartitions(2 * len(each["partitions"])) for each in described}
            )
        await asked.send(later)
        await asked.all_read()
