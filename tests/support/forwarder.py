"""A TCP forwarder in front of a server: it can be cut and mended, and can lose a server's answer to what it did."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

CHUNK = 256 * 1024


class Forwarder:
    """Listens on ``port`` of this host; begins cut. Everything else is the server's doing."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._losing: list[bytes] = []
        self.port = 0
        self.lost = 0
        """Answers lost so far."""

    async def mend(self) -> None:
        """Connections are taken again."""
        self._listening = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """All connections end at once, new ones are refused."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def lose_answer(self, *said: bytes) -> None:
        """Once: on the connection on which a client says all of ``said``, in this order, the answer to the last is
        thrown away and the connection ends; the server has done as it was told."""
        self._losing = list(said)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            there, back = await asyncio.open_connection(*self._server)
            losing = asyncio.Event()
            try:
                ways = [self._to_server(reader, back, losing), self._to_client(there, writer, losing)]
                done, left = await asyncio.wait(
                    [asyncio.create_task(way) for way in ways], return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for way in asyncio.all_tasks() & {*locals().get("done", ()), *locals().get("left", ())}:
                    way.cancel()
                back.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._connections.discard(task)
