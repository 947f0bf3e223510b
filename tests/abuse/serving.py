"""The services as they are run: their own process, uvicorn, real sockets. Its memory and its log can be looked at."""

import asyncio
import os
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from qingsheng.deployment import environment_of
from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from shared.settings import Settings
from tests.support.waiting import eventually

MEGABYTE = 1024 * 1024
MOST = 4096 * MEGABYTE
"""Of a process' addresses."""


class Served:
    """A running process of the APIs. ``http`` is signed in with every role but a county's; ``port`` on loopback."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path, http: httpx.AsyncClient) -> None:
        self.process = process
        self.port = port
        self.http = http
        self._log = log

    @property
    def log(self) -> list[str]:
        """What it wrote so far, by lines as they stand in the file."""
        return self._log.read_text().split("\n")[:-1]

    def peak(self) -> float:
        """The most memory it has held, in megabytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 1024

    async def lives(self) -> bool:
        """Whether it answers somebody else, on a new connection, within seconds though the machine be busy."""
        async with httpx.AsyncClient(base_url=str(self.http.base_url)) as other:
            answer = await asyncio.wait_for(other.get("/roster/healthz"), 5)
            return answer.status_code == 200

    async def said(self, *parts: bytes, until: float = 10.0) -> bytes:
        """All that it answers to these bytes, until it ends the connection. Raises TimeoutError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await asyncio.wait_for(reader.read(), until)
        except ConnectionError:
            return b""
        finally:
            writer.transport.abort()


@asynccontextmanager
async def serving(settings: Settings, log: Path, process: str = "apis", **environment: str) -> AsyncGenerator[Served]:
    """Runs ``qingsheng run apis``, or another of its processes that serve."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = settings.model_copy(update={"port": port})
    command: Sequence[str] = [sys.executable, "-m", "qingsheng", "run", process]
    with log.open("wb") as out:
        running = subprocess.Popen(  # noqa: ASYNC220  # it forks, and waits for nothing
            command, env={**os.environ, **environment_of(told), **environment}, stdout=out, stderr=out
        )
    # What would fill the memory fails in that process, rather than on this machine.
    resource.prlimit(running.pid, resource.RLIMIT_AS, (MOST, MOST))
    try:
        cookies = {COOKIE: await operator_session(settings, "tester")}
        own = {"Sec-Fetch-Site": "same-origin"}
        at = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=at, headers=own, cookies=cookies, timeout=60) as http:

            async def answers() -> bool:
                assert running.poll() is None, log.read_text()
                try:
                    return (await http.get("/roster/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(answers, 90)
            yield Served(running, port, log, http)
    finally:
        running.kill()
        running.wait()
