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
    """A new account; returns the path and query of its one-time link. Raises ValueError, also for a county that the roster
    does not have."""
    async with administering(settings) as connection:
        await accounts.add(connection, BY, name, roles, county)
        await _check_county(connection, county)
        return _link(await accounts.invite(connection, BY, name))


async def reset(settings: Settings, name: str) -> str:
    """A one-time link to choose a new password; ends the sessions, and lets a disabled account in again."""
    async with administering(settings) as connection:
        return _link(await accounts.invite(connection, BY, name))


async def set_roles(settings: Settings, name: str, roles: Collection[Role], county: str | None) -> None:
    """Raises ValueError, as ``add`` does."""
    async with administering(settings) as connection:
        await accounts.set_roles(connection, BY, name, roles, county)
        await _check_county(connection, county)


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


async def _check_county(connection: Connection, county: str | None) -> None:
    """An operator of a county that nobody has defined could do nothing, or one day what was meant for somebody else."""
    rows = await connection.fetch(
        "select unit_id, name ->> 'zh' as name from roster.unit where kind = 'county' order by 1"
    )
    if county is None or county in {row["unit_id"] for row in rows}:
        return
    if not rows:
        raise ValueError("no county is defined yet: the city's operator defines units first, at /roster/units/new")
    known = ", ".join(f"{row['unit_id']} {row['name']}" for row in rows)
    raise ValueError(f"no county has the code {county}; there are: {known}")


def _link(token: str) -> str:
    return f"/roster/invitation?token={token}"
