"""The appraisal's worker as a process that kills itself: ``python -m tests.delivery.doomed_worker before|after``, the
commit of the first batch of shares."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from shared.delivery.consuming import Consumer
from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(applies: Apply) -> Apply:
    async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        await applies(connection, reads)
        _die()

    return apply


def _die_after_commit() -> None:
    commits = Consumer._apply  # pyright: ignore[reportPrivateUsage]

    async def apply(*given: Any, **more: Any) -> None:
        await commits(*given, **more)
        _die()

    Consumer._apply = apply  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    before = sys.argv[1] == "before"
    if not before:
        _die_after_commit()
    asyncio.run(counting_worker(Settings(), _dying if before else None).run())  # type: ignore[call-arg]
