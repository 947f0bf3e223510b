"""An opinion service of each test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.opinion.harness import opinion_at
from tests.training.harness import Service


@pytest.fixture
async def opinion(database_url: str) -> AsyncIterator[Service]:
    async with opinion_at(database_url) as found:
        yield found
