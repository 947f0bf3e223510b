"""Three brokers: one is lost under load, and nothing that was acknowledged."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from tests.deploy.composed import Composed, composed
from tests.deploy.load import EVENTS, loaded

pytestmark = pytest.mark.containers


@pytest.fixture(scope="module")
def cluster() -> Iterator[Composed]:
    with composed("cluster", ["cluster"]) as project:
        project.up()
        yield project


async def _in_sync(address: str) -> list[int]:
    """How many in-sync replicas each partition of the event topics has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        topics = await admin.describe_topics(EVENTS)
    finally:
        await admin.close()
    return [len(partition["isr"]) for topic in topics for partition in topic["partitions"]]


async def test_a_lost_broker_loses_no_acknowledged_event_and_stops_no_command(cluster: Composed) -> None:
    async with loaded(cluster) as load:
        assert set(await _in_sync(load.kafka)) == {3}
        await asyncio.sleep(10)
        load.phase("a broker is killed")
        await asyncio.to_thread(cluster.compose, "kill", "--signal", "KILL", "kafka-2")
        before = load.commands, len(load.acknowledged)
        await asyncio.sleep(30)
        assert set(await _in_sync(load.kafka)) == {2}
        assert load.commands > before[0] + 50
        assert len(load.acknowledged) > before[1] + 50
        load.phase("the broker is back")
        await asyncio.to_thread(cluster.compose, "up", "-d", "--wait", "--no-deps", "kafka-2")
        events, copies = await load.settle()
    print(load.told(events, copies))
    assert load.phases[1].errors == 0
