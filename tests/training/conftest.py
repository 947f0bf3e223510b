"""A training service of each test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.training.harness import Service, training_at


@pytest.fixture
async def training(database_url: str) -> AsyncIterator[Service]:
    async with training_at(database_url) as found:
        yield found
