"""Relays that are killed, frozen or meet rows out of their order: what was committed is applied once all the same."""

import json

import pytest

from shared.delivery.relay import Relay
from tests.delivery.tables import SHARES
from tests.delivery.test_relay import holders, relay_process, relaying, rows
from tests.faults.doomed_process import MODULE
from tests.faults.sizes import size
from tests.faults.trial import Trial
from tests.support.kafka import read
from tests.support.running import Child, child
from tests.support.services import workers
from tests.support.waiting import eventually


@pytest.mark.fault(
    4, "the relay killed after the broker's acknowledgement, before the rows are deleted, again and again"
)
async def test_killed_behind_the_acknowledgement(tried: Trial) -> None:
    each = 300
    for number in range(size(2, 6)):
        await tried.commit(each)
        with child(tried.settings, MODULE, ["campaign-worker", "acknowledged", SHARES]) as doomed:
            await eventually(doomed.was_killed, 60)
        assert await _waiting(tried) == each * (number + 1)
    sent = [json.loads(record.value or b"")["id"] for record in await read(tried.settings, SHARES)]
    assert len(sent) >= len(set(sent)) + each
    async with workers(tried.settings, "campaign", "appraisal"):
        await eventually(lambda: _has_sent_all(tried), 60)
        await tried.holds()


@pytest.mark.fault(21, "lower outbox ids commit after higher ones, which are applied meanwhile")
async def test_lower_rows_commit_later(tried: Trial) -> None:
    async with workers(tried.settings, "campaign", "appraisal"):
        await tried.holds()
        for _ in range(size(3, 20)):
            before = await tried.read()
            async with tried.committing(50):
                await tried.commit(50)
                # All that is committed is sent: the relay has looked past what is not.
                await eventually(lambda: _has_sent_all(tried))
                await tried.recovers(since=before)
                assert await _waiting(tried) == 0
            await eventually(lambda: _has_sent_all(tried))
        await tried.holds()


@pytest.mark.fault(22, "two relays, one frozen past its lease again and again while the other goes on")
async def test_two_relays(tried: Trial) -> None:
    async with workers(tried.settings, "appraisal"):
        process = relay_process(tried.settings)
        frozen = Child(process)
        try:
            for _ in range(size(1, 4)):
                await _commits(tried)
                assert await holders(tried.settings) == 1
                frozen.freeze()
                second = Relay(tried.settings, "campaign", lease=2.0)
                async with relaying(second):
                    await _commits(tried)
                    assert second.active
                    frozen.thaw()
                    await _commits(tried)
                    assert await holders(tried.settings) == 1
                # The one that was frozen is as good as new when the other is gone.
            await tried.commit(100)
            await eventually(lambda: _has_sent_all(tried), 30)
            await tried.holds()
        finally:
            frozen.thaw()
            process.kill()
            process.wait()


async def _commits(tried: Trial) -> None:
    await tried.holds()
    before = await tried.read()
    await tried.commit(100)
    await eventually(lambda: _has_sent_all(tried), 30)
    await tried.recovers(since=before)


async def _waiting(tried: Trial) -> int:
    return await rows(tried.settings, "select count(*) from campaign.outbox")


async def _has_sent_all(tried: Trial) -> bool:
    return await _waiting(tried) == 0
