"""One deployment for each test: settings, topics, and a look into its tables."""

from collections.abc import AsyncIterator

import pytest

from qingsheng.topics import ensure_topics
from shared.settings import Settings
from tests.delivery.tables import Tables
from tests.support.services import settings_for
from tests.support.stack import Servers


@pytest.fixture
async def settings(stack: Servers, database_url: str, topic_prefix: str) -> Settings:
    made = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(made)
    return made


@pytest.fixture
async def appraisal(settings: Settings) -> AsyncIterator[Tables]:
    async with Tables.of(settings, "appraisal") as tables:
        yield tables
