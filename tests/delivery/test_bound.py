"""A topic most of whose records are invalid is read no further until an operator says so."""

from datetime import UTC, datetime, timedelta

import pytest

from qingsheng.operate.dead_letters import paused, resume
from shared.delivery.worker import Worker
from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, put
from tests.support.running import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(19, "mostly poison: the bound trips, reading stops and says so, resumes by command")

BAD = Put(b"from a broken producer", partition=0)


async def stands_still(worker: Worker, appraisal: Tables, topic: str) -> None:
    """Returns when the worker says that it is paused, and has gone on living for more than a heartbeat since."""
    await eventually(lambda: worker.problems == [f"{topic}: paused, too many invalid records"])
    said = datetime.now(UTC)

    async def lives_on() -> bool:
        return await appraisal.pool.fetchval(
            "select exists (select from worker_state where at > $1 and problems <> '{}')", said + timedelta(seconds=1.2)
        )

    await eventually(lives_on)


async def test_more_than_half_of_a_thousand(settings: Settings, appraisal: Tables) -> None:
    topic = settings.topic_prefix + SHARES
    await put(settings, SHARES, [*records(shares(500), partition=0), *[BAD] * 1_900])
    async with running(counting_worker(settings)) as worker:
        await stands_still(worker, appraisal, topic)
        assert [(found["topic"], found["reason"]) for found in await paused(settings, "appraisal")] == [
            (topic, "more than 50% of the last 1000 records are invalid")
        ]
        # The 501st invalid one of a thousand passes the bound; nothing behind it is read.
        assert await appraisal.offsets() == {0: 1_001}
        assert len(await appraisal.dead_letters()) == 501
    # Nor by a worker that is started now, or by one that knew nothing of it.
    async with running(counting_worker(settings)) as worker:
        await stands_still(worker, appraisal, topic)
        assert await appraisal.offsets() == {0: 1_001}
        assert await resume(settings, "appraisal", topic)
        # It begins to count anew, and passes the bound anew.
        await eventually(lambda: appraisal.stand_at({0: 2_001}))
        await stands_still(worker, appraisal, topic)
        assert await resume(settings, "appraisal", topic)
        await put(settings, SHARES, records(shares(10), partition=0))
        await eventually(appraisal.counted(510))
        assert worker.problems == []
    assert not await resume(settings, "appraisal", topic)
    assert len(await appraisal.dead_letters()) == 1_900
    audit = await appraisal.pool.fetch("select action, detail from audit_line order by id")
    assert [(line["action"], line["detail"]) for line in audit] == [("dlq.resume", {"topic": topic})] * 2


async def test_half_of_them_is_not_too_many(settings: Settings, appraisal: Tables) -> None:
    small = settings.model_copy(update={"dead_letter_window": 10})
    good = records(shares(20), partition=0)
    await put(settings, SHARES, [record for share in good for record in (share, BAD)])
    async with running(counting_worker(small)) as worker:
        await eventually(appraisal.counted(20))
        await eventually(lambda: appraisal.stand_at({0: 40}))
        assert worker.problems == []


async def test_a_pause_holds_for_every_worker_at_once(settings: Settings, appraisal: Tables) -> None:
    """Not only when each next looks at its tables."""
    topic = settings.topic_prefix + SHARES
    async with running(counting_worker(settings)) as worker:
        await put(settings, SHARES, records(shares(1), partition=0))
        await eventually(appraisal.counted(1))
        await appraisal.pool.execute("insert into consumer_pause (topic, reason) values ($1, 'another worker')", topic)
        await put(settings, SHARES, [*records(shares(5), partition=0), BAD])
        await stands_still(worker, appraisal, topic)
        assert await appraisal.count() == Counted.once(1)
        assert await appraisal.dead_letters() == []
        assert await resume(settings, "appraisal", topic)
        await eventually(appraisal.counted(6))
    assert len(await appraisal.dead_letters()) == 1


async def test_a_pause_in_the_middle_of_a_batch_lets_no_offset_go_back(settings: Settings, appraisal: Tables) -> None:
    """What the batch in hand does after the worker saw the pause is done; it is not read again."""
    topic = settings.topic_prefix + SHARES
    async with running(counting_worker(settings, max_records=4)) as worker:
        async with appraisal.transaction() as holding:
            await holding.execute("lock table person_count in exclusive mode")
            await put(settings, SHARES, [*records(shares(3), partition=0), BAD])
            await eventually(appraisal.someone_waits_for_a_lock)
            # The batch has passed the fence; the worker learns of the pause while it is being applied.
            await appraisal.pool.execute("insert into consumer_pause (topic, reason) values ($1, 'an operator')", topic)
            await eventually(lambda: worker.problems == [f"{topic}: paused, too many invalid records"])
        await eventually(appraisal.counted(3))
        await eventually(lambda: appraisal.stand_at({0: 4}))
        # The operator deals with the letter and lets the topic be read on: the letter does not come again.
        await appraisal.pool.execute("delete from dead_letter")
        assert await resume(settings, "appraisal", topic)
        await put(settings, SHARES, records(shares(2), partition=0))
        await eventually(appraisal.counted(5))
    assert await appraisal.offsets() == {0: 6}
    assert await appraisal.dead_letters() == []
