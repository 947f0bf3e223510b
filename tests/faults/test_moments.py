"""The appraisal's worker around a commit: killed just before or just behind it, or never told that it was done."""

import pytest

from services.appraisal.worker import create_worker
from tests.delivery.tables import SHARES
from tests.delivery.test_outages import through_a_way
from tests.faults.doomed_process import MODULE
from tests.faults.sizes import size
from tests.faults.trial import Trial, mixed
from tests.support.kafka import committed, expel, members
from tests.support.running import child, running
from tests.support.waiting import eventually


@pytest.mark.fault(2, "killed after PostgreSQL's commit, before Kafka's, again and again")
async def test_killed_behind_the_commit(tried: Trial) -> None:
    for seed in range(size(2, 8)):
        before = await tried.tables.offsets()
        await _killed("after", tried, seed)
        stored, known = await tried.tables.offsets(), await committed(tried.settings, "appraisal", SHARES)
        assert stored != before
        # For Kafka the last batch was never read.
        assert sum(stored.values()) > sum(offset for offset in known.values() if offset > 0)
    await _ends_well(tried)


@pytest.mark.fault(3, "killed before the commit, with all effects made, again and again")
async def test_killed_before_the_commit(tried: Trial) -> None:
    for seed in range(size(2, 8)):
        await _killed("before", tried, seed)
        assert await tried.tables.offsets() == {}
    await _ends_well(tried)


async def _killed(moment: str, tried: Trial, seed: int) -> None:
    await tried.accept(mixed(2_000, seed))
    with child(tried.settings, MODULE, ["appraisal-worker", moment, SHARES]) as doomed:
        await eventually(doomed.was_killed, 60)
    # As the broker does when the session of the dead ends, ten seconds later.
    await expel(tried.settings, "appraisal", await members(tried.settings, "appraisal"))


async def _ends_well(tried: Trial) -> None:
    before = await tried.read()
    await tried.accept(mixed(500, 99))
    async with running(create_worker(tried.settings)):
        await tried.recovers(since=before)
        await tried.holds()


@pytest.mark.fault(8, "the proxy forwards COMMIT and cuts the reply, batch after batch")
async def test_the_reply_to_commit_is_lost(tried: Trial, caplog: pytest.LogCaptureFixture) -> None:
    async with through_a_way(tried.settings) as (severed, way), running(create_worker(severed)):
        await tried.recovers()
        for seed in range(size(3, 15)):
            # On new connections, which say a statement in full: so it is a batch whose reply is lost.
            await way.cut()
            way.lose_answer(b"set next_offset = d.next", b"COMMIT;")
            await way.mend()
            await tried.accept(mixed(1_000, seed))
            await eventually(lambda: way.has_lost_it, 30)
            before = await tried.read()
            await tried.accept(mixed(200, 100 + seed))
            await tried.recovers(since=before)
        await tried.holds()
    # The worker cannot know that a batch is committed: its next attempt meets the fence.
    assert "fenced; another owner went on" in caplog.text
