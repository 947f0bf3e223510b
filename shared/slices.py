"""Long work of one process in slices, so that its event loop goes on: text work holds the GIL, a thread would not help."""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar
from weakref import WeakKeyDictionary

Result = TypeVar("Result")
SLICE = 0.01
"""Seconds that one slice holds the loop, and the step by which it ends besides."""
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


class TooLong(Exception):
    """Work took more of the processor's time than it may."""


async def in_slices(work: Generator[None, None, Result], most: float) -> Result:
    """Runs ``work``, which yields wherever it can be interrupted, and returns what it returns. Of all that is run so at
    once, one slice at a time is done, in turns, and the loop does what else waits between two of them. Raises TooLong
    when the work has taken more than ``most`` seconds of the processor's time and is not done."""
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    used = 0.0
    while True:
        async with turn:
            began, used_before = time.perf_counter(), time.thread_time()
            while time.perf_counter() - began < SLICE:
                try:
                    next(work)
                except StopIteration as end:
                    return end.value
                if used + time.thread_time() - used_before > most:
                    work.close()
                    raise TooLong
            used += time.thread_time() - used_before
        await asyncio.sleep(0)


def at_once(work: Generator[None, None, Result]) -> Result:
    """Runs ``work`` to its end, where nothing else waits."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value
