"""Streams of events that one client opens without end: others have theirs, and pages that are refused one ask again."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from qingsheng.users import operator_session
from services.appraisal import live
from shared.access.sessions import COOKIE
from shared.settings import Settings
from tests.abuse.serving import Served, serving
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "streams of events opened without end")

PATIENCE = 60.0


class Opened:
    """A stream as it was answered; ``head``: the status line and headers."""

    def __init__(self, reader: StreamReader, writer: StreamWriter, head: bytes) -> None:
        self.reader = reader
        self.writer = writer
        self.head = head
        self.status = int(head.split()[1])


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def served(settings: Settings, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings, tmp_path / "log") as found:
        yield found


async def opened(served: Served, cookie: str = "", address: str = "127.0.0.1") -> Opened:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, local_addr=(address, 0))
    told = f"Cookie: {COOKIE}={cookie}\r\n" if cookie else ""
    writer.write(f"GET /appraisal/live HTTP/1.1\r\nHost: localhost\r\n{told}\r\n".encode())
    return Opened(reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE))


async def test_one_address_leaves_streams_for_others(served: Served) -> None:
    made = await asyncio.gather(*(opened(served) for _ in range(live.MOST)))
    statuses = [each.status for each in made]
    assert (statuses.count(200), statuses.count(429)) == (live.MOST_OF_ADDRESS, live.MOST - live.MOST_OF_ADDRESS)
    refused = next(each for each in made if each.status == 429)
    assert b"\r\nretry-after: 30\r\n" in refused.head.lower()
    other = await opened(served, address="127.0.0.2")
    assert other.status == 200
    next(each for each in made if each.status == 200).writer.close()

    async def room() -> bool:
        again = await opened(served)
        again.writer.close()
        return again.status == 200

    await eventually(room, PATIENCE)
    for each in (*made, other):
        each.writer.transport.abort()


async def test_one_account_has_three_by_whatever_sessions_and_addresses(settings: Settings, served: Served) -> None:
    sessions = [await operator_session(settings, "chen.wei") for _ in range(2)]
    made = [await opened(served, sessions[at % 2], f"127.0.0.{1 + at}") for at in range(live.MOST_OF_ACCOUNT + 2)]
    assert [each.status for each in made] == [200] * live.MOST_OF_ACCOUNT + [429] * 2
    other = await opened(served, await operator_session(settings, "li.na"))
    assert other.status == 200
    for each in (*made, other):
        each.writer.transport.abort()


async def test_a_page_that_is_refused_a_stream_is_told_the_same_version(settings: Settings) -> None:
    async with client(settings, ["appraisal"]) as http:
        page = await http.get("/appraisal/reports/2014", headers={"Accept": "text/html"})
        answer = await http.get("/appraisal/live/version", headers={"Accept": "application/json"})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        version = json.loads(answer.text)["version"]
        assert f'data-live="/appraisal/live" data-version="{version}"' in page.text
        async with httpx.AsyncClient(transport=http._transport, base_url="http://test") as public:
            assert (await public.get("/appraisal/live/version")).json() == {"version": version}
