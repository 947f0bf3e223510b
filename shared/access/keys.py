"""API keys of producers, as a service with a front door knows them."""

from shared.postgres import Connection
from shared.security import api_key_hash


async def producer_of(connection: Connection, key: str) -> str | None:
    """The name of the producer whose living key this is."""
    return await connection.fetchval(
        "select name from producer where key_hash = $1 and revoked_at is null", api_key_hash(key)
    )
