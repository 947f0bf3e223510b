"""Workers that are killed, frozen and replaced while events flow."""

import asyncio
import signal
import subprocess
from contextlib import ExitStack
from random import Random

import pytest

from tests.faults.sizes import size
from tests.faults.trial import Trial, mixed
from tests.support.kafka import expel, members
from tests.support.random_events import arrivals
from tests.support.running import child

WORKER = ["run", "appraisal-worker"]


@pytest.mark.fault(1, "the appraisal's worker killed at random times amid its work")
async def test_killed_at_random_times(tried: Trial) -> None:
    kills, each, rng = size(5, 100), 9_900, Random(1)
    amid_batches = 0
    for kill in range(kills):
        sending = asyncio.create_task(tried.accept(await asyncio.to_thread(mixed, each, kill)))
        with child(tried.settings, "qingsheng", WORKER) as worker:
            await tried.recovers()
            await asyncio.sleep(rng.random() / 2)  # the random time
            worker.freeze()
            amid_batches += await _amid_a_batch(tried)
        await sending
        # As the broker does when the session of the dead ends, ten seconds later.
        await expel(tried.settings, "appraisal", await members(tried.settings, "appraisal"))
    assert amid_batches >= size(0, 20)
    await tried.accept(mixed(each, kills))
    with child(tried.settings, "qingsheng", WORKER):
        await tried.holds(deadline=size(60, 600))


async def _amid_a_batch(tried: Trial) -> bool:
    """Whether a transaction that has written facts is open."""
    return await tried.tables.pool.fetchval(
        "select exists (select from pg_locks where relation = 'fact'::regclass and mode = 'RowExclusiveLock')"
    )


@pytest.mark.fault(10, "one of three replicas stopped or killed, and replaced, every 3 s")
async def test_replicas_come_and_go(tried: Trial) -> None:
    rounds, rng = size(3, 40), Random(10)
    events = mixed(size(3_000, 100_000))
    each = len(events) // rounds
    with ExitStack() as leaving:
        replicas = [leaving.enter_context(child(tried.settings, "qingsheng", WORKER)) for _ in range(3)]
        for number in range(rounds):
            await tried.accept(events[number * each : (number + 1) * each])
            gone: subprocess.Popen[bytes] = replicas.pop(rng.randrange(3)).process
            gone.send_signal(rng.choice((signal.SIGTERM, signal.SIGKILL)))
            replicas.append(leaving.enter_context(child(tried.settings, "qingsheng", WORKER)))
            await asyncio.sleep(3)  # the pace of the fault
        await tried.accept(events[rounds * each :])
        await tried.recovers(deadline=120)
        await tried.holds(deadline=180)


@pytest.mark.fault(11, "a worker frozen past its session's end, its partitions taken over, then continued")
async def test_a_frozen_worker_comes_back(tried: Trial) -> None:
    with child(tried.settings, "qingsheng", WORKER) as frozen:
        await tried.accept(mixed(2_000))
        await tried.recovers()
        frozen.freeze()
        await tried.accept(mixed(2_000, seed=11))
        with child(tried.settings, "qingsheng", WORKER):
            # Whatever lock it held, PostgreSQL ends its transaction after a minute.
            await tried.recovers(deadline=150)
            frozen.thaw()
            await tried.accept(mixed(2_000, seed=12))
            await tried.holds(deadline=150)


@pytest.mark.fault(17, "everything in random order, versions with it, a third of it more than once")
async def test_any_order(tried: Trial) -> None:
    await tried.accept(arrivals(mixed(size(5_000, 100_000)), Random(17), copies=33))
    with child(tried.settings, "qingsheng", WORKER):
        await tried.holds(deadline=size(120, 900))
