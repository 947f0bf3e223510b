"""Streams that stay open, in a process of their own: how many there may be, and that they end when the process is to end."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.appraisal import live
from tests.abuse.serving import Served, serving
from tests.support.services import settings_for
from tests.support.waiting import eventually

ASKED = b"GET /appraisal/live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
CLEAN = b"0\r\n\r\n"
"""The end of a body that came whole: a connection that is cut has none."""
PATIENCE = 60.0
Stream = tuple[StreamReader, StreamWriter]


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings_for(database_url), tmp_path / "log") as found:
        yield found


async def opened(served: Served, address: int = 1) -> tuple[Stream, bytes]:
    """A stream from 127.0.0.``address``, and the status line it was answered with."""
    local = (f"127.0.0.{address}", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, local_addr=local)
    writer.write(ASKED)
    status = await asyncio.wait_for(reader.readline(), PATIENCE)
    return (reader, writer), status


async def test_a_process_told_to_stop_ends_its_streams_whole(served: Served) -> None:
    (reader, writer), status = await opened(served)
    assert b" 200 " in status
    await asyncio.wait_for(reader.readuntil(b"event: figures"), PATIENCE)
    served.process.terminate()
    rest = await asyncio.wait_for(reader.read(), PATIENCE)
    assert rest.endswith(CLEAN), "cut off rather than ended"
    writer.close()

    async def ended() -> bool:
        return served.process.poll() is not None

    await eventually(ended, PATIENCE)
    assert served.process.returncode in (0, -15)  # uvicorn raises the signal again when all is done


async def test_there_is_a_bound_on_streams_and_who_leaves_makes_room(served: Served) -> None:
    addresses = [1 + number // live.MOST_OF_ADDRESS for number in range(live.MOST + 10)]
    made = await asyncio.gather(*(opened(served, address) for address in addresses))
    streams = [stream for stream, status in made if b" 200 " in status]
    assert sum(b" 503 " in status for _, status in made) == 10
    assert len(streams) == live.MOST
    assert await served.lives(), "pages are served beside them"
    for _, writer in streams[:5]:
        writer.close()

    async def room() -> bool:
        (_, writer), status = await opened(served, addresses[-1])
        writer.close()
        return b" 200 " in status

    await eventually(room, PATIENCE)
    for (_, writer), _ in made:
        writer.transport.abort()
