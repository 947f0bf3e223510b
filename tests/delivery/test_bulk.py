"""Records taken in bulk: the same as one by one, whatever is among them and whatever happens to the block."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from shared.delivery.consuming import Consumer
from shared.delivery.subscription import Bulk, Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import counting_worker, subscription_to_shares
from tests.delivery.tables import SHARES, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, put
from tests.support.running import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(18, "poison and copies among records that are taken in bulk")


class Seen:
    """A subscription's bulk way, watched; ``fails`` makes every block fail."""

    def __init__(self, settings: Settings, *, fails: bool = False) -> None:
        bulk = subscription_to_shares(settings).bulk
        assert bulk is not None
        self._bulk: Bulk[Any, Any] = bulk
        self._fails = fails
        self.blocks: list[int] = []

    def bulk(self) -> Bulk[Any, Any]:
        return replace(self._bulk, apply=self._apply)

    async def _apply(self, connection: Connection, block: Any, reads: Sequence[Read[Any]]) -> None:
        self.blocks.append(len(block))
        await self._bulk.apply(connection, block, reads)
        if self._fails:
            raise RuntimeError("whatever may be wrong with a block")


async def test_poison_among_them_hurts_no_neighbour(settings: Settings, appraisal: Tables) -> None:
    good = records(shares(300), partition=0)
    await put(
        settings, SHARES, [*good[:150], Put(b"poison", partition=0), *good[150:], Put(None, key=b"k", partition=0)]
    )
    seen = Seen(settings)
    async with running(counting_worker(settings, bulk=seen.bulk())):
        await eventually(appraisal.counted(300))
        await eventually(lambda: appraisal.stand_at({0: 302}))
    assert sum(seen.blocks) == 300
    assert [(letter["offset"], letter["reason"]) for letter in await appraisal.dead_letters()] == [
        (150, "not_json"),
        (301, "tombstone"),
    ]


async def test_copies_among_them_count_once(settings: Settings, appraisal: Tables) -> None:
    events = shares(200)
    await put(settings, SHARES, records([*events, *events[:100]], partition=0))
    seen = Seen(settings)
    async with running(counting_worker(settings, bulk=seen.bulk())):
        await eventually(lambda: appraisal.stand_at({0: 300}))
        await put(settings, SHARES, records(events, partition=1))
        await eventually(lambda: appraisal.stand_at({0: 300, 1: 200}))
    assert sum(seen.blocks) >= 300
    assert await appraisal.count() == (200, 200, 200)


async def test_a_block_that_cannot_be_applied_goes_the_ordinary_way(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(200), partition=0))
    seen = Seen(settings, fails=True)
    async with running(counting_worker(settings, bulk=seen.bulk())) as worker:
        await eventually(appraisal.counted(200))
        await eventually(lambda: not worker.problems)
    assert seen.blocks
    assert await appraisal.dead_letters() == []


async def test_while_more_waits_batches_are_applied_together(settings: Settings, appraisal: Tables) -> None:
    good = records(shares(5_500), partition=0)
    await put(settings, SHARES, [*good[:2_500], Put(b"poison", partition=0), *good[2_500:]])
    seen = Seen(settings)
    async with running(counting_worker(settings, bulk=seen.bulk(), max_records=1_000)):
        await eventually(appraisal.counted(5_500))
        await eventually(lambda: appraisal.stand_at({0: 5_501}))
    assert max(seen.blocks) > 2_000
    assert [(letter["offset"], letter["reason"]) for letter in await appraisal.dead_letters()] == [(2_500, "not_json")]


async def test_more_that_does_not_come_is_not_waited_for(
    settings: Settings, appraisal: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Consumer, "_left", lambda *_: 1)
    await put(settings, SHARES, records(shares(1_500), partition=0))
    async with running(counting_worker(settings, max_records=2_000)):
        await eventually(appraisal.counted(1_500))


async def test_batches_that_cannot_be_applied_together_are_read_again(settings: Settings, appraisal: Tables) -> None:
    good = records(shares(3_000), partition=0)
    await put(settings, SHARES, [*good[:1_500], Put(b"poison", partition=0), *good[1_500:]])
    seen = Seen(settings, fails=True)
    async with running(counting_worker(settings, bulk=seen.bulk(), max_records=1_000)) as worker:
        await eventually(appraisal.counted(3_000))
        await eventually(lambda: appraisal.stand_at({0: 3_001}))
        await eventually(lambda: not worker.problems)
    assert max(seen.blocks) > 1_000
    assert [(letter["offset"], letter["reason"]) for letter in await appraisal.dead_letters()] == [(1_500, "not_json")]


async def test_the_bound_is_passed_in_the_middle_of_a_block(settings: Settings, appraisal: Tables) -> None:
    small = settings.model_copy(update={"dead_letter_window": 100})
    good = records(shares(400), partition=0)
    await put(settings, SHARES, [*good[:200], *[Put(b"poison", partition=0)] * 80, *good[200:]])
    seen = Seen(small)
    async with running(counting_worker(small, bulk=seen.bulk())) as worker:
        await eventually(lambda: [problem for problem in worker.problems if "paused" in problem])
    # The 51st invalid one of a hundred passes the bound; nothing behind it is applied.
    assert await appraisal.offsets() == {0: 251}
    assert await appraisal.count() == (200, 200, 200)
    assert len(await appraisal.dead_letters()) == 51
