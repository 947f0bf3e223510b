"""The fixtures and helpers that other tests stand on."""

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.kafka import kafka_at
from tests.support.stack import Servers
from tests.support.topics import delete_topics
from tests.support.waiting import eventually


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_migrated_database_of_its_own(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    schemas = await connection.fetchval("select count(*) from pg_namespace where nspname in ('roster', 'appraisal')")
    await connection.execute("create table public.only_mine ()")  # the second turn finds none yet
    await connection.close()
    assert schemas == 2


async def test_topics_are_deleted_by_their_prefix(stack: Servers, topic_prefix: str) -> None:
    admin = AIOKafkaAdminClient(**kafka_at(stack.kafka_bootstrap_servers))
    await admin.start()
    await admin.create_topics([NewTopic(f"{topic_prefix}one", 1, 1), NewTopic(f"other.{topic_prefix}", 1, 1)])
    delete_topics(stack.kafka_bootstrap_servers, topic_prefix)

    async def left() -> list[str]:
        return [name for name in await admin.list_topics() if topic_prefix in name]

    async def only_the_other() -> bool:
        return await left() == [f"other.{topic_prefix}"]

    await eventually(only_the_other)
    await admin.delete_topics([f"other.{topic_prefix}"])
    await admin.close()


async def test_eventually_waits_and_gives_the_value() -> None:
    values = iter([0, None, 3])
    assert await eventually(lambda: next(values), interval=0) == 3


async def test_eventually_tells_the_last_value() -> None:
    with pytest.raises(AssertionError, match=r"not so after 0 s; the last value was \[\]"):
        await eventually(list, deadline=0)
