"""Parking against a projection that commits at the same moment: whichever is first, the report is settled."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from uuid_utils.compat import uuid7

from shared.clock import Clock
from shared.contracts.intake import RepostWithdrawn
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.contracts.topics import events_topic
from shared.delivery import parking
from shared.delivery.intake import Accepted, Arrival, Door, Outcome, Waiting
from shared.postgres import Connection, in_transaction
from shared.roster_view import storage as roster
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.support.services import SECRET
from tests.support.waiting import eventually

SOURCE = "/ext/feeds"


def door_for(settings: Settings, volunteer: UUID) -> Door:
    """A door whose only taker needs the volunteer."""

    async def take(connection: Connection, clock: Clock, requests: Sequence[Request]) -> list[Outcome]:
        known = volunteer in await roster.movements(connection, [volunteer])
        waiting = Waiting(f"volunteer/{volunteer}", events_topic("roster"), Refusal("unknown_volunteer"))
        return [Accepted([], ["x/1"]) if known else waiting for _ in requests]

    return Door("campaign", {RepostWithdrawn.TYPE: take}, Clock(settings.zone), SECRET)


def arrival() -> Arrival:
    data = RepostWithdrawn(report_id="r", reason="error")
    return Arrival("feeds", Request("1", SOURCE, RepostWithdrawn.TYPE, datetime.now(UTC), data, b"digest"))


async def project(connection: Connection, volunteer: UUID) -> None:
    """As a consumer of roster events does it: first the writes, then ``arrived``."""
    await connection.execute(
        "insert into movement (volunteer_id, sequence, day, unit_id, county) values ($1, 1, $2, '350902', '350902')",
        volunteer,
        date(2014, 5, 1),
    )
    await parking.arrived(connection, [f"volunteer/{volunteer}"])


async def is_waiting(tables: Tables) -> bool:
    """Whether a session waits for an advisory lock in this database."""
    return await tables.pool.fetchval(
        """select exists (select from pg_locks where locktype = 'advisory' and not granted
           and database = (select oid from pg_database where datname = current_database()))"""
    )


async def test_the_parker_is_first(settings: Settings) -> None:
    volunteer = uuid7()
    door = door_for(settings, volunteer)
    async with Tables.of(settings, "campaign") as tables:

        async def projecting() -> None:
            async with tables.transaction() as connection:
                await project(connection, volunteer)

        async with tables.transaction() as parker:
            [reply] = await door.take(parker, [arrival()])
            assert reply.answers == []
            projection = asyncio.create_task(projecting())
            # It has written the volunteer, and waits before it looks for parked reports.
            await eventually(lambda: is_waiting(tables))
        await projection
        assert await tables.pool.fetchval("select arrived from parked") is True
        async with tables.transaction() as connection:
            assert await door.settle(connection, 900) == 1
        assert await tables.pool.fetchval("select count(*) from parked") == 0
        assert await tables.pool.fetchval("select answer is not null from intake_request") is True


async def test_the_projection_is_first(settings: Settings) -> None:
    volunteer = uuid7()
    door = door_for(settings, volunteer)
    async with Tables.of(settings, "campaign") as tables:

        async def taking() -> Any:
            async with tables.transaction() as connection:
                return await door.take(connection, [arrival()])

        async with tables.transaction() as projector:
            await project(projector, volunteer)
            taken = asyncio.create_task(taking())
            # It has not seen the volunteer, and waits before it looks again.
            await eventually(lambda: is_waiting(tables))
        [reply] = await taken
        assert len(reply.answers) == 1
        assert b"accepted" in reply.answers[0]
        assert await tables.pool.fetchval("select count(*) from parked") == 0


async def test_one_report_through_both_doors_at_once_has_one_effect_and_one_answer(settings: Settings) -> None:
    """Its producer sends a report over Kafka and HTTP: whoever is second waits for the first, undoes what it did, and
    repeats the first one's answer."""

    async def take(connection: Connection, clock: Clock, requests: Sequence[Request]) -> list[Outcome]:
        ids = [uuid4() for _ in requests]
        await connection.execute("insert into inbox (event_id) select unnest($1::uuid[])", ids)
        await asyncio.sleep(0)
        return [Accepted([], [f"x/{id}"]) for id in ids]

    door = Door("campaign", {RepostWithdrawn.TYPE: take}, Clock(settings.zone), SECRET)
    report = arrival()
    async with Tables.of(settings, "campaign") as tables:

        async def through_a_door() -> list[bytes]:
            [reply] = await in_transaction(tables.pool, lambda connection: door.take(connection, [report]))
            return list(reply.answers)

        replies = await asyncio.gather(*(through_a_door() for _ in range(4)))
        assert await tables.pool.fetchval("select count(*) from intake_request") == 1
        assert await tables.pool.fetchval("select count(*) from inbox") == 1
    assert len({tuple(reply) for reply in replies}) == 1
    assert len(replies[0]) == 1
