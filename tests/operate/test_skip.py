"""``qingsheng dlq skip``: a consumer that is stopped by one record goes on behind it; the record is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from shared.contracts.envelope import Event
from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Tables
from tests.operate.asking import Said, qingsheng
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.running import running
from tests.support.waiting import eventually


async def skip(settings: Settings, offset: int, *more: str, topic: str = SHARES, because: str = "a test") -> Said:
    words = ("dlq", "skip", "appraisal", topic, "0", str(offset), "--because", because, *more)
    return await qingsheng(settings, *words)


def stopped_by(event: Event, stop: Callable[[Connection], Awaitable[object]]) -> Callable[[Apply], Apply]:
    """Makes an ``apply`` that does this whenever ``event`` is among what it is given."""

    def around(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            if any(read.content.id == event.id for read in reads):
                await stop(connection)
            await applies(connection, reads)

        return apply

    return around


async def breaks(_: Connection) -> None:
    raise asyncpg.IdleInTransactionSessionTimeoutError("it took too long")


@pytest.mark.parametrize("bulk", [True, False])
async def test_it_stands_at_the_record_that_breaks_it_and_goes_on_behind_it(
    settings: Settings, appraisal: Tables, bulk: bool
) -> None:
    events = shares(20)
    await put(settings, SHARES, records(events, partition=0))
    worker = counting_worker(settings, stopped_by(events[7], breaks))
    if bulk:
        [subscription] = worker.subscriptions
        [own] = counting_worker(settings).subscriptions
        assert own.bulk is not None

        async def apply(connection: Connection, *_: object) -> None:
            await breaks(connection)

        worker.subscriptions = [replace(subscription, bulk=replace(own.bulk, apply=apply))]
    async with running(worker):
        await eventually(lambda: any("offset 7 breaks" in problem for problem in worker.problems), 40)
        assert await appraisal.offsets() == {0: 7}
        for wrong in (6, 8):
            refused = await skip(settings, wrong)
            assert (refused.code, "stands at offset 7 " in refused.err) == (1, True)
        assert (await appraisal.offsets(), await appraisal.dead_letters()) == ({0: 7}, [])
        assert (await skip(settings, 7, because="breaks the reader")).code == 0
        await eventually(appraisal.counted(19))
        assert await appraisal.offsets() == {0: 20}
    [letter] = await appraisal.dead_letters()
    assert (letter["offset"], letter["reason"], letter["value"]) == (7, "skipped", events[7].to_json())
    place = {"topic": settings.topic_prefix + SHARES, "partition": 0, "offset": 7}
    for log, details in (("audit_line", "detail"), ("audit", "details")):
        [line] = await appraisal.pool.fetch(f"select actor, action, {details} from {log}")
        assert line["actor"].startswith("cli:")
        assert (line["action"], line[details]) == ("dlq.skip", place | {"because": "breaks the reader"})
    # The cause mended, nothing is lost.
    assert (await qingsheng(settings, "dlq", "replay", "appraisal", "--reason", "skipped")).code == 0
    await eventually(appraisal.counted(20))


async def test_a_transaction_that_holds_the_offset_is_ended(settings: Settings, appraisal: Tables) -> None:
    events = shares(3)
    await put(settings, SHARES, records(events, partition=0))
    patient = settings.model_copy(update={"database_timeout": 300.0})
    came = asyncio.Event()

    async def hangs(connection: Connection) -> None:
        came.set()
        await connection.execute("select pg_sleep(600)")

    async with running(counting_worker(patient, stopped_by(events[0], hangs))):
        await asyncio.wait_for(came.wait(), 20)
        assert (await skip(settings, 0)).code == 0
        await eventually(appraisal.counted(2))
    assert [letter["offset"] for letter in await appraisal.dead_letters()] == [0]


async def test_refused_with_its_reason(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(3), partition=0))
    for code, why, said in (
        (1, "has not begun to read partition 0", await skip(settings, 0)),
        (1, "holds offsets 0 to 2", await skip(settings, 3)),
        (1, "does not read", await skip(settings, 0, topic="qingsheng.nothing")),
        (2, "--because says", await skip(settings, 0, because=" ")),
    ):
        assert (said.code, why in said.err) == (code, True), said
    assert await appraisal.dead_letters() == []
    assert await appraisal.pool.fetchval("select count(*) from audit") == 0
