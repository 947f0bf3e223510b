"""Outbox and relay: what is committed is sent, whatever happens to the relay in between; copies have the same id."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from shared.clock import Clock
from shared.contracts.campaign import PostPublished, RepostLogged
from shared.contracts.topics import events_topic
from shared.delivery.outbox import Draft, append, send
from shared.delivery.relay import Relay
from shared.locks import Family
from shared.postgres import Connection, Pool, open_pool
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.support.kafka import read
from tests.support.services import SECRET, workers
from tests.support.waiting import eventually

TOPIC = events_topic("campaign")
COUNTY = "350902"


def share(volunteer: UUID) -> Draft:
    told = RepostLogged(
        repost_id=uuid7(),
        post_id=uuid7(),
        volunteer_id=volunteer,
        account_id=uuid7(),
        platform="weibo",
        shared_at=datetime(2014, 7, 1, tzinfo=UTC),
    )
    return Draft(told, COUNTY)


@asynccontextmanager
async def campaign(settings: Settings) -> AsyncGenerator[Pool]:
    pool = await open_pool(settings, "campaign")
    try:
        yield pool
    finally:
        await pool.close()


async def commit(pool: Pool, settings: Settings, drafts: Sequence[Draft]) -> list[str]:
    """Commits the events; returns their ids."""
    async with pool.acquire() as connection, connection.transaction():
        return [str(event.id) for event in await append(connection, drafts, Clock(settings.zone))]


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncGenerator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, Crashed):
            await task


async def sent_ids(settings: Settings) -> list[str]:
    return [json.loads(record.value)["id"] for record in await read(settings, TOPIC)]


async def is_sent(settings: Settings, ids: Sequence[str]) -> bool:
    return set(ids) <= set(await sent_ids(settings))


class Crashed(Exception):
    pass


class CrashesAfterAcknowledgement(Relay):
    async def _forget(self, connection: Connection, ids: Sequence[int], reached: Any) -> None:
        raise Crashed


@pytest.mark.fault(4, "the relay gone after the broker's acknowledgement, before the row is deleted")
async def test_a_crash_after_the_acknowledgement_makes_copies_that_count_once(
    settings: Settings, appraisal: Tables
) -> None:
    async with campaign(settings) as pool:
        ids = await commit(pool, settings, [share(uuid7()) for _ in range(10)])
        with pytest.raises(Crashed):
            await CrashesAfterAcknowledgement(settings, "campaign").run()
        assert set(await sent_ids(settings)) == set(ids)
        async with workers(settings, "appraisal", "campaign"):

            async def outbox_is_empty() -> bool:
                async with pool.acquire() as connection:
                    return await connection.fetchval("select count(*) from outbox") == 0

            await eventually(outbox_is_empty)
            copies = await sent_ids(settings)
            assert len(copies) == 20
            assert set(copies) == set(ids)

            async def read_to_the_end() -> bool:
                return await offsets(settings) == 20

            await eventually(read_to_the_end)
        assert await rows(settings, "select count(*) from appraisal.fact") == 10
        assert await rows(settings, "select sum(n) from appraisal.tally where measure = 12 and bucket = 1") == 10


@pytest.mark.fault(21, "a lower outbox id commits after a higher one")
async def test_a_lower_row_that_commits_after_a_higher_one_is_sent(settings: Settings) -> None:
    async with campaign(settings) as pool, relaying(Relay(settings, "campaign")), pool.acquire() as late:
        held = late.transaction()
        await held.__aenter__()
        [first] = await append(late, [share(uuid7())], Clock(settings.zone))
        [second] = await commit(pool, settings, [share(uuid7())])
        await eventually(lambda: is_sent(settings, [second]))
        assert str(first.id) not in await sent_ids(settings)
        await held.__aexit__(None, None, None)
        await eventually(lambda: is_sent(settings, [str(first.id)]))


_RELAY = """
import asyncio
from shared.delivery.relay import Relay
from shared.settings import Settings
asyncio.run(Relay(Settings(), "campaign", lease=2.0).run())
"""


def relay_process(settings: Settings) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "QINGSHENG_DATABASE_URL": settings.database_url,
        "QINGSHENG_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "QINGSHENG_SECRET_KEY": SECRET,
        "QINGSHENG_TOPIC_PREFIX": settings.topic_prefix,
    }
    return subprocess.Popen([sys.executable, "-c", _RELAY], env=environment)


@pytest.mark.fault(22, "two relays, one frozen past its lease")
async def test_a_frozen_relay_loses_its_lease_and_nothing_is_lost(settings: Settings) -> None:
    async with campaign(settings) as pool:
        process = relay_process(settings)
        try:
            before = await commit(pool, settings, [share(uuid7()) for _ in range(3)])
            await eventually(lambda: is_sent(settings, before))
            assert await holders(settings) == 1
            process.send_signal(signal.SIGSTOP)
            second = Relay(settings, "campaign", lease=2.0)
            async with relaying(second):
                during = await commit(pool, settings, [share(uuid7()) for _ in range(3)])
                await eventually(lambda: is_sent(settings, during), deadline=30)
                assert second.active
                process.send_signal(signal.SIGCONT)
                after = await commit(pool, settings, [share(uuid7()) for _ in range(3)])
                await eventually(lambda: is_sent(settings, after))
                assert await holders(settings) == 1
                assert second.active
            # The one that was frozen is as good as new when the other is gone.
            last = await commit(pool, settings, [share(uuid7())])
            await eventually(lambda: is_sent(settings, last), deadline=30)
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


async def test_sequences_have_no_gaps_and_recording_times_never_go_back(settings: Settings) -> None:
    volunteer = uuid7()
    async with campaign(settings) as pool:
        await asyncio.gather(*(commit(pool, settings, [share(volunteer), share(volunteer)]) for _ in range(10)))
        async with relaying(Relay(settings, "campaign")):

            async def all_sent() -> bool:
                return len(await sent_ids(settings)) == 20

            await eventually(all_sent)
    told = [json.loads(record.value) for record in await read(settings, TOPIC)]
    # In the normal case the topic keeps each key's order.
    assert [event["sequence"] for event in told] == [str(n) for n in range(1, 21)]
    times = [datetime.fromisoformat(event["recordedtime"]) for event in told]
    assert times == sorted(set(times))


async def test_state_and_event_roll_back_together(settings: Settings) -> None:
    async with campaign(settings) as pool:

        async def failing() -> None:
            async with pool.acquire() as connection, connection.transaction():
                await append(connection, [share(uuid7())], Clock(settings.zone))
                raise Crashed

        with pytest.raises(Crashed):
            await failing()
        [kept] = await commit(pool, settings, [share(uuid7())])
        async with relaying(Relay(settings, "campaign")):
            await eventually(lambda: is_sent(settings, [kept]))
        assert await sent_ids(settings) == [kept]


async def test_an_event_above_the_limit_is_refused(settings: Settings) -> None:
    big = PostPublished(
        post_id=uuid7(),
        channel="weibo",
        unit_id=COUNTY,
        title="长" * 30_000,
        url="https://example.org/1",
        published_at=datetime(2014, 7, 1, tzinfo=UTC),
    )
    async with campaign(settings) as pool:
        with pytest.raises(ValueError, match="65536"):
            await commit(pool, settings, [Draft(big, COUNTY)])


async def test_a_topic_that_does_not_exist_holds_up_no_other(settings: Settings) -> None:
    async with campaign(settings) as pool:
        async with pool.acquire() as connection, connection.transaction():
            await send(connection, [("qingsheng.intake.answers.nobody", "k", b"{}")])
        ids = await commit(pool, settings, [share(uuid7())])
        relay = Relay(settings, "campaign")
        async with relaying(relay):
            await eventually(lambda: is_sent(settings, ids), deadline=30)
            await eventually(lambda: relay.problem is not None, deadline=30)


async def rows(settings: Settings, query: str) -> Any:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def offsets(settings: Settings) -> int:
    query = "select coalesce(sum(next_offset), 0) from appraisal.consumer_offset where topic like '%campaign.events'"
    return int(await rows(settings, query))


async def holders(settings: Settings) -> int:
    """Sessions that hold the lease of the campaign's relay in this database."""
    return await rows(
        settings,
        f"""select count(*) from pg_locks where locktype = 'advisory' and granted and classid = {int(Family.RELAY)}
           and objid::bigint = hashtext('campaign')::bigint & 4294967295
           and database = (select oid from pg_database where datname = current_database())""",
    )
