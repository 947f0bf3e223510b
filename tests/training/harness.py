"""Training on one test's database, without Kafka."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from services.training.consumers import take_roster_events
from services.training.intake import create_door
from shared.postgres import open_pool
from tests.support import services
from tests.support.producing import (
    CITY,
    GUTIAN,
    JIAOCHENG,
    SHANGHAI,
    XIAPU,
    Service,
    answers_on,
    at,
    codes,
    pointers,
    publish,
    refused,
    report,
    session_of,
)

__all__ = [
    "CITY",
    "GUTIAN",
    "JIAOCHENG",
    "SHANGHAI",
    "XIAPU",
    "Service",
    "answers_on",
    "at",
    "codes",
    "pointers",
    "publish",
    "refused",
    "report",
    "session_of",
    "training_at",
]


@asynccontextmanager
async def training_at(database_url: str, **more: Any) -> AsyncIterator[Service]:
    settings = services.settings_for(database_url, **more)
    pool = await open_pool(settings, "training")
    try:
        async with services.client(settings, ["training"]) as http:
            yield Service("training", settings, pool, http, create_door(settings), take_roster_events)
    finally:
        pool.terminate()
