"""A roster of each test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.roster.harness import Roster, roster_at


@pytest.fixture
async def roster(database_url: str) -> AsyncIterator[Roster]:
    async with roster_at(database_url) as roster:
        yield roster
