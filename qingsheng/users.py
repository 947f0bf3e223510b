"""Accounts, as whoever runs the deployment administers them."""

from collections.abc import AsyncGenerator
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
