"""Registers systems that report to the front door: topics of their own, and an API key that is shown once."""

import re
from collections.abc import Sequence
from typing import Any

from qingsheng.registry import INTAKE, SERVICES
from qingsheng.topics import ensure_producer_topics
from shared.access import audit
from shared.postgres import connect
from shared.security import api_key_hash, new_api_key
from shared.settings import Settings

NAME = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
BY, LOG = "qingsheng keys", "access.audit"
DOORS = tuple(name for name, service in SERVICES.items() if INTAKE in service.migrations)


async def issue_key(settings: Settings, producer: str, services: Sequence[str]) -> str:
    """Registers the producer for these services, or gives it a new key. Returns the key. Raises ValueError."""
    if not NAME.fullmatch(producer):
        raise ValueError("a producer's name is 3 to 40 of a-z, 0-9 and -, beginning with a letter")
    unknown = sorted(set(services) - set(DOORS))
    if unknown or not services:
        raise ValueError(f"services that take reports are {', '.join(DOORS)}; not {', '.join(unknown) or 'none'}")
    await ensure_producer_topics(settings, producer, services)
    key = new_api_key()
    connection = await connect(settings)
    try:
        async with connection.transaction():
            for service in services:
                await connection.execute(
                    f"""insert into {service}.producer (name, key_hash) values ($1, $2)
                        on conflict (name) do update set key_hash = excluded.key_hash, revoked_at = null""",
                    producer,
                    api_key_hash(key),
                )
            await audit.record(
                connection, BY, "key.issued", f"producer/{producer}", {"services": list(services)}, log=LOG
            )
    finally:
        connection.terminate()
    return key


async def revoke_key(settings: Settings, producer: str) -> list[str]:
    """Takes a producer's key back, at once and in every service; returns these services. Its reports over Kafka are still
    taken: a broker's own access rules keep a system from writing. Raises ValueError."""
    connection = await connect(settings)
    try:
        async with connection.transaction():
            found = [
                service
                for service in DOORS
                if await connection.fetchval(
                    f"""update {service}.producer set revoked_at = now() where name = $1 and revoked_at is null
                        returning true""",
                    producer,
                )
            ]
            if not found:
                raise ValueError(f"no producer {producer} has a key")
            await audit.record(connection, BY, "key.revoked", f"producer/{producer}", {"services": found}, log=LOG)
    finally:
        connection.terminate()
    return found


async def producers(settings: Settings) -> list[dict[str, Any]]:
    """Registered systems: ``{producer, services, since, revoked_at}``."""
    connection = await connect(settings)
    try:
        union = " union all ".join(
            f"select name, '{door}' as door, created_at, revoked_at from {door}.producer" for door in DOORS
        )
        rows = await connection.fetch(
            f"""select name as producer, array_agg(door order by door) as services, min(created_at) as since,
                       case when bool_and(revoked_at is not null) then max(revoked_at) end as revoked_at
                from ({union}) as p group by name order by name"""
        )
    finally:
        connection.terminate()
    return [dict(row) for row in rows]
