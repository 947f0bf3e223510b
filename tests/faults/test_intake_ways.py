"""Reports of other systems while their answers leave out of order, by two relays, or over ways that are slow and half deaf."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from services.opinion.intake import create_door
from shared.contracts.requests import parse
from shared.delivery.intake import Arrival
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.delivery.test_relay import holders, relay_process
from tests.end_to_end.test_mixed_stream import Sent, all_sent, one, tip
from tests.faults.asking import WORKERS, Asking, asking, sent
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.faults.ways import ways
from tests.support.running import Child, child
from tests.support.services import settings_for
from tests.support.stack import Servers
from tests.support.waiting import eventually


@pytest.mark.fault(21, ONE_EACH)
@pytest.mark.fault(22, ONE_EACH)
@pytest.mark.fault(23, ONE_EACH)
async def test_answers_however_they_leave(database_url: str, stack: Servers, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=2.0)
    async with asking(settings, size(300, 1_500)) as asked:
        parts = asked.parts(10)
        with child(settings, "qingsheng", WORKERS):
            await _lower_rows_commit_later(asked, parts[0])
        await _two_relays(asked, parts[1:4])
        await _late_and_half_deaf(asked, parts[4:])
        await asked.ends_well()


async def _lower_rows_commit_later(asked: Asking, part: Sequence[Sent]) -> None:
    """Answers and events of reports taken by HTTP, say, whose transaction takes long, while others are answered."""
    slow = [sent(200 + number, "hotline", tip(), None) for number in range(20)]
    asked.reports += slow
    async with Tables.of(asked.settings, "opinion") as tables:
        async with tables.transaction() as connection:
            arrivals = [Arrival("hotline", parse(json.dumps(each.event).encode())) for each in slow]
            replies = await create_door(asked.settings).take(connection, arrivals)
            assert all(len(reply.answers) == 1 for reply in replies)
            before = await asked.answers()
            await asked.send(part)
            await asked.goes_on(before)
            await eventually(lambda: all_sent(asked.settings.database_url), 60)
        await eventually(lambda: all_sent(asked.settings.database_url), 60)


async def _two_relays(asked: Asking, parts: Sequence[Sequence[Sent]]) -> None:
    """The campaign's: one is frozen past its lease with answers to send; the workers' own takes over, and is not given way."""
    process = relay_process(asked.settings)
    frozen = Child(process)
    try:
        await eventually(lambda: _one_holds(asked.settings), 60)
        with child(asked.settings, "qingsheng", WORKERS):
            await asked.send(parts[0])
            await asked.all_read()
            frozen.freeze()
            await asked.send(parts[1])
            # After two seconds of silence PostgreSQL ends its session.
            await eventually(lambda: _has_sent(asked.settings), 60)
            frozen.thaw()
            await asked.send(parts[2])
            await asked.all_read()
            await eventually(lambda: _has_sent(asked.settings), 60)
            assert await _one_holds(asked.settings)
    finally:
        frozen.thaw()
        process.kill()
        process.wait()


async def _one_holds(settings: Settings) -> bool:
    return await holders(settings) == 1


async def _has_sent(settings: Settings) -> bool:
    return await one(settings.database_url, "select count(*) from campaign.outbox") == 0


async def _late_and_half_deaf(asked: Asking, parts: Sequence[Sequence[Sent]]) -> None:
    rest = iter(parts)
    settings = asked.settings.model_copy(update={"database_timeout": 2.0})
    async with ways(settings) as (severed, to_broker, to_database):
        with child(severed, "qingsheng", WORKERS):
            for way in (to_broker, to_database):
                await asked.put(next(rest))
                way.delay = 0.5
                await asked.all_read(90)
                way.delay = 0.0
                for to_server in (True, False):
                    way.hold(to_server=to_server, to_client=not to_server)
                    await asked.put(next(rest))
                    await asyncio.sleep(size(4, 15))  # the fault
                    way.let_pass()
                    await asked.all_read(90)
