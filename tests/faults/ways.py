"""The ways to the servers that all tests share, each of which a test can make late, deaf or half deaf."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from shared.settings import Settings
from tests.support.severing import Way, way_to
from tests.web.test_outages import through


@asynccontextmanager
async def ways(settings: Settings) -> AsyncIterator[tuple[Settings, Way, Way]]:
    """Settings of processes that go by them, the way to the broker and that to the database."""
    host, port = settings.kafka_bootstrap_servers.split(":")
    place = urlsplit(settings.database_url)
    async with (
        way_to(host, int(port), names_server=True) as to_broker,
        way_to(str(place.hostname), int(place.port or 5432)) as to_database,
    ):
        severed = settings.model_copy(
            update={
                "kafka_bootstrap_servers": f"127.0.0.1:{to_broker.port}",
                "database_url": through(settings.database_url, to_database.port),
            }
        )
        yield severed, to_broker, to_database
