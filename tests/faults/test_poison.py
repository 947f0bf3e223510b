"""Poison among sound events, and poison alone: a ledger of both. One dead letter each, and all that is sound is applied."""

from itertools import cycle

import pytest

from qingsheng.operate.dead_letters import resume
from services.appraisal.worker import create_worker
from tests.delivery.tables import SHARES
from tests.delivery.test_poison import ODD, POISON
from tests.faults.sizes import size
from tests.faults.trial import Trial, mixed
from tests.support.event_log import encode, service_of
from tests.support.kafka import Put, put
from tests.support.running import running
from tests.support.waiting import eventually


@pytest.mark.fault(18, "the whole matrix among sound events, some of these with odd headers, while the worker runs")
async def test_poison_among_sound_events(tried: Trial) -> None:
    seeds = iter(range(1_000))
    partitions = cycle((0, 1))
    async with running(create_worker(tried.settings)):
        await tried.recovers()
        for _ in range(size(1, 10)):
            before = await tried.read()
            for value in (poison for _, poison in POISON.values()):
                await tried.bury([value], next(partitions))
                await tried.accept(mixed(40, next(seeds)))
            odd = [event for event in mixed(200, next(seeds)) if service_of(event) == "campaign"]
            records = [Put(encode(event), headers=headers) for event, headers in zip(odd, cycle(ODD), strict=False)]
            await put(tried.settings, SHARES, records)
            tried.enter(odd)
            await tried.recovers(since=before)
        await tried.holds()


@pytest.mark.fault(19, "only poison: the bound trips, the topic is paused and says so, the others go on; on by command")
async def test_only_poison(tried: Trial) -> None:
    window = size(100, 1_000)
    settings = tried.settings.model_copy(update={"dead_letter_window": window})
    topic = settings.topic_prefix + SHARES
    pause = f"{topic}: paused, too many invalid records"
    async with running(create_worker(settings)) as worker:
        await tried.holds()
        for partition in (0, 1):
            await tried.bury([b"from a broken producer"] * window * 2, partition)
        await eventually(lambda: worker.problems == [pause], 60)
        paused_at, applied = await tried.tables.offsets(), await tried.applied()
        later = mixed(1_000, seed=19)
        await tried.accept(later)
        others = sum(service_of(event) != "campaign" for event in later)

        async def others_are_read() -> bool:
            return await tried.applied() == applied + others

        await eventually(others_are_read)
        assert (await tried.tables.offsets(), worker.problems) == (paused_at, [pause])
        resumed = 0

        async def goes_on_to_the_end() -> bool:
            nonlocal resumed
            resumed += await resume(settings, "appraisal", topic)
            return await tried.left() == 0

        await eventually(goes_on_to_the_end, 60, 0.2)
        # Each time it counts anew, and the bound trips anew.
        assert resumed >= 3
        await tried.holds()
        assert worker.problems == []
