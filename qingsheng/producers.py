"""Registers systems that report to the front door: topics of their own, and API keys that are shown once."""

import re
from collections.abc import Sequence
from typing import Any

from qingsheng.registry import INTAKE, SERVICES
from qingsheng.topics import ensure_producer_topics
from qingsheng.users import administering
from shared.access import audit, keys
from shared.contracts.schemas import PRODUCER_NAME
from shared.security import new_api_key
from shared.settings import Settings

DOORS = tuple(name for name, service in SERVICES.items() if INTAKE in service.migrations)
BY = "qingsheng keys"
"""The actor in the audit log."""


async def issue_key(settings: Settings, producer: str, services: Sequence[str]) -> str:
    """Registers the producer for these services, or gives it one more key; its earlier keys go on until they are revoked.
    Returns the key. Raises ValueError."""
    if not re.fullmatch(PRODUCER_NAME, producer):
        raise ValueError("a producer's name is 3 to 40 of a-z, 0-9 and -, beginning with a letter")
    unknown = sorted(set(services) - set(DOORS))
    if unknown or not services:
        raise ValueError(f"services that take reports are {', '.join(DOORS)}; not {', '.join(unknown) or 'none'}")
    await ensure_producer_topics(settings, producer, services)
    key = new_api_key()
    async with administering(settings) as connection:
        named = await keys.store(connection, producer, services, key)
        await _note(connection, "key.issued", producer, {"key": named, "services": sorted(set(services))})
    return key


async def services_of(settings: Settings, producer: str) -> list[str]:
    """What the producer's living keys are for."""
    async with administering(settings) as connection:
        return await keys.services_of(connection, producer)


async def listed(settings: Settings) -> list[dict[str, Any]]:
    async with administering(settings) as connection:
        return await keys.all_keys(connection)


async def revoke(settings: Settings, producer: str, key: str | None = None) -> list[str]:
    """Ends all keys of the producer, or the one that ``listed`` names ``key``: from the next request on. Returns the
    names of those that ended."""
    async with administering(settings) as connection:
        ended = await keys.revoke(connection, producer, key)
        if ended:
            await _note(connection, "key.revoked", producer, {"keys": ended})
    return ended


async def _note(connection: Any, action: str, producer: str, details: dict[str, Any]) -> None:
    """Charter C11: every change of a permission leaves a line."""
    await audit.record(connection, BY, action, f"producer/{producer}", details, log="access.audit")
