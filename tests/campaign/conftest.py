"""A campaign of each test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.campaign.harness import Campaign, campaign_at


@pytest.fixture
async def campaign(database_url: str) -> AsyncIterator[Campaign]:
    async with campaign_at(database_url) as found:
        yield found
