"""The relay is woken behind the commit of a command, not within it."""

import asyncio
from typing import Any

import pytest

from shared.delivery.outbox import send
from shared.postgres import Connection, connect, in_transaction, open_pool
from shared.settings import Settings
from tests.support.waiting import eventually

MESSAGE = [("t", "k", b"{}")]


class Undone(Exception):
    pass


async def test_commands_wake_the_relay_when_they_have_committed_and_only_then(settings: Settings) -> None:
    pool: Any = await open_pool(settings, "campaign")
    listener = await connect(settings)
    heard: list[Any] = []
    await listener.add_listener("campaign_outbox", lambda *told: heard.append(told))

    async def one(connection: Connection) -> None:
        await send(connection, MESSAGE)

    async def undone(connection: Connection) -> None:
        await one(connection)
        raise Undone

    try:
        with pytest.raises(Undone):
            await in_transaction(pool, undone)
        await listener.execute("notify campaign_outbox, 'behind what was undone'")
        await eventually(lambda: heard)
        assert [told[-1] for told in heard] == ["behind what was undone"]

        await asyncio.gather(*(in_transaction(pool, one) for _ in range(20)))
        await eventually(lambda: len(heard) > 1)
        assert len(heard) <= 21
        assert await pool.fetchval("select count(*) from outbox") == 20
    finally:
        listener.terminate()
        await pool.close()
