"""Connections to PostgreSQL: one pool a service, bound to its schema and role; what counts as an outage; retries."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from shared.settings import Settings

Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"
Pool: TypeAlias = "asyncpg.Pool[Any]"
Result = TypeVar("Result")

OUTAGES: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # shut down, crashed, statement cancelled by a time-out
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.IdleInTransactionSessionTimeoutError,
)
"""What means "the database is away": the caller waits or answers 503; it says nothing about the data."""

CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError)
"""Two transactions met. A second look sees what the other one did, so the same work is done again."""

ATTEMPTS = 8


def role_of(service: str) -> str:
    """The database role a service works as: it sees its own schema only."""
    return f"qingsheng_{service}"


async def _set_up(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def open_pool(settings: Settings, service: str, *, size: int | None = None) -> Pool:
    """A pool whose connections see the service's schema only. Opens no connection yet: the database may still be away."""
    return await asyncpg.create_pool(
        settings.database_url,
        min_size=0,
        max_size=size or settings.database_pool_size,
        timeout=settings.database_timeout,
        command_timeout=settings.database_timeout * 3,
        max_inactive_connection_lifetime=300,
        init=_set_up,
        server_settings={
            "search_path": service,
            "role": role_of(service),
            "application_name": f"qingsheng-{service}",
            "timezone": "UTC",
            # A client that froze inside a transaction must not hold its locks for ever.
            "idle_in_transaction_session_timeout": "60s",
            "jit": "off",
        },
    )


async def in_transaction(
    pool: Pool, work: Callable[[Connection], Awaitable[Result]], *, timeout: float = 10.0
) -> Result:
    """Runs ``work`` in one transaction, again when it met another one. Raises one of OUTAGES when the database is away."""
    for attempt in range(1, ATTEMPTS + 1):
        async with pool.acquire(timeout=timeout) as connection:
            try:
                async with connection.transaction():
                    return await work(connection)
            except CONFLICTS:
                if attempt == ATTEMPTS:
                    raise
        await asyncio.sleep(0.005 * attempt)
    raise AssertionError("unreachable")
