"""Producers keep every topic in mind that they send to: aiokafka's own loses sight of one when another is new."""

import asyncio
import logging
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic
from aiokafka.errors import NotLeaderForPartitionError, TopicAuthorizationFailedError

from qingsheng.demo.producer import System
from qingsheng.topics import ensure_producer_topics
from shared.contracts.topics import answers_topic
from shared.delivery import relay as relays
from shared.delivery.broker import Producer, admin, connection_options, create_producer
from shared.delivery.outbox import send
from shared.delivery.relay import Relay
from shared.settings import Settings
from tests.delivery.test_relay import campaign, commit, is_sent, relaying, share
from tests.support.kafka import read
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
SOON = 10.0
"""Seconds; a record of a topic that was lost from sight fails after 40, with the relay after 5."""


async def make_topic(settings: Settings, name: str) -> str:
    async with admin(settings) as client:
        await client.create_topics([NewTopic(settings.topic_prefix + name, 1, 1)])
    return settings.topic_prefix + name


async def sent_beside_a_new_topic(settings: Settings, producer: Any) -> list[Any]:
    """What became of a record whose topic was known and not asked for, when the next went to a new topic: the outcomes after
    ``SOON`` seconds, None of one that is still in doubt."""
    first = await make_topic(settings, "known")
    async with producer:

        async def knows_it() -> bool:
            await producer.client.force_metadata_update()  # as after a first request that a young broker refused
            return bool(producer.client.cluster.partitions_for_topic(first))

        await eventually(knows_it)
        second = await make_topic(settings, "new")
        sent = [await producer.send(first, b"1"), await producer.send(second, b"2")]
        await asyncio.wait(sent, timeout=SOON)
        return [future.result().offset if future.done() else None for future in sent]


async def test_a_known_topic_is_not_lost_from_sight_when_a_new_one_is_sent_to(settings: Settings) -> None:
    assert await sent_beside_a_new_topic(settings, create_producer(settings, linger_ms=300)) == [0, 0]


async def test_a_new_systems_first_answer_holds_up_no_event(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ready = asyncio.Event()

    def knowing_all_topics(*arguments: Any, **options: Any) -> Any:
        producer = create_producer(*arguments, **options, linger_ms=300)
        start = producer.start

        async def started() -> None:
            await start()
            await producer.client.force_metadata_update()
            ready.set()

        monkeypatch.setattr(producer, "start", started)
        return producer

    monkeypatch.setattr(relays, "create_producer", knowing_all_topics)
    caplog.set_level(logging.WARNING)
    answers = answers_topic("newcomer")
    async with campaign(settings) as pool, relaying(Relay(settings, "campaign")):
        await asyncio.wait_for(ready.wait(), 30)
        await ensure_producer_topics(settings, "newcomer", ["campaign"])
        ids = await commit(pool, settings, [share(uuid4())])
        async with pool.acquire() as connection:
            await send(connection, [(answers, "r-1", b"{}")])
        await eventually(lambda: is_sent(settings, ids), SOON)
        await eventually(lambda: read(settings, answers), SOON)
    assert [record for record in caplog.records if record.name == relays.log.name] == []


async def test_a_system_of_the_demo_sends_again_what_was_not_acknowledged(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await ensure_producer_topics(settings, "feeds", ["campaign"])
    refused = []

    def refusing_once(*arguments: Any, **options: Any) -> Any:
        producer = create_producer(*arguments, **options)
        real = producer.send

        async def send_or_refuse(*record: Any, **more: Any) -> Any:
            if not refused:
                refused.append(record)
                failed = asyncio.get_running_loop().create_future()
                failed.set_exception(NotLeaderForPartitionError("the leader has moved"))
                return failed
            return await real(*record, **more)

        monkeypatch.setattr(producer, "send", send_or_refuse)
        return producer

    monkeypatch.setattr("qingsheng.demo.producer.create_producer", refusing_once)
    monkeypatch.setattr("qingsheng.demo.producer.AGAIN", 0.0)
    system = System("feeds", connection_options(settings), settings.topic_prefix)
    lines = [{"service": "campaign", "key": str(number), "answers": 0, "raw": f"{number}"} for number in range(3)]
    await system.report(lines, "structured", 30)
    values = [record.value or b"" for record in await read(settings, "qingsheng.intake.campaign.feeds")]
    assert sorted(values) == [b"0", b"1", b"2"]
    assert "feeds sends 1 reports again" in capsys.readouterr().err


async def test_a_system_of_the_demo_does_not_repeat_what_is_refused_for_good(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refuse(*_record: Any, **_options: Any) -> Any:
        raise TopicAuthorizationFailedError("campaign")

    monkeypatch.setattr(Producer, "send", refuse)
    system = System("feeds", connection_options(settings), settings.topic_prefix)
    with pytest.raises(TopicAuthorizationFailedError):
        await system.report([{"service": "campaign", "key": "1", "answers": 0, "raw": "1"}], "structured", 30)
    assert "again" not in capsys.readouterr().err


def test_every_producer_is_made_in_one_place() -> None:
    """docs/integrating apart, whose example other systems run without this code: it makes a new producer when in doubt."""
    made_in = {ROOT / "shared/delivery/broker.py", Path(__file__)}
    folders = ("shared", "services", "qingsheng", "tests", "bench")
    files = {path for folder in folders for path in (ROOT / folder).rglob("*.py")} - made_in
    assert [str(path) for path in files if AIOKafkaProducer.__name__ in path.read_text()] == []
