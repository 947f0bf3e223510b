"""Connections to PostgreSQL: one pool a service, bound to its schema and role; what counts as an outage; retries."""
# pyright: reportMissingTypeStubs=false

import asyncio
import json
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, cast

import asyncpg

from shared.settings import Settings

Result = TypeVar("Result")
_asyncpg: Any = asyncpg


class Connection(Protocol):
    """What is used of asyncpg's connections, with types; rows are ``asyncpg.Record``, read by name or place."""

    async def execute(self, query: str, *args: Any) -> str: ...
    async def executemany(self, command: str, args: Iterable[Sequence[Any]]) -> None: ...
    async def fetch(self, query: str, *args: Any) -> list[Any]: ...
    async def fetchrow(self, query: str, *args: Any) -> Any: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def copy_records_to_table(
        self, table_name: str, *, records: Iterable[Sequence[Any]], columns: Sequence[str] | None = None
    ) -> str: ...
    async def copy_to_table(
        self, table_name: str, *, source: AsyncIterable[bytes], columns: Sequence[str], format: str
    ) -> str: ...
    async def set_type_codec(
        self, typename: str, *, schema: str, encoder: Callable[[Any], Any], decoder: Callable[[Any], Any]
    ) -> None: ...
    async def add_listener(self, channel: str, callback: Callable[..., Any]) -> None: ...
    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[Any]: ...
    def terminate(self) -> None: ...


class Pool(Protocol):
    """What is used of asyncpg's pool. ``timeout``: seconds to wait for a connection."""

    def acquire(self, *, timeout: float | None = None) -> AbstractAsyncContextManager[Connection]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


OUTAGES: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # shut down, crashed, statement cancelled by a time-out
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # a connection whose server was killed between two messages; the pool throws it away
)
"""What means "the database is away": the caller waits or answers 503; it says nothing about the data."""

CONFLICTS = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError)
"""Two transactions met. A second look sees what the other one did, so the same work is done again."""

ATTEMPTS = 8


def role_of(service: str) -> str:
    """The database role a service works as: it sees its own schema only."""
    return f"qingsheng_{service}"


async def use_json(connection: Connection) -> None:
    """Reads and writes json columns as Python's objects; the pool's connections do so by themselves."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _as_it_is(_: Any) -> None:
    """Connections of a pool are given back as they were taken: what is set is set for a transaction, and nothing listens."""


async def open_pool(settings: Settings, service: str, *, size: int | None = None) -> Pool:
    """A pool whose connections see the service's schema only. Opens no connection yet: the database may still be away."""
    pool: Any = await _asyncpg.create_pool(
        settings.database_url,
        min_size=0,
        max_size=size or settings.database_pool_size,
        timeout=settings.database_timeout,
        command_timeout=settings.database_timeout * 3,
        max_inactive_connection_lifetime=300,
        init=use_json,
        reset=_as_it_is,
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
    return cast(Pool, pool)


async def connect(settings: Settings, *, command_timeout: float | None = None, **server_settings: str) -> Connection:
    """One connection of its own, outside any pool: for what is held long, such as a lease or a LISTEN."""
    connection: Any = await _asyncpg.connect(
        settings.database_url,
        timeout=settings.database_timeout,
        command_timeout=command_timeout,
        server_settings=server_settings,
    )
    return cast(Connection, connection)


async def in_transaction(
    pool: Pool,
    work: Callable[[Connection], Awaitable[Result]],
    *,
    timeout: float = 10.0,
    isolation: str | None = None,
) -> Result:
    """Runs ``work`` in one transaction, again when it met another one. Raises one of OUTAGES when the database is away."""
    for attempt in range(1, ATTEMPTS + 1):
        async with pool.acquire(timeout=timeout) as connection:
            calls: list[Callable[[Pool], None]] = []
            token = _after_commit.set(calls)
            try:
                async with connection.transaction(isolation=isolation):
                    result = await work(connection)
                for call in dict.fromkeys(calls):
                    call(pool)
                return result
            except CONFLICTS:
                if attempt == ATTEMPTS:
                    raise
            finally:
                _after_commit.reset(token)
        await asyncio.sleep(0.005 * attempt)
    raise AssertionError("unreachable")


_after_commit: ContextVar[list[Callable[[Pool], None]] | None] = ContextVar("after_commit", default=None)


def after_commit(call: Callable[[Pool], None]) -> bool:
    """Has ``call`` made, once, when the present transaction of ``in_transaction`` has committed. False outside of one."""
    calls = _after_commit.get()
    if calls is None:
        return False
    calls.append(call)
    return True
