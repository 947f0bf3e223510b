"""Reads over HTTP: a connection for one request, waited for no longer than the deployment says."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import Request

from shared.postgres import Connection


def reading(request: Request) -> AbstractAsyncContextManager[Connection]:
    """A connection for reads of which each stands for itself."""
    return request.app.state.pool.acquire(timeout=request.app.state.settings.database_timeout)


@asynccontextmanager
async def snapshot(request: Request) -> AsyncGenerator[Connection]:
    """One consistent, read-only view for reads that have to fit together."""
    async with reading(request) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
