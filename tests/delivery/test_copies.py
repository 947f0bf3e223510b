"""The same event again, by whatever way: facts and tallies count it once."""

import pytest

from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Tables
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.running import running
from tests.support.waiting import eventually


@pytest.mark.fault(16, "copies within a batch and between batches")
async def test_copies_within_a_batch_and_between_batches(settings: Settings, appraisal: Tables) -> None:
    events = shares(30)
    twice_in_a_row = [event for event in events for _ in range(2)]
    # The worker is not running yet, so that these are read as one batch.
    await put(settings, SHARES, records([*twice_in_a_row, *events], partition=0))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(30))
        more = shares(5)
        await put(settings, SHARES, records([*events, *more], partition=0))
        # A copy that came on another partition is the same event.
        await put(settings, SHARES, records([*more, *events], partition=1))
        await eventually(lambda: appraisal.stand_at({0: 125, 1: 35}))
    assert await appraisal.count() == (35, 35, 35)
    assert await appraisal.dead_letters() == []
