"""Registers systems that report to the front door: topics of their own, and an API key that is shown once."""

import re
from collections.abc import Sequence

from qingsheng.registry import INTAKE, SERVICES
from qingsheng.topics import ensure_producer_topics
from shared.postgres import connect
from shared.security import api_key_hash, new_api_key
from shared.settings import Settings

NAME = re.compile(r"[a-z][a-z0-9-]{1,38}[a-z0-9]")
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
    finally:
        connection.terminate()
    return key
