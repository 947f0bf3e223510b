"""A worker killed around the commit of a batch: its successor loses nothing and counts nothing twice."""

import pytest

from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import committed, expel, members, put
from tests.support.running import child, running
from tests.support.waiting import eventually

DOOMED = "tests.delivery.doomed_worker"


@pytest.mark.fault(2, "killed after PostgreSQL's commit, before Kafka's")
async def test_killed_between_commit_and_acknowledgement(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(40), partition=0))
    with child(settings, DOOMED, ["after"]) as doomed:
        await eventually(doomed.was_killed)
    assert await appraisal.count() == Counted.once(40)
    assert await appraisal.offsets() == {0: 40}
    # For Kafka the batch was never read.
    assert (await committed(settings, "appraisal", SHARES)).get(0, 0) <= 0
    await expel(settings, "appraisal", await members(settings, "appraisal"))
    await put(settings, SHARES, records(shares(2), partition=0))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(42))
    assert await appraisal.offsets() == {0: 42}


@pytest.mark.fault(3, "killed before the commit")
async def test_killed_before_the_commit(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(40), partition=0))
    with child(settings, DOOMED, ["before"]) as doomed:
        await eventually(doomed.was_killed)
    assert await appraisal.count() == Counted.once(0)
    assert await appraisal.offsets() == {}
    await expel(settings, "appraisal", await members(settings, "appraisal"))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(40))
    assert await appraisal.offsets() == {0: 40}
