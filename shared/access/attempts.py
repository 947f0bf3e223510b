"""How often signing in may be tried: with one name from one address, from one address, with one name, and at once.

Nobody can keep an account's owner out by wrong passwords: these count where they come from, and a device that has signed in
before counts by itself alone. Names that nobody has are counted like others, so that no answer tells which names exist.
Kept in the process that serves it, and nowhere else: of addresses nothing is stored. Several processes that serve sign-in
allow as many times as much.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil

FREE_FAILURES = 5
"""Of one name from one address, or from one known device."""
FREE_OF_NAME = 50
"""Of one name, from wherever, known devices apart: many addresses together guess no more than this between two pauses."""
FREE_FROM_ADDRESS = 30
"""A whole office may have one address."""
LOCKED_FOR = timedelta(minutes=5)
AT_ONCE = 2
"""Each takes 64 MB and a core for a moment, and a connection to the database."""
WAITING = 40
"""Who may wait for a turn; more are told to come again."""
_KEPT = 10_000


class TooMany(Exception):
    """``seconds``: when to come again."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"come again in {seconds} s")
        self.seconds = seconds


class Failures:
    """Counts tries by key; after ``free`` of them the key waits. They count no more after as long a rest."""

    def __init__(self, free: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._now = now
        self._kept: OrderedDict[str, tuple[int, float, float]] = OrderedDict()
        """Tries, when the last was, until when it waits; the least recently tried first."""

    def count(self, key: str) -> None:
        """Counts a try. Raises TooMany, and counts none, while the key waits."""
        now, rest = self._now(), LOCKED_FOR.total_seconds()
        tries, last, until = self._kept.pop(key, (0, now, 0.0))
        if until <= now:
            tries = 1 if now - last >= rest else tries + 1
            last = now
            self._kept[key] = tries, last, now + rest if tries >= self._free else 0.0
        else:
            self._kept[key] = tries, last, until
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        if until > now:
            raise TooMany(ceil(until - now))

    def take_back(self, key: str) -> None:
        """The last try was none of those that count."""
        tries, last, _ = self._kept.pop(key, (1, 0.0, 0.0))
        if tries > 1:
            self._kept[key] = tries - 1, last, 0.0

    def forget(self, key: str) -> None:
        """The key's tries count no more."""
        self._kept.pop(key, None)


class Attempts:
    def __init__(self) -> None:
        self.from_addresses = Failures(FREE_FROM_ADDRESS)
        self.of_sources = Failures(FREE_FAILURES)
        """By name and address, or by known device."""
        self.of_names = Failures(FREE_OF_NAME)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """One of the few that are checked at once. Raises TooMany where very many wait already."""
        if self._waiting >= WAITING:
            raise TooMany(5)
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1


def place(address: str) -> str:
    """Of IPv6 the network of 64 bits, within which one household has all addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
