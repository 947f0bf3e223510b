"""Reads over HTTP: a connection for one request, waited for no longer than the deployment says. The public, whom nothing
but this bounds, reads over a share of the connections: those who signed in find the rest."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from fastapi import Request

from shared.access.roles import NOBODY
from shared.postgres import Connection

PATIENCE: Final = 2.0
"""Seconds that somebody who has not signed in waits for a turn."""


class Busy(Exception):
    """The public's share is taken, and none of it came free within ``PATIENCE``."""


class PublicShare:
    """Turns of those who have not signed in, in one process of a service: half of its ``connections``, and a quarter for
    what takes long, so that the public's other pages keep as many. At least one each."""

    def __init__(self, connections: int) -> None:
        self.reads = asyncio.Semaphore(max(1, connections // 2))
        self.long = asyncio.Semaphore(max(1, connections // 4))


@asynccontextmanager
async def long_turn(request: Request) -> AsyncGenerator[None]:
    """Around what takes long, its writing too. Raises Busy."""
    async with AsyncExitStack() as held:
        await _public_turn(request, held, "long")
        yield


@asynccontextmanager
async def reading(request: Request) -> AsyncGenerator[Connection]:
    """A connection for reads of which each stands for itself. Raises Busy."""
    async with AsyncExitStack() as held:
        await _public_turn(request, held, "reads")
        pool = request.app.state.pool
        yield await held.enter_async_context(pool.acquire(timeout=request.app.state.settings.database_timeout))


@asynccontextmanager
async def snapshot(request: Request, *, long: bool = False) -> AsyncGenerator[Connection]:
    """One consistent, read-only view for reads that have to fit together; ``long``: in a long turn. Raises Busy."""
    async with AsyncExitStack() as held:
        if long:
            await held.enter_async_context(long_turn(request))
        connection = await held.enter_async_context(reading(request))
        await held.enter_async_context(connection.transaction(isolation="repeatable_read", readonly=True))
        yield connection


async def _public_turn(request: Request, held: AsyncExitStack, which: str) -> None:
    """Has ``held`` hold a turn of the public's where nobody has signed in."""
    if getattr(request.state, "principal", NOBODY) != NOBODY:
        return
    turns: asyncio.Semaphore = getattr(request.app.state.public_share, which)
    try:
        async with asyncio.timeout(PATIENCE):
            await turns.acquire()
    except TimeoutError:
        raise Busy from None
    held.callback(turns.release)
