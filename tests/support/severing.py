"""A TCP way to a server that a test can cut and mend, on which an answer can be lost, and what is said can be late or not
arrive at all."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

CHUNK = 64 * 1024


class Way:
    """Forwards connections to (host, port) while it is not cut; ``port`` is where clients connect, on loopback.

    ``delay``: seconds by which everything is late, either way. ``names_server``: the server tells clients where it is, as
    a Kafka broker does; they are told of this way instead.
    """

    def __init__(self, host: str, port: int, *, names_server: bool = False) -> None:
        self._target = (host, port)
        self._names_server = names_server
        self._to_server, self._to_client = asyncio.Event(), asyncio.Event()
        self.delay = 0.0
        self.let_pass()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._losing: tuple[bytes, ...] = ()
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

    def lose_answer(self, *said: bytes) -> None:
        """Once, on the connection on which a client says all of ``said`` in this order: the answer to the last of it is
        thrown away and the connection breaks. The server has done what it was told."""
        self._losing = said

    @property
    def has_lost_it(self) -> bool:
        return not self._losing

    def hold(self, *, to_server: bool = False, to_client: bool = False) -> None:
        """Connections stay open, and new ones are taken, but nothing passes that way: with both, they are half open."""
        for held, passes in ((to_server, self._to_server), (to_client, self._to_client)):
            if held:
                passes.clear()

    def let_pass(self) -> None:
        """What was held arrives, on the connections that nobody has given up."""
        self._to_server.set()
        self._to_client.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward_writer}
        deaf = asyncio.Event()
        self._open |= both
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self._requests(reader, onward_writer, deaf)),
                    asyncio.create_task(self._answers(onward_reader, writer, deaf)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for one in both:
                one.transport.abort()
            self._open -= both

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        heard = 0
        with contextlib.suppress(OSError):
            while content := await reader.read(CHUNK):
                while heard < len(self._losing) and self._losing[heard] in content:
                    heard += 1
                if self._losing and heard == len(self._losing):
                    self._losing = ()
                    deaf.set()
                await self._late(self._to_server)
                writer.write(content)
                await writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deaf: asyncio.Event) -> None:
        there, here = (b"127.0.0.1" + port.to_bytes(4, "big") for port in (self._target[1], self.port))
        with contextlib.suppress(OSError):
            while content := await reader.read(CHUNK):
                if deaf.is_set():
                    return
                await self._late(self._to_client)
                writer.write(content.replace(there, here) if self._names_server else content)
                await writer.drain()

    async def _late(self, passes: asyncio.Event) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        await passes.wait()


@asynccontextmanager
async def way_to(host: str, port: int, *, names_server: bool = False) -> AsyncGenerator[Way]:
    way = Way(host, port, names_server=names_server)
    await way.mend()
    try:
        yield way
    finally:
        await way.cut()
