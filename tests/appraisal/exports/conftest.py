from collections.abc import AsyncIterator

import httpx
import pytest

from tests.appraisal.exports.harness import API, appraisal


@pytest.fixture
async def http(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an appraisal that knows a year."""
    async with appraisal(database_url) as found:
        yield found


@pytest.fixture
async def closed(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """The same after 2014-H1 was closed, reopened and closed again."""
    for path, told in (("close", {}), ("reopen", {"reason": "a list came late"}), ("close", {})):
        answer = await http.post(f"{API}/periods/2014-H1/{path}", json=told)
        assert answer.status_code == 200, answer.text
    return http
