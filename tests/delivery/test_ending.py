"""A worker that is told to end is gone within 15 seconds whatever it does; nothing is lost, and nothing counts twice."""

import asyncio
from pathlib import Path

from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import expel, members, put
from tests.support.running import Child, child, running
from tests.support.waiting import eventually

WITHIN = 15.0
"""Seconds."""


async def ended(worker: Child) -> int:
    """Tells it to end, twice, as somebody does who waits. Its exit code."""
    loop = asyncio.get_running_loop()
    told = loop.time()
    worker.process.terminate()
    await asyncio.sleep(1)
    worker.process.terminate()
    await eventually(lambda: worker.process.poll() is not None, 60)
    assert loop.time() - told < WITHIN
    return worker.process.returncode


async def its_successor_counts(settings: Settings, appraisal: Tables, number: int) -> None:
    await expel(settings, "appraisal", await members(settings, "appraisal"))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(number), 40)
    assert await appraisal.offsets() == {0: number}


async def test_held_by_a_lock_it_rolls_back_and_ends(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(40), partition=0))
    async with appraisal.pool.acquire() as other:
        async with other.transaction():
            await other.execute("lock table fact in exclusive mode")

            async def waits() -> bool:
                return await appraisal.pool.fetchval("select exists (select from pg_locks where not granted)")

            with child(settings, "qingsheng", ["run", "appraisal-worker"]) as worker:
                await eventually(waits, 60)
                assert await ended(worker) == 0
            # Its transaction ended with it, so its lock on the offset is free.
            assert await appraisal.offsets() == {}
    await its_successor_counts(settings, appraisal, 40)


async def test_its_loop_held_for_ever_it_is_cut_off(settings: Settings, appraisal: Tables, tmp_path: Path) -> None:
    await put(settings, SHARES, records(shares(40), partition=0))
    told = tmp_path / "holds"
    with child(settings, "tests.delivery.busy_worker", [str(told)]) as worker:
        await eventually(told.exists, 60)
        assert await ended(worker) == 1
    assert await appraisal.count() == Counted.once(0)
    await its_successor_counts(settings, appraisal, 40)
