"""Reports of other systems when the topics themselves are at fault: copies, any order, rewound, poison among them or alone."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import asyncpg
import pytest

from qingsheng.operate.dead_letters import paused, replay, resume
from tests.delivery.tables import Tables
from tests.delivery.test_poison import ODD
from tests.end_to_end.test_mixed_stream import Sent, tip
from tests.faults.asking import SERVICES, TOPICS, WORKERS, Asking, asking, sent
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.support.databases import execute
from tests.support.kafka import Put, put
from tests.support.running import child
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

UNREADABLE: list[bytes | None] = [
    None,
    b"",
    b"{",
    b"[1, 2]",
    b'{"specversion": "1.0"}',
    "青声".encode("gbk"),
    b"[" * 60_000,
]
"""Nobody can be told: no id is to be read."""


def deep() -> dict[str, Any]:
    nested: list[Any] = []
    for _ in range(40):
        nested = [nested]
    return tip() | {"data": {"more": nested}}


READABLE: list[tuple[str, dict[str, Any]]] = [
    ("not_json", tip() | {"data": {"weight": float("nan")}}),
    ("too_large", tip() | {"data": {"text": "x" * 70_000}}),
    ("schema", deep()),
    ("schema", tip() | {"data": {"text": "half of \ud83d"}}),
    ("unknown_type", tip() | {"type": "qingsheng.intake.tip_reported.v2"}),
    ("not_cloudevents", tip() | {"specversion": "0.3"}),
]
"""What cannot be taken, though its sender can be told, and the code that tells it."""


@pytest.mark.fault(16, ONE_EACH)
@pytest.mark.fault(17, ONE_EACH)
@pytest.mark.fault(18, ONE_EACH)
@pytest.mark.fault(19, ONE_EACH)
@pytest.mark.fault(20, ONE_EACH)
async def test_answers_whatever_the_topics_hold(database_url: str, stack: Servers, topic_prefix: str) -> None:
    window = 100
    settings = settings_for(
        database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=2.0, dead_letter_window=window
    )
    rng = Random(17)
    async with asking(settings, size(200, 1_500), in_order=False) as asked:
        parts = asked.parts(4)
        with child(settings, "qingsheng", WORKERS):
            # Each three times, by both doors, in any order.
            for _ in range(3):
                await asked.send(rng.sample(parts[0], len(parts[0])))
            await asked.all_read()
        _rewind(asked)
        async with Tables.of(settings, "opinion") as tables:
            async with workers(settings, *SERVICES) as made:
                await asked.send(parts[1])
                readable = [sent(number, "hotline", event, code) for number, (code, event) in enumerate(READABLE)]
                asked.reports += readable
                for report, value in zip(readable, UNREADABLE, strict=False):
                    await put(settings, TOPICS["hotline"], [Put(value, b"key")])
                    await asked.put([report])
                await put(settings, TOPICS["hotline"], [Put(value, b"key") for value in UNREADABLE[len(readable) :]])
                await _with_odd_headers(asked)
                await asked.all_read()
                assert len(await tables.dead_letters()) == len(UNREADABLE)
                await _only_poison(asked, made, parts[2], window)
                await _no_letter_can_be_written(asked, made, tables, parts[3])
            letters = await tables.dead_letters()
            assert len({(each["topic"], each["partition"], each["offset"]) for each in letters}) == len(letters)
            assert all(each["sealed"] for each in letters)
            # Replayed twice, what cannot be read is answered no more than before.
            for _ in range(2):
                assert await replay(settings, "opinion", [each["id"] for each in letters[:5]], None) == (0, 5)
        await asked.ends_well()


def _rewind(asked: Asking) -> None:
    for service in SERVICES:
        statement = f"update {service}.consumer_offset set next_offset = 0 where topic like '%.intake.%'"
        execute(asked.settings.database_url, statement)


async def _with_odd_headers(asked: Asking) -> None:
    odd = [sent(100 + number, "hotline", tip(), None) for number in range(len(ODD))]
    asked.reports += odd
    records = [
        Put(json.dumps(report.event).encode(), b"key", None, headers) for report, headers in zip(odd, ODD, strict=True)
    ]
    await put(asked.settings, TOPICS["hotline"], records)


async def _only_poison(asked: Asking, made: Sequence[Any], part: list[Sent], window: int) -> None:
    """The hotline's producer breaks: its topic is paused and says so, the others are answered; on by command."""
    topic = asked.settings.topic_prefix + TOPICS["hotline"]
    opinion = next(worker for worker in made if worker.service == "opinion")
    pause = f"{topic}: paused, too many invalid records"
    await put(asked.settings, TOPICS["hotline"], [Put(b"from a broken producer", b"key")] * 3 * window)
    await eventually(lambda: opinion.problems == [pause], 60)
    before = await asked.answers()
    await asked.put(part)
    await asked.goes_on(before)
    assert [each["topic"] for each in await paused(asked.settings, "opinion")] == [topic]
    behind = [each.event["id"] for each in part if each.producer == "hotline"]
    assert not await _known(asked, behind)
    assert await _resumed_until_all_is_read(asked) >= 2
    await eventually(lambda: not opinion.problems)


async def _resumed_until_all_is_read(asked: Asking) -> int:
    """By command, as often as too much of the latest is poison. Returns how often that was."""
    topic, resumed = asked.settings.topic_prefix + TOPICS["hotline"], 0

    async def goes_on_to_the_end() -> bool:
        nonlocal resumed
        resumed += await resume(asked.settings, "opinion", topic)
        return await asked.has_read_all()

    await eventually(goes_on_to_the_end, 60, 0.3)
    return resumed


async def _no_letter_can_be_written(asked: Asking, made: Sequence[Any], tables: Tables, part: list[Sent]) -> None:
    url = asked.settings.database_url
    opinion = next(worker for worker in made if worker.service == "opinion")
    letters, offsets = await tables.dead_letters(), await tables.offsets(TOPICS["hotline"])
    execute(url, "revoke insert on opinion.dead_letter from qingsheng_opinion")
    await put(asked.settings, TOPICS["hotline"], [Put(b"poison", partition=number) for number in offsets])
    await asked.put(part)
    await eventually(lambda: any("failing" in problem for problem in opinion.problems), 60)
    assert await tables.offsets(TOPICS["hotline"]) == offsets
    execute(url, "grant insert on opinion.dead_letter to qingsheng_opinion")
    await _resumed_until_all_is_read(asked)  # what is remembered of the poison before may pass the bound once more
    assert len(await tables.dead_letters()) == len(letters) + len(offsets)


async def _known(asked: Asking, ids: Sequence[str]) -> bool:
    connection = await asyncpg.connect(asked.settings.database_url)
    try:
        query = "select exists (select from opinion.intake_request where id = any($1::text[]))"
        return await connection.fetchval(query, list(ids))
    finally:
        await connection.close()
