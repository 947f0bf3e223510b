"""A process of the services that kills itself at an exact moment: ``python -m tests.faults.doomed_process PROCESS MOMENT
TOPIC``, by its first batch of a topic whose name holds ``TOPIC``, or by the first that its relay has sent there.

``before`` the batch's commit, with its effects made; ``after`` PostgreSQL's commit, of which nobody else has heard yet;
``acknowledged``: the broker has the relay's records, and their rows still stand in the outbox.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from qingsheng.run import run
from shared.delivery.consuming import Consumer
from shared.delivery.relay import Relay
from shared.settings import Settings

MODULE = "tests.faults.doomed_process"
Work = Callable[..., Awaitable[None]]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _dying(work: Work) -> Work:
    async def done(*given: Any) -> None:
        await work(*given)
        _die()

    return done


def _before(of: str) -> None:
    consumer: Any = Consumer
    made = consumer.__init__

    def make(self: Any, subscription: Any, *given: Any) -> None:
        # A pattern's dots are escaped.
        if of in subscription.topic.replace("\\", ""):
            bulk = subscription.bulk
            subscription = replace(
                subscription,
                apply=_dying(subscription.apply),
                bulk=bulk and replace(bulk, apply=_dying(bulk.apply)),
            )
        made(self, subscription, *given)

    consumer.__init__ = make


def _after(of: str) -> None:
    applies: Any = Consumer._apply  # pyright: ignore[reportPrivateUsage]

    async def apply(self: Any, batch: Any, *given: Any, **more: Any) -> None:
        await applies(self, batch, *given, **more)
        if of in batch.topic:
            _die()

    Consumer._apply = apply  # pyright: ignore[reportPrivateUsage]


def _acknowledged(of: str) -> None:
    forgets = Relay._forget  # pyright: ignore[reportPrivateUsage]

    async def forget(self: Any, connection: Any, ids: Any, reached: Mapping[tuple[str, int], int]) -> None:
        if any(of in topic for topic, _ in reached):
            _die()
        await forgets(self, connection, ids, dict(reached))

    Relay._forget = forget  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    {"before": _before, "after": _after, "acknowledged": _acknowledged}[sys.argv[2]](sys.argv[3])
    run(sys.argv[1], Settings())  # type: ignore[call-arg]
