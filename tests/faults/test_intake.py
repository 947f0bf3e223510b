"""Reports of other systems while what answers them is killed, stopped and frozen: each gets its one answer all the same."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from qingsheng.migrations import amigrate
from qingsheng.producers import issue_key
from qingsheng.topics import ensure_topics
from tests.end_to_end.test_mixed_stream import (
    DOORS,
    all_sent,
    each_has_its_answer,
    has_answered,
    have_answers,
    laid,
    send,
    stream,
)
from tests.faults.servers import Server, own
from tests.faults.sizes import size
from tests.faults.summary import ONE_EACH
from tests.support.running import Child, child
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

WORKERS = ["run", "producing-workers"]
Harm = Callable[[Child], Awaitable[None]]


def harms(broker: Server, database: Server) -> list[Harm]:
    """In the order in which they are done; after each the servers run again. A worker that was killed does not."""

    async def frozen(what: Server | Child) -> None:
        what.freeze()
        await asyncio.sleep(size(4, 15))  # the fault: longer than a deadline, in full than a session of the group
        what.thaw()

    async def worker_is_killed(worker: Child) -> None:
        worker.process.kill()
        worker.process.wait()

    async def worker_is_frozen(worker: Child) -> None:
        await frozen(worker)

    async def broker_is_killed(_: Child) -> None:
        await broker.kill()
        await broker.start()

    async def broker_is_frozen(_: Child) -> None:
        await frozen(broker)

    async def database_stops(_: Child) -> None:
        await database.stop_immediately()
        await database.start()

    async def database_is_frozen(_: Child) -> None:
        await frozen(database)

    return [
        worker_is_killed, broker_is_killed, database_stops, worker_is_frozen, broker_is_frozen, database_is_frozen,
    ]  # fmt: skip


@pytest.mark.fault(1, ONE_EACH)
@pytest.mark.fault(5, ONE_EACH)
@pytest.mark.fault(6, ONE_EACH)
@pytest.mark.fault(7, ONE_EACH)
@pytest.mark.fault(9, ONE_EACH)
@pytest.mark.fault(11, ONE_EACH)
async def test_every_report_gets_its_one_answer() -> None:
    async with own("Kafka") as broker, own("PostgreSQL") as database:
        await amigrate(database.address)
        settings = settings_for(
            database.address, broker.address, **broker.login, parking_seconds=2.0, database_timeout=2.0
        )
        await ensure_topics(settings)
        ground = await laid(settings, {name: await issue_key(settings, name, [of]) for name, of in DOORS.items()})
        reports = list(stream(ground, size(600, 1_500)))
        done = harms(broker, database)
        async with client(settings, list(DOORS.values())) as http:
            for number, harm in enumerate(done):
                with child(settings, "qingsheng", WORKERS) as worker:
                    await send(http, ground, reports[number :: len(done)])
                    await eventually(lambda: has_answered(settings.database_url), deadline=60)
                    await harm(worker)
            with child(settings, "qingsheng", WORKERS):
                await eventually(lambda: have_answers(settings, len(reports)), deadline=180, interval=1)
                await eventually(lambda: all_sent(settings.database_url), deadline=60)
            await each_has_its_answer(http, ground, reports)
