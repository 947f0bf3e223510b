"""The appraisal's worker as a process that stops itself with its first great batch of shares in hand, before or amid the
transaction: ``python -m tests.faults.freezing_worker before|amid FILE``. Continued, it writes to the file what became of
the batch: ``applied``, or the name of the error."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from qingsheng.run import run
from shared.delivery.consuming import Consumer
from shared.settings import Settings
from tests.delivery.tables import SHARES

GREAT = 100
"""Records: more than a trial begins with, and no more than a worker that keeps up finds at once."""


def _freeze_once(amid: bool, outcome: Path) -> None:
    applies, advances = Consumer._apply, Consumer._advance  # pyright: ignore[reportPrivateUsage]
    first: list[Any] = []

    def is_first(batch: Any) -> bool:
        if not first and batch.topic.endswith(SHARES) and batch.count >= GREAT:
            first.append(batch)
        return any(batch is each for each in first) and not outcome.exists()

    async def apply(self: Any, batch: Any, *given: Any, **more: Any) -> None:
        if not is_first(batch):
            return await applies(self, batch, *given, **more)
        if not amid:
            os.kill(os.getpid(), signal.SIGSTOP)
        became = "applied"
        try:
            await applies(self, batch, *given, **more)
        except Exception as error:
            became = type(error).__name__
            raise
        finally:
            outcome.write_text(became)  # once

    async def advance(self: Any, connection: Any, starts: Any, batch: Any) -> Any:
        latest = await advances(self, connection, starts, batch)
        if amid and is_first(batch):
            os.kill(os.getpid(), signal.SIGSTOP)
        return latest

    Consumer._apply, Consumer._advance = apply, advance  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    _freeze_once(sys.argv[1] == "amid", Path(sys.argv[2]))
    run("appraisal-worker", Settings())  # type: ignore[call-arg]
