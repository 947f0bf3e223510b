"""Workers that are killed, frozen and replaced while events flow."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest
from faststream.kafka import KafkaBroker

from services.appraisal.worker import create_worker
from shared.delivery.subscription import Read
from shared.postgres import Connection
from tests.delivery.counting import Apply, counting_worker
from tests.faults.sizes import FULL, size
from tests.faults.trial import Trial, mixed
from tests.support.event_log import service_of
from tests.support.kafka import expel, members
from tests.support.random_events import arrivals
from tests.support.running import child, running
from tests.support.waiting import eventually

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
    rounds, rng = size(5, 40), Random(10)
    events = mixed(size(10_000, 100_000))
    each = len(events) // (rounds + 1)
    went_on = 0
    with ExitStack() as leaving:
        replicas = [leaving.enter_context(child(tried.settings, "qingsheng", WORKER)) for _ in range(3)]
        await tried.recovers()
        for number in range(rounds):
            before = await tried.read()
            sending = asyncio.create_task(tried.accept(events[number * each : (number + 1) * each]))
            gone: subprocess.Popen[bytes] = replicas.pop(rng.randrange(3)).process
            gone.send_signal(ends := rng.choice((signal.SIGTERM, signal.SIGKILL)))
            if ends == signal.SIGKILL:
                # As the broker does when a session ends; the two others join anew. Without it the group would stand
                # still throughout: each time, one more dead member has ten seconds left.
                await expel(tried.settings, "appraisal", await members(tried.settings, "appraisal"))
            replicas.append(leaving.enter_context(child(tried.settings, "qingsheng", WORKER)))
            await asyncio.sleep(3)  # the pace of the fault
            await sending
            went_on += await tried.read() > before
        assert went_on > rounds / 2
        before = await tried.read()
        await tried.accept(events[rounds * each :])
        await tried.recovers(since=before)
        await tried.holds()


@pytest.mark.fault(11, "a worker frozen with a batch in hand past its session's end, then continued: fenced")
async def test_a_frozen_worker_comes_back(tried: Trial, tmp_path: Path) -> None:
    assert await _comes_back(tried, "before", tmp_path / "outcome") == "Fenced"


@pytest.mark.skipif(not FULL, reason="PostgreSQL ends what a frozen client holds after a minute")
@pytest.mark.fault(11, "a worker frozen amid its transaction, until PostgreSQL ends that; then continued")
async def test_a_frozen_transaction_comes_back(tried: Trial, tmp_path: Path) -> None:
    became = await _comes_back(tried, "amid", tmp_path / "outcome")
    assert became in ("IdleInTransactionSessionTimeoutError", "ConnectionDoesNotExistError", "InterfaceError")


async def _comes_back(tried: Trial, when: str, outcome: Path) -> str:
    """What became of the batch of the worker that was frozen; all of it another one has applied meanwhile."""
    with child(tried.settings, "tests.faults.freezing_worker", [when, str(outcome)]) as frozen:
        await tried.holds()
        # Shares alone: frozen amid transactions of its other topics, it would hold up these for a minute.
        await tried.accept([event for event in mixed(4_000) if service_of(event) == "campaign"])
        await eventually(frozen.is_frozen)
        with child(tried.settings, "qingsheng", WORKER):
            # Amid a transaction, PostgreSQL's minute is waited for.
            await tried.recovers(deadline=120)
            await tried.holds()
            frozen.thaw()
            await eventually(outcome.exists)
            await tried.accept(mixed(2_000, seed=11))
            await tried.holds()
    return outcome.read_text()


@pytest.mark.fault(12, "a batch slower than the rebalance's time-out while its partitions are revoked")
async def test_a_batch_slower_than_the_rebalance(tried: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = size(5, 60)  # of the broker, in seconds; the worker's own is 60
    subscriber: Any = KafkaBroker.subscriber
    begun, goes_on = asyncio.Event(), asyncio.Event()

    def hurried(self: Any, *topics: str, **options: Any) -> Any:
        return subscriber(self, *topics, **options | {"rebalance_timeout_ms": patience * 1000})

    def slowly(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            begun.set()
            while not goes_on.is_set():
                await connection.execute("select pg_sleep(0.1)")
            await applies(connection, reads)

        return apply

    monkeypatch.setattr(KafkaBroker, "subscriber", hurried)
    await tried.accept(mixed(2_000))
    async with running(counting_worker(tried.settings, slowly)):
        await asyncio.wait_for(begun.wait(), 30)
        began = time.monotonic()
        async with running(create_worker(tried.settings)):
            # The broker has waited, and given the partitions to the other, which waits for the row of an offset.
            await eventually(tried.tables.someone_waits_for_a_lock, patience + 30)
            assert time.monotonic() - began >= patience
            goes_on.set()
            await tried.recovers()
            await tried.accept(mixed(2_000, seed=12))
            await tried.holds()


@pytest.mark.fault(16, "all topics rewound to zero, and everything sent three times")
async def test_rewound_and_sent_three_times(tried: Trial) -> None:
    events = mixed(size(5_000, 100_000))
    await tried.accept(events)
    with child(tried.settings, "qingsheng", WORKER):
        await tried.holds(deadline=size(60, 300))
    await tried.rewind()
    await expel(tried.settings, "appraisal", await members(tried.settings, "appraisal"))
    with child(tried.settings, "qingsheng", WORKER):
        await tried.recovers()
        for _ in range(2):
            await tried.accept(events)
        await tried.holds(deadline=size(60, 300))


@pytest.mark.fault(17, "everything in random order, versions with it, a third of it more than once")
async def test_any_order(tried: Trial) -> None:
    events = arrivals(mixed(size(5_000, 100_000)), Random(17), copies=33)
    part = len(events) // 20
    with child(tried.settings, "qingsheng", WORKER):
        # In parts, so that copies meet batches that were applied before.
        for start in range(0, len(events), part):
            before = await tried.read()
            await tried.accept(events[start : start + part])
            await tried.recovers(since=before)
        await tried.holds(deadline=size(60, 300))
