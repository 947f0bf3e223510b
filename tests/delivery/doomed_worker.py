"""The appraisal's worker as a process that kills itself: ``python -m tests.delivery.doomed_worker before|after``, the
commit of the first batch of shares."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from services.appraisal.main import create_worker
from shared.delivery.consuming import Consumer, Read, Subscription
from shared.postgres import Connection
from shared.settings import Settings


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying_before(subscription: Subscription[Any]) -> Subscription[Any]:
    async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        await subscription.apply(connection, reads)
        _die()

    return replace(subscription, apply=apply)


def _die_after_commit() -> None:
    commits = Consumer._apply  # pyright: ignore[reportPrivateUsage]

    async def apply(*given: Any, **more: Any) -> None:
        await commits(*given, **more)
        _die()

    Consumer._apply = apply  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    worker = create_worker(Settings())  # type: ignore[call-arg]
    if sys.argv[1] == "before":
        worker.subscriptions = [_dying_before(subscription) for subscription in worker.subscriptions]
    else:
        _die_after_commit()
    asyncio.run(worker.run())
