"""A TCP way to a server that a test can cut and mend."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Way:
    """Forwards connections to (host, port) while it is not cut; ``port`` is where clients connect, on loopback."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def mend(self) -> None:
        """Lets connections through, at the same port as before."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Refuses new connections and breaks those there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward_writer}
        self._open |= both
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(_pump(reader, onward_writer)),
                    asyncio.create_task(_pump(onward_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for one in both:
                one.transport.abort()
            self._open -= both


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(64 * 1024):
            writer.write(content)
            await writer.drain()


@asynccontextmanager
async def way_to(host: str, port: int) -> AsyncGenerator[Way]:
    way = Way(host, port)
    await way.mend()
    try:
        yield way
    finally:
        await way.cut()
