"""Waiting for a condition instead of sleeping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

Value = TypeVar("Value")


async def eventually(
    condition: Callable[[], Value | Awaitable[Value]], deadline: float = 20.0, interval: float = 0.02
) -> Value:
    """Call `condition`, plain or async, every `interval` seconds until what it gives is truthy; gives that value.

    Raises AssertionError with the last value when `deadline` seconds have passed.
    """
    until = time.monotonic() + deadline
    while True:
        outcome: Any = condition()
        value: Value = await outcome if inspect.isawaitable(outcome) else outcome
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not so after {deadline} s; the last value was {value!r}")
        await asyncio.sleep(interval)


def eventually_now(condition: Callable[[], Value], deadline: float = 20.0, interval: float = 0.02) -> Value:
    """`eventually` for tests that are not async; `condition` is plain."""
    return asyncio.run(eventually(condition, deadline, interval))
