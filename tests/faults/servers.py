"""Servers of one test alone, which it may kill, freeze and start again on the same data and ports."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from pathlib import Path

import psutil

from qingsheng.embedded import Stack, running_stack
from tests.support.waiting import eventually


class Server:
    """One embedded server, "PostgreSQL" or "Kafka"."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name, self._folder = name, folder
        self._running: AbstractContextManager[Stack] | None = None
        self._stack: Stack | None = None

    @property
    def address(self) -> str:
        """The database's URL or the broker's address; the same after each start."""
        assert self._stack
        found = self._stack.database_url if self._name == "PostgreSQL" else self._stack.kafka_bootstrap_servers
        assert found
        return found

    @property
    def login(self) -> dict[str, str]:
        """The settings by which services sign in to Kafka."""
        assert self._stack
        return {"kafka_user": self._stack.kafka_user, "kafka_password": self._stack.kafka_password}

    async def start(self) -> None:
        self._running = running_stack(self._folder, postgres=self._name == "PostgreSQL", kafka=self._name == "Kafka")
        self._stack = await asyncio.to_thread(self._running.__enter__)

    async def stop(self) -> None:
        if self._running is not None:
            self.thaw()
            await asyncio.to_thread(self._running.__exit__, None, None, None)
            self._running = None

    async def kill(self) -> None:
        """As when the power fails."""
        self._main.kill()
        await self.stop()

    async def stop_immediately(self) -> None:
        """PostgreSQL's own immediate mode: no transaction is ended, no buffer is written."""
        self._main.send_signal(signal.SIGQUIT)
        await eventually(lambda: self._stack is None or self._stack.failure() is not None)
        await self.stop()

    @property
    def has_ended(self) -> bool:
        """By itself, as Kafka does when its disk fails."""
        return self._stack is not None and self._stack.failure() is not None

    def freeze(self) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's own come and go
                process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.resume()

    @property
    def _main(self) -> psutil.Process:
        assert self._stack
        return psutil.Process(self._stack.pids[self._name])

    def _processes(self) -> list[psutil.Process]:
        try:
            return [self._main, *self._main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@asynccontextmanager
async def own(name: str, below: Path | None = None) -> AsyncIterator[Server]:
    """Its data lie in a new folder, ``below`` that one."""
    with tempfile.TemporaryDirectory(prefix="qingsheng-fault-", dir=below, ignore_cleanup_errors=True) as folder:
        server = Server(name, Path(folder))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
