"""A database of its own for each test, made from a template that was migrated once."""

import asyncio
import secrets
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

Result = TypeVar("Result")


def database_at(database_url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))


def create_template(database_url: str) -> str:
    """Make a migrated database that new ones are copied from; gives its name."""
    from qingsheng.migrations import migrate

    name = f"qingsheng_template_{secrets.token_hex(4)}"
    execute(database_url, f'create database "{name}"')
    migrate(database_at(database_url, name))
    # A database can be copied only while nobody is connected to it.
    execute(database_url, f'alter database "{name}" allow_connections false')
    return name


def create_database(database_url: str, template: str) -> str:
    """Make a copy of the template; gives its name."""
    name = f"qingsheng_test_{secrets.token_hex(6)}"
    execute(database_url, f'create database "{name}" template "{template}"')
    return name


def drop_database(database_url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    execute(database_url, f'drop database if exists "{name}" with (force)')


def execute(database_url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    import asyncpg  # here, as a run of pure tests does without it

    async def run() -> None:
        connection = await asyncpg.connect(database_url, timeout=20)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    outside_any_loop(run())


def outside_any_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, whether or not this thread has an event loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
