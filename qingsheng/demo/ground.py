"""The ground a run of the demo stands on: a database and topics of its own, those of earlier runs cleared away."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.delivery.broker import admin
from shared.postgres import Connection
from shared.settings import Settings

DATABASE = "qingsheng_demo_{number}"
PREFIX = "demo-{number}."
PARKING_SECONDS = 3.0
"""In the demo a report waits this long for what may still be on its way; a real deployment gives it 15 minutes."""


class CannotPlay(Exception):
    """The demo cannot be played here; the message says what to do."""


def settings_of(servers: Settings, number: int) -> Settings:
    """The settings of run ``number`` on these servers."""
    parts = urlsplit(servers.database_url)
    return servers.model_copy(
        update={
            "database_url": urlunsplit(parts._replace(path=f"/{DATABASE.format(number=number)}")),
            "topic_prefix": servers.topic_prefix + PREFIX.format(number=number),
            "story_mode": True,
            "parking_seconds": PARKING_SECONDS,
        }
    )


@asynccontextmanager
async def fresh(servers: Settings) -> AsyncIterator[Settings]:
    """A new, empty database for the next run, held while the context lasts. Drops earlier runs that nobody uses."""
    async with _connected(servers.database_url) as connection:
        earlier = await _numbers(connection)
        number = max(earlier, default=0) + 1
        while not await _created(connection, number):
            number += 1
        settings = settings_of(servers, number)
        # A run that still goes on has connections to its database, so that it cannot be dropped: this is ours.
        async with _connected(settings.database_url):
            gone = [each for each in earlier if await _dropped(connection, each)]
            await _delete_topics(servers, gone)
            yield settings


@asynccontextmanager
async def latest(servers: Settings) -> AsyncIterator[Settings]:
    """The database of the run before, as it stands, held while the context lasts. Raises CannotPlay."""
    async with _connected(servers.database_url) as connection:
        numbers = await _numbers(connection)
    if not numbers:
        raise CannotPlay("No earlier run of the demo is there to keep: start it without --keep.")
    settings = settings_of(servers, max(numbers))
    async with _connected(settings.database_url):
        yield settings


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url, timeout=20)
    try:
        yield connection
    finally:
        await connection.close()


async def _numbers(connection: Connection) -> list[int]:
    name = re.compile(re.escape(DATABASE.format(number="")) + r"(\d+)")
    found = [name.fullmatch(row[0]) for row in await connection.fetch("select datname from pg_database")]
    return sorted(int(match[1]) for match in found if match)


async def _created(connection: Connection, number: int) -> bool:
    try:
        await connection.execute(f'create database "{DATABASE.format(number=number)}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # another run was quicker
        return False
    return True


async def _dropped(connection: Connection, number: int) -> bool:
    with suppress(asyncpg.ObjectInUseError):
        await connection.execute(f'drop database if exists "{DATABASE.format(number=number)}"')
        return True
    return False


async def _delete_topics(servers: Settings, numbers: list[int]) -> None:
    prefixes = tuple(servers.topic_prefix + PREFIX.format(number=number) for number in numbers)
    if not prefixes:
        return
    async with admin(servers) as client:
        names = [name for name in await client.list_topics() if name.startswith(prefixes)]
        if names:
            await client.delete_topics(names)
