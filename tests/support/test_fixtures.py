"""The fixtures and helpers that other tests stand on."""

import os

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.databases import DatabasePool, database_at
from tests.support.kafka import kafka_at
from tests.support.stack import DATABASE_URL, Servers
from tests.support.topics import delete_topics
from tests.support.waiting import eventually


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_has_a_migrated_database_of_its_own(database_url: str, turn: int) -> None:
    connection = await asyncpg.connect(database_url)
    schemas = await connection.fetchval("select count(*) from pg_namespace where nspname in ('roster', 'appraisal')")
    await connection.execute("create table public.only_mine ()")  # the second turn finds none yet
    await connection.close()
    assert schemas == 2


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_finds_no_rows_of_another(database_pool: DatabasePool, stack: Servers, turn: int) -> None:
    name = database_pool.take()
    connection = await asyncpg.connect(database_at(stack.database_url, name))
    insert = "insert into roster.outbox (topic, key, value) values ('a', 'b', '') returning id"
    assert await connection.fetchval(insert) == 1  # a number that is given again
    database_pool.give_back(name)  # ends the connection, too
    assert database_pool.take() == name
    database_pool.give_back(name)


async def test_a_database_that_a_test_changed_is_not_used_again(database_pool: DatabasePool, stack: Servers) -> None:
    for change in (
        "alter table roster.unit add column more text",
        "drop trigger if exists append_only on roster.audit; drop table training.outbox cascade",
        "delete from roster.schema_migration",
        "revoke select on roster.unit from qingsheng_roster",
    ):
        name = database_pool.take()
        connection = await asyncpg.connect(database_at(stack.database_url, name))
        await connection.execute(change)
        await connection.close()
        database_pool.give_back(name)
        assert database_pool.take() != name, change


async def test_the_servers_of_a_run_wait_for_no_disk(stack: Servers, database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("show fsync") == "off" or os.environ.get(DATABASE_URL)
    await connection.close()


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
