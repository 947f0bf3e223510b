"""API keys of other systems. Stored hashed; a system may have several living ones, so that keys change without a gap."""

from collections.abc import Sequence
from typing import Any

from shared.postgres import Connection
from shared.security import api_key_hash

TELLS_ALL = "roster"
"""Every producer may read here what reports are made of: units, and its own references."""
_SHOWN = "encode(substr(key_hash, 1, 4), 'hex')"
"""How a key is named: enough to tell keys apart, nothing to try."""


async def producer_of(connection: Connection, key: str, service: str) -> str | None:
    """The name of the producer whose living key this is, if it was issued for this service."""
    return await connection.fetchval(
        """select producer from access.producer_key
           where key_hash = $1 and revoked_at is null and ($2 = any(services) or $2 = $3)""",
        api_key_hash(key),
        service,
        TELLS_ALL,
    )


async def store(connection: Connection, producer: str, services: Sequence[str], key: str) -> str:
    """Makes the key known; returns what it is named by."""
    return await connection.fetchval(
        f"""insert into access.producer_key (key_hash, producer, services) values ($1, $2, $3)
            returning {_SHOWN}""",  # noqa: S608
        api_key_hash(key),
        producer,
        sorted(set(services)),
    )


def name_of(key: str) -> str:
    """What ``store`` names the key by."""
    return api_key_hash(key)[:4].hex()


async def services_of(connection: Connection, producer: str) -> list[str]:
    """What the producer's living keys are for."""
    return await connection.fetchval(
        """select coalesce(array_agg(distinct service order by service), '{}')
           from access.producer_key, unnest(services) as service where producer = $1 and revoked_at is null""",
        producer,
    )


async def all_keys(connection: Connection) -> list[dict[str, Any]]:
    """Every key ever issued: producer, key (what it is named by), services, issued_at, revoked_at."""
    rows = await connection.fetch(
        f"""select producer, {_SHOWN} as key, services, issued_at, revoked_at from access.producer_key
            order by producer, issued_at, key_hash"""  # noqa: S608
    )
    return [dict(row) for row in rows]


async def revoke(connection: Connection, producer: str, key: str | None) -> list[str]:
    """Ends the producer's living keys, or the one named ``key``. Returns the names of those that ended."""
    rows = await connection.fetch(
        f"""update access.producer_key set revoked_at = now()
            where producer = $1 and revoked_at is null and ($2::text is null or {_SHOWN} = $2)
            returning {_SHOWN} as key""",  # noqa: S608
        producer,
        key,
    )
    return [row["key"] for row in rows]
