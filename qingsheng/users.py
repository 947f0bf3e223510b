"""Accounts, as whoever runs the deployment administers them."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager

from shared.access import accounts, sessions
from shared.access.roles import OF_ACCOUNTS, Role
from shared.postgres import Connection, connect
from shared.settings import Settings

BY = "qingsheng users"
"""The actor in the audit log."""


@asynccontextmanager
async def administering(settings: Settings) -> AsyncGenerator[Connection]:
    """One transaction on a connection that may write accounts."""
    connection = await connect(settings)
    try:
        async with connection.transaction():
            yield connection
    finally:
        connection.terminate()


async def operator_session(settings: Settings, name: str = "demo") -> str:
    """The token of a session with every role but a county's, its account made when there is none: for demos and tests."""
    roles = OF_ACCOUNTS - {Role.COUNTY_OPERATOR}
    async with administering(settings) as connection:
        if not await connection.fetchval("select true from access.account where name = $1", name):
            await accounts.add(connection, BY, name, roles, None)
        return await sessions.begin(connection, name)


async def add(settings: Settings, name: str, roles: Collection[Role], county: str | None) -> str:
    """A new account; returns the path and query of its one-time link. Raises ValueError."""
    async with administering(settings) as connection:
        await accounts.add(connection, BY, name, roles, county)
        return _link(await accounts.invite(connection, BY, name))


async def reset(settings: Settings, name: str) -> str:
    """A one-time link to choose a new password; ends the sessions, and lets a disabled account in again."""
    async with administering(settings) as connection:
        return _link(await accounts.invite(connection, BY, name))


async def set_roles(settings: Settings, name: str, roles: Collection[Role], county: str | None) -> None:
    async with administering(settings) as connection:
        await accounts.set_roles(connection, BY, name, roles, county)


async def disable(settings: Settings, name: str) -> None:
    async with administering(settings) as connection:
        await accounts.disable(connection, BY, name)


async def listed(settings: Settings) -> list[dict[str, object]]:
    async with administering(settings) as connection:
        return await accounts.all_accounts(connection)


async def first_administrator(settings: Settings) -> str | None:
    """Where no account exists: makes ``admin`` with every role but a county's, and returns its one-time link."""
    async with administering(settings) as connection:
        if await connection.fetchval("select exists (select from access.account)"):
            return None
        await accounts.add(connection, BY, "admin", OF_ACCOUNTS - {Role.COUNTY_OPERATOR}, None)
        return _link(await accounts.invite(connection, BY, "admin"))


def _link(token: str) -> str:
    return f"/roster/invitation?token={token}"
