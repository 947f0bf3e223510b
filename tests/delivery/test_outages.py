"""A database or a broker that goes away and comes back: work goes on without a restart, nothing is lost or counted twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.running import running
from tests.support.severing import Way, way_to
from tests.support.waiting import eventually
from tests.web.test_outages import through


@asynccontextmanager
async def through_a_way(settings: Settings) -> AsyncIterator[tuple[Settings, Way]]:
    """Settings whose database is reached over a way that can be cut."""
    parts = urlsplit(settings.database_url)
    async with way_to(str(parts.hostname), int(parts.port or 5432)) as way:
        url = through(settings.database_url, way.port)
        yield settings.model_copy(update={"database_url": url, "database_timeout": 2.0}), way


@pytest.mark.fault(7, "the connection to PostgreSQL cut amid events")
async def test_a_database_that_goes_away_amid_events(settings: Settings, appraisal: Tables) -> None:
    async with through_a_way(settings) as (severed, way):
        async with running(counting_worker(severed)) as worker:
            await put(settings, SHARES, records(shares(100)))
            await eventually(appraisal.counted(100))
            await way.cut()
            await put(settings, SHARES, records(shares(100)))
            assert await eventually(lambda: worker.problems)
            assert await appraisal.count() == Counted.once(100)
            await way.mend()
            await eventually(appraisal.counted(200))
            await eventually(lambda: not worker.problems)
    assert await appraisal.dead_letters() == []


@pytest.mark.fault(8, "the proxy forwards COMMIT and cuts the reply")
async def test_a_commit_whose_answer_is_lost_counts_once(settings: Settings, appraisal: Tables) -> None:
    async with through_a_way(settings) as (severed, way):
        async with running(counting_worker(severed)):
            await put(settings, SHARES, records(shares(10)))
            await eventually(appraisal.counted(10))
            # The worker cannot know that the batch of these is committed; its next attempt meets the fence.
            way.lose_answer(b"COMMIT;")
            await put(settings, SHARES, records(shares(50), partition=0))
            await eventually(lambda: way.has_lost_it)
            await put(settings, SHARES, records(shares(5), partition=0))
            await eventually(appraisal.counted(65))
    assert await appraisal.dead_letters() == []


async def test_a_broker_that_is_away_when_the_worker_starts(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(30)))
    host, _, port = settings.kafka_bootstrap_servers.partition(":")
    async with way_to(host, int(port)) as way:
        await way.cut()
        waiting = settings.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{way.port}"})
        async with running(counting_worker(waiting)) as worker:
            [problem] = await eventually(lambda: [p for p in worker.problems if p.startswith("broker:")])
            assert problem
            await way.mend()
            await eventually(appraisal.counted(30))
            await eventually(lambda: not worker.problems)
