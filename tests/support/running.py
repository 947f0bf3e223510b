"""Workers and relays running in this process, or in one of their own that can be killed or frozen."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol, TypeVar

import psutil

from qingsheng.deployment import environment_of
from shared.settings import Settings


class Runs(Protocol):
    async def run(self) -> None: ...


Running = TypeVar("Running", bound=Runs)


@asynccontextmanager
async def running(part: Running) -> AsyncIterator[Running]:
    """Runs it until the block ends. Raises what it failed with, if it ended by itself."""
    task = asyncio.create_task(part.run())
    try:
        yield part
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Child:
    """A module of the tests running as a process of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def is_frozen(self) -> bool:
        return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    def was_killed(self) -> bool:
        return self.process.poll() == -signal.SIGKILL


@contextmanager
def child(settings: Settings, module: str, arguments: Sequence[str] = ()) -> Iterator[Child]:
    """Runs ``python -m module arguments`` with the settings in its environment; kills it at the end."""
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, env={**os.environ, **environment_of(settings)})
    try:
        yield Child(process)
    finally:
        process.kill()
        process.wait()
