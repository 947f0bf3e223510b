"""A TCP forwarder in front of a server: it can be cut and mended, and can lose the answer to what a server has done."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

CHUNK = 256 * 1024


class _Over(Exception):
    """One side ended the connection."""


class Forwarder:
    """Takes connections on ``port`` of this host, once it was mended, and hands everything to ``host``:``port``."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._losing: Sequence[bytes] = ()
        self.port = 0
        self.lost = 0
        """Answers lost so far."""

    async def mend(self) -> None:
        """Connections are taken, always at the same port."""
        self._listening = await asyncio.start_server(self._forward, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._listening.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """All connections end at once; new ones are refused."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def lose_answer(self, *said: bytes) -> None:
        """Once, on the connection on which a client says all of ``said`` in this order: the answer to the last of it is
        thrown away and the connection ends. The server has done what it was told."""
        self._losing = said

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        deaf = asyncio.Event()
        try:
            from_server, to_server = await asyncio.open_connection(*self._server)
            try:
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._requests(reader, to_server, deaf))
                    ways.create_task(self._answers(from_server, writer, deaf))
            finally:
                to_server.transport.abort()
        except* (OSError, _Over):
            pass
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        heard = 0
        while chunk := await reader.read(CHUNK):
            while heard < len(self._losing) and self._losing[heard] in chunk:
                heard += 1
            if self._losing and heard == len(self._losing):
                self._losing = ()
                deaf.set()
            writer.write(chunk)
            await writer.drain()
        raise _Over

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        while chunk := await reader.read(CHUNK):
            if deaf.is_set():
                self.lost += 1
                break
            writer.write(chunk)
            await writer.drain()
        raise _Over


@asynccontextmanager
async def forwarder(address: str) -> AsyncIterator[tuple[Forwarder, str]]:
    """A mended forwarder to a server, given as ``host:port`` or as a URL, and the address that leads through it."""
    parts = urlsplit(address if "//" in address else f"//{address}")
    assert parts.hostname
    assert parts.port
    made = Forwarder(parts.hostname, parts.port)
    await made.mend()
    account = parts.netloc.rpartition("@")[0]
    netloc = f"{account}@127.0.0.1:{made.port}" if account else f"127.0.0.1:{made.port}"
    try:
        yield made, urlunsplit(parts._replace(netloc=netloc)).removeprefix("//")
    finally:
        await made.cut()
