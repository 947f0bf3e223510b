"""Where reading begins: at the stored offset alone, which operators may move while no worker runs."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from qingsheng.topics import ensure_topics
from shared.contracts.decoding import Decoded
from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import commit, committed, put
from tests.support.running import running
from tests.support.topics import delete_topics
from tests.support.waiting import eventually


async def test_offsets_that_kafka_committed_are_not_asked(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(8), partition=0))
    await commit(settings, "appraisal", SHARES, {0: 5})
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(8))
        # They are kept for tools that show the lag.
        await eventually(lambda: _is_committed(settings, 8))
    # Behind the stored one, it makes nothing be read again either.
    await commit(settings, "appraisal", SHARES, {0: 2})
    await appraisal.pool.execute("delete from fact; delete from tally; delete from person_count")
    await put(settings, SHARES, records(shares(1), partition=0))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(1))
    assert await appraisal.offsets() == {0: 9}


async def _is_committed(settings: Settings, offset: int) -> bool:
    return (await committed(settings, "appraisal", SHARES)).get(0) == offset


@pytest.mark.fault(16, "a topic rewound to zero")
async def test_rewound_by_an_operator_everything_is_read_again_and_counts_once(
    settings: Settings, appraisal: Tables
) -> None:
    await put(settings, SHARES, records(shares(20), partition=0))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(20))
    await appraisal.store_offset(0)
    # What is missing shows that all of it was read again.
    await appraisal.pool.execute("delete from fact; delete from tally; delete from person_count")
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(20))
    await appraisal.store_offset(7)
    async with running(counting_worker(settings)):
        await eventually(lambda: appraisal.stand_at({0: 20}))
        assert await appraisal.count() == Counted.once(20)


@pytest.mark.fault(7, "a commit that PostgreSQL lost when it crashed, and nothing comes after it")
async def test_offsets_that_go_back_under_an_idle_worker_are_read_on_from_there(
    settings: Settings, appraisal: Tables
) -> None:
    await put(settings, SHARES, [*records(shares(20), partition=0), *records(shares(5), partition=1)])
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(25))
        await eventually(lambda: appraisal.stand_at({0: 20, 1: 5}))
        await appraisal.pool.execute("delete from fact; delete from tally; delete from person_count")
        await appraisal.store_offset(0)
        await eventually(appraisal.counted(20))
        await eventually(lambda: appraisal.stand_at({0: 20, 1: 5}))


@pytest.mark.fault(15, "a stored offset beyond the topic's end")
async def test_an_offset_beyond_the_end_is_said_and_not_reset(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, [*records(shares(3), partition=0), *records(shares(4), partition=1)])
    await appraisal.store_offset(10)
    async with running(counting_worker(settings)) as worker:
        # The other partitions are read on.
        await eventually(appraisal.counted(4))
        [problem] = await eventually(lambda: worker.problems)
        assert f"{settings.topic_prefix}{SHARES}-0: stored offset 10 lies beyond the topic's end 3" in problem
        await put(settings, SHARES, [*records(shares(3), partition=0), *records(shares(1), partition=1)])
        await eventually(appraisal.counted(5))
        assert worker.problems == [problem]
    assert await appraisal.offsets() == {0: 10, 1: 5}
    await appraisal.store_offset(0)
    async with running(counting_worker(settings)) as worker:
        await eventually(appraisal.counted(11))
        assert worker.problems == []


@pytest.mark.fault(15, "a topic made anew: alarm, no silent reset")
async def test_a_topic_made_anew_under_a_running_worker(settings: Settings, appraisal: Tables) -> None:
    """aiokafka would read it from its beginning, and what is read there lies before the stored offset."""
    await put(settings, SHARES, records(shares(30), partition=0))
    async with running(counting_worker(settings)) as worker:
        await eventually(appraisal.counted(30))
        delete_topics(settings.kafka_bootstrap_servers, settings.topic_prefix + SHARES)
        await eventually(lambda: _made_anew(settings))
        await put(settings, SHARES, records(shares(5), partition=0))
        await eventually(lambda: any("lies beyond the topic's end" in problem for problem in worker.problems))
    assert await appraisal.offsets() == {0: 30}
    assert await appraisal.count() == Counted.once(30)


async def _made_anew(settings: Settings) -> bool:
    return f"{settings.topic_prefix}{SHARES}" in await ensure_topics(settings)


async def test_when_everything_was_read_is_when_the_broker_last_said_so(settings: Settings, appraisal: Tables) -> None:
    """A consumer that does not ask, for its topic is paused or the broker is away, knows of no fresher moment."""

    async def caught_up_at() -> datetime | None:
        return await appraisal.pool.fetchval(
            'select caught_up_at from consumer_offset where topic = $1 and "partition" = 0',
            settings.topic_prefix + SHARES,
        )

    async with running(counting_worker(settings)) as worker:
        await put(settings, SHARES, records(shares(1), partition=0))
        await eventually(appraisal.counted(1))
        read = datetime.now(UTC)
        first = await eventually(lambda: _later(caught_up_at, read))
        assert first - datetime.now(UTC) < timedelta(seconds=1)
        await appraisal.pool.execute(
            "insert into consumer_pause (topic, reason) values ($1, 'a test')", settings.topic_prefix + SHARES
        )
        await eventually(lambda: worker.problems)
        paused = datetime.now(UTC)
        await eventually(lambda: _beats(appraisal, paused + timedelta(seconds=2.5)))
        last = await caught_up_at()
        assert last
        assert last < paused + timedelta(seconds=1)


async def _later(look: Any, than: datetime) -> Any:
    found = await look()
    return found if found and found > than else None


async def _beats(appraisal: Tables, than: datetime) -> bool:
    return await appraisal.pool.fetchval("select max(at) > $1 from worker_state", than)


async def test_a_partition_of_which_nothing_comes_is_told(
    settings: Settings, appraisal: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a codec is not installed here, or the right to read is gone."""
    monkeypatch.setattr("shared.delivery.consuming.STALLED_AFTER", 0.5)
    async with running(counting_worker(settings)) as worker:
        await put(settings, SHARES, records(shares(1), partition=0))
        await eventually(appraisal.counted(1))
        [consumer] = worker._consumers  # pyright: ignore[reportPrivateUsage]
        kafka: Any = consumer._consumer  # pyright: ignore[reportPrivateUsage]
        gives, gives_nothing = kafka.getmany, asyncio.Event()

        async def nothing(**_: Any) -> dict[Any, Any]:
            gives_nothing.set()
            await asyncio.sleep(0.05)
            return {}

        kafka.getmany = nothing
        await gives_nothing.wait()
        await put(settings, SHARES, records(shares(2), partition=0))
        [problem] = await eventually(lambda: worker.problems)
        assert problem.startswith(f"{settings.topic_prefix}{SHARES}-0: offset 1 cannot be read")
        kafka.getmany = gives
        await eventually(appraisal.counted(3))
        await eventually(lambda: not worker.problems)


async def test_what_is_in_hand_is_read_again_when_another_partition_goes_back(
    settings: Settings, appraisal: Tables
) -> None:
    away = True
    tried: set[int] = set()

    def around(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Decoded]]) -> None:
            tried.update(read.partition for read in reads)
            if away and any(read.partition == 1 for read in reads):
                raise ConnectionRefusedError("the database is away")
            await applies(connection, reads)

        return apply

    await put(settings, SHARES, records(shares(5), partition=0))
    async with running(counting_worker(settings, around)) as worker:
        await eventually(lambda: appraisal.stand_at({0: 5}))
        await put(settings, SHARES, records(shares(3), partition=1))
        await eventually(lambda: worker.problems)
        tried.clear()
        # As after a crash that took the last commit back.
        await appraisal.pool.execute("""update consumer_offset set next_offset = 2 where "partition" = 0""")
        await eventually(lambda: 0 in tried)
        away = False
        await eventually(lambda: appraisal.stand_at({0: 5, 1: 3}))
