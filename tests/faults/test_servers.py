"""Brokers and databases that are killed, frozen, slow or half deaf. Servers of the test's own, or ways to the shared ones."""

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from qingsheng.migrations import amigrate
from qingsheng.topics import ensure_topics
from services.appraisal.worker import create_worker
from tests.abuse.test_full_disk import MEGABYTE
from tests.abuse.test_full_disk import disk as disk
from tests.delivery.tables import SHARES
from tests.faults import summary
from tests.faults.servers import own
from tests.faults.sizes import size
from tests.faults.trial import Trial, mixed, trial
from tests.faults.ways import ways
from tests.support.kafka import read
from tests.support.running import running
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually


@pytest.mark.fault(5, "the broker killed again and again, commands going on")
async def test_the_broker_is_killed(database_url: str, request: pytest.FixtureRequest) -> None:
    async with own("Kafka") as broker:
        settings = settings_for(database_url, broker.address, **broker.login)
        await ensure_topics(settings)
        async with trial(settings) as tried, workers(settings, "campaign", "appraisal"):
            for _ in range(size(2, 5)):
                await tried.commit(200)
                await broker.kill()
                await tried.commit(200)
                await broker.start()
                await tried.recovers(deadline=60)
            await tried.holds()
            summary.note(request, len(tried.accepted), tried.longest)


@pytest.mark.fault(6, "the broker frozen: sends of which nobody knows are made again")
async def test_the_broker_is_frozen(database_url: str, request: pytest.FixtureRequest) -> None:
    async with own("Kafka") as broker:
        settings = settings_for(database_url, broker.address, **broker.login)
        await ensure_topics(settings)
        async with trial(settings) as tried, workers(settings, "campaign", "appraisal"):
            await tried.commit(200)
            await tried.recovers()
            broker.freeze()
            await tried.commit(200)
            await asyncio.sleep(size(8, 60))  # the fault; a send may take 5 s
            await tried.commit(200)
            broker.thaw()
            await tried.recovers(deadline=90)
            await tried.holds()
            summary.note(request, len(tried.accepted), tried.longest)


@pytest.mark.fault(7, "PostgreSQL stopped in immediate mode amid batches")
async def test_the_database_stops_amid_batches(
    stack: Servers, topic_prefix: str, request: pytest.FixtureRequest
) -> None:
    async with own("PostgreSQL") as database:
        await amigrate(database.address)
        settings = settings_for(database.address, stack.kafka_bootstrap_servers, topic_prefix, database_timeout=2.0)
        await ensure_topics(settings)
        async with trial(settings) as tried, running(create_worker(settings)):
            for seed in range(size(2, 5)):
                await tried.accept(mixed(size(4_000, 50_000), seed))
                await tried.recovers()
                await database.stop_immediately()
                await tried.accept(mixed(500, 100 + seed))
                await database.start()
                await tried.recovers()
            await tried.holds()
            summary.note(request, len(tried.accepted), tried.longest)


@pytest.mark.fault(9, "PostgreSQL frozen: deadlines fire, the service says that it is not ready")
async def test_the_database_is_frozen(stack: Servers, topic_prefix: str, request: pytest.FixtureRequest) -> None:
    async with own("PostgreSQL") as database:
        await amigrate(database.address)
        settings = settings_for(database.address, stack.kafka_bootstrap_servers, topic_prefix, database_timeout=2.0)
        await ensure_topics(settings)
        async with trial(settings) as tried, running(create_worker(settings)) as worker, client(settings) as http:
            await tried.recovers()
            database.freeze()
            await tried.accept(mixed(500, 9))
            await eventually(lambda: worker.problems, 30)
            assert (await asyncio.wait_for(http.get("/appraisal/readyz"), 30)).status_code == 503
            database.thaw()
            await tried.recovers()
            await tried.holds()
            await eventually(lambda: not worker.problems)
            summary.note(request, len(tried.accepted), tried.longest)


@pytest.mark.fault(23, "500 ms of delay, then one-way loss, on the ways to broker and database")
async def test_late_and_half_deaf(tried: Trial) -> None:
    async with ways(tried.settings) as (severed, to_broker, to_database):

        async def nothing_waits() -> bool:
            return await _waiting(tried) == 0

        async with workers(severed, "campaign", "appraisal"):
            await tried.commit(100)
            await tried.recovers()
            for way in (to_broker, to_database):
                way.delay = 0.5
                await tried.commit(100)
                await tried.recovers()
                way.delay = 0.0
                for to_server in (True, False):
                    await eventually(nothing_waits, 60)
                    way.hold(to_server=to_server, to_client=not to_server)
                    await tried.commit(100)
                    if way is to_broker and to_server:
                        # What the broker has not heard of is not taken for sent.
                        await asyncio.sleep(size(6, 20))
                        assert await _waiting(tried) == 100
                    else:
                        await asyncio.sleep(size(6, 20))
                    way.let_pass()
                    await tried.recovers(deadline=90)
            await tried.holds()


@pytest.mark.fault(23, "Kafka's disk full: it halts, and has all that it acknowledged when there is room again")
async def test_the_brokers_disk_is_full(disk: Path, database_url: str, request: pytest.FixtureRequest) -> None:
    async with own("Kafka", disk) as broker:
        settings = settings_for(database_url, broker.address, **broker.login)
        await ensure_topics(settings)
        async with trial(settings) as tried:
            async with workers(settings, "campaign", "appraisal"):
                await tried.commit(500)
                await tried.recovers()
                ballast = disk / "ballast"
                with ballast.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - 4 * MEGABYTE)
                full = time.monotonic() + 90
                while not broker.has_ended:
                    assert time.monotonic() < full, "the broker has found room"
                    await tried.commit(1_000)
                    await asyncio.sleep(0.5)  # the pace of the fault
                await tried.commit(500)
            # Nobody sends now: what is not in the outbox, the broker has acknowledged.
            waiting = await _ids_waiting(tried)
            assert len(waiting) >= 500
            ballast.unlink()
            await broker.stop()
            await broker.start()
            in_log = {UUID(json.loads(record.value or b"")["id"]) for record in await read(settings, SHARES)}
            committed = {id for id, value in tried.accepted.items() if b"campaign.repost_logged" in value}
            assert committed - waiting <= in_log
            async with workers(settings, "campaign", "appraisal"):
                await tried.recovers()
                await tried.holds()
            summary.note(request, len(tried.accepted), tried.longest)


async def _ids_waiting(tried: Trial) -> set[UUID]:
    connection = await asyncpg.connect(tried.settings.database_url)
    try:
        return {
            UUID(json.loads(row["value"])["id"]) for row in await connection.fetch("select value from campaign.outbox")
        }
    finally:
        await connection.close()


async def _waiting(tried: Trial) -> int:
    connection = await asyncpg.connect(tried.settings.database_url)
    try:
        return await connection.fetchval("select count(*) from campaign.outbox")
    finally:
        await connection.close()
