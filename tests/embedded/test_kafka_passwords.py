"""The embedded Kafka believes nobody without a password, and lets another system do what is its own alone."""

import asyncio
import json
import socket
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.admin import CreateTopicsRequest

from qingsheng import producers
from qingsheng.embedded import Stack, kafka, running_stack
from qingsheng.migrations import migrate
from qingsheng.producers import Issued
from qingsheng.producers import kafka_of as producers_kafka
from shared.contracts.topics import answers_topic, intake_topic
from shared.delivery.broker import create_producer
from shared.settings import Settings
from tests.embedded.clients import kafka_of, settings_of

PLAIN = """\
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{broker_port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{broker_port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={log_folder}
offsets.topic.replication.factor=1
"""
"""As version 0.1 first had it."""


@pytest.fixture(scope="module")
def stack(used_folder: Path) -> Iterator[Stack]:
    with running_stack(used_folder) as running:
        assert running.database_url
        migrate(running.database_url)
        yield running


@pytest.fixture
def settings(stack: Stack) -> Settings:
    return settings_of(stack)


async def comes_in(options: dict[str, Any]) -> bool:
    admin = AIOKafkaAdminClient(**options, request_timeout_ms=5_000)
    try:
        await asyncio.wait_for(admin.start(), 20)
        await admin.list_topics()
    except KafkaError:
        return False
    finally:
        await admin.close()
    return True


async def test_a_stranger_is_refused(stack: Stack) -> None:
    own = kafka_of(stack)
    assert await comes_in(own)
    assert not await comes_in({"bootstrap_servers": own["bootstrap_servers"]})
    assert not await comes_in(own | {"sasl_plain_password": "guessed"})
    assert not await comes_in(own | {"sasl_plain_username": "nobody"})
    for name in (kafka.NODE, kafka.USER):
        assert not await comes_in(own | {"sasl_mechanism": "PLAIN", "sasl_plain_username": name})


def test_the_controller_takes_no_order_from_a_stranger(stack: Stack, used_folder: Path) -> None:
    port = json.loads((used_folder / "ports.json").read_text())["kafka_controller"]
    topics: Any = [("forged", 1, 1, [], [])]
    request = CreateTopicsRequest(topics, 5_000, False).prepare({19: (3, 3)})
    frame = request.build_request_header(1, "stranger").encode() + request.encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(frame)) + frame)
        assert connection.recv(1) == b""  # it hangs up


def test_what_is_kept_is_for_the_owners_eyes_alone(stack: Stack, used_folder: Path) -> None:
    assert stack.kafka_password in (used_folder / "kafka.password").read_text()
    assert stack.kafka_password not in repr(stack)
    told = [
        used_folder / "ports.json",
        *used_folder.glob("*.log"),
        *used_folder.glob("kafka*"),
        *used_folder.glob("kafka/**/*"),
    ]
    assert len(told) > 10
    assert [path for path in told if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
    for log in used_folder.glob("*.log"):
        assert stack.kafka_password not in log.read_text()


async def write(options: dict[str, Any], topic: str) -> None:
    async with create_producer(options) as producer:
        await asyncio.wait_for(producer.send_and_wait(topic, b"x", partition=0), 20)


async def read(options: dict[str, Any], topic: str, group: str | None = None) -> bytes | None:
    consumer: Any = AIOKafkaConsumer(**options, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False)
    async with consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return (await asyncio.wait_for(consumer.getone(), 20)).value


async def issued(settings: Settings, producer: str, *services: str) -> dict[str, Any]:
    made: Issued = await producers.issue(settings, producer, services)
    return producers_kafka(settings, made)


async def test_another_system_does_what_is_its_own_and_nothing_else(settings: Settings, stack: Stack) -> None:
    feeds = await issued(settings, "feeds", "campaign")
    await issued(settings, "others", "campaign", "opinion")
    await write(feeds, intake_topic("campaign", "feeds"))
    await write(kafka_of(stack), answers_topic("feeds"))
    await write(kafka_of(stack), answers_topic("others"))
    assert await read(feeds, answers_topic("feeds"), "feeds.answers") == b"x"
    for topic in (intake_topic("campaign", "others"), intake_topic("opinion", "others"), answers_topic("feeds")):
        with pytest.raises(TopicAuthorizationFailedError):
            await write(feeds, topic)
    for topic in (answers_topic("others"), intake_topic("campaign", "feeds")):
        with pytest.raises((TopicAuthorizationFailedError, TimeoutError)):
            await read(feeds, topic)
    with pytest.raises(GroupAuthorizationFailedError):
        await read(feeds, answers_topic("feeds"), "others.answers")
    admin = AIOKafkaAdminClient(**feeds)
    await admin.start()
    made: Any = await admin.create_topics([NewTopic("mine", 1, 1)])
    assert [code for _, code, *_ in made.topic_errors] == [29]  # TOPIC_AUTHORIZATION_FAILED
    await admin.close()


async def test_a_revoked_key_is_refused_at_once_and_another_goes_on(settings: Settings) -> None:
    topic = intake_topic("campaign", "changing")
    old = await issued(settings, "changing", "campaign")
    new = await issued(settings, "changing", "campaign")
    async with create_producer(old) as connected:
        await connected.send_and_wait(topic, b"x")
        [first, _] = [each for each in await producers.listed(settings) if each["producer"] == "changing"]
        await producers.revoke(settings, "changing", first["key"])
        with pytest.raises(TopicAuthorizationFailedError):
            await connected.send_and_wait(topic, b"x")
    assert not await comes_in(old)
    await write(new, topic)
    await producers.revoke(settings, "changing")
    assert not await comes_in(new)


async def test_a_folder_of_an_earlier_version_starts_with_its_records_and_with_passwords(
    new_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(kafka, "PROPERTIES", PLAIN)
        before.setattr(kafka, "_set_password", lambda *_: None)
        with running_stack(new_folder, postgres=False) as old:
            anybody: dict[str, Any] = {"bootstrap_servers": old.kafka_bootstrap_servers}
            admin = AIOKafkaAdminClient(**anybody)
            await admin.start()
            await admin.create_topics([NewTopic("kept", 1, 1)])
            await admin.close()
            await write(anybody, "kept")
    (new_folder / "kafka.password").unlink()
    with running_stack(new_folder, postgres=False) as stack:
        assert not await comes_in(anybody)
        assert await read(kafka_of(stack), "kept") == b"x"
