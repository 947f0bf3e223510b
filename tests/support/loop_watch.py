"""A watch over the event loop: the longest time for which one callback held it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Held:
    """``seconds``: CPU time of the loop's thread in the longest callback; ``by``: what it was. ``longer``: all those that
    took more than 20 ms."""

    seconds: float = 0.0
    by: str = ""
    longer: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def clear(self) -> None:
        self.seconds, self.by = 0.0, ""
        self.longer.clear()


@contextmanager
def watched() -> Iterator[Held]:
    """Measures every callback that asyncio's own loop runs in this thread until the block ends.

    The time is that of the thread's CPU: what other processes of a busy machine take does not count.
    """
    held, mine = Held(), threading.get_ident()
    handle: Any = asyncio.Handle
    runs = handle._run

    def run(self: Any) -> None:
        if threading.get_ident() != mine:
            runs(self)
            return
        began = time.thread_time()
        runs(self)
        took = time.thread_time() - began
        if took > 0.02:
            held.longer.append((round(took, 3), _named(self)))
        if took > held.seconds:
            held.seconds, held.by = took, _named(self)

    handle._run = run
    try:
        yield held
    finally:
        handle._run = runs


def _named(handle: Any) -> str:
    task = getattr(handle._callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return repr(handle._callback)
    return f"{task.get_coro()!r:.120}"  # pyright: ignore[reportUnknownMemberType]
