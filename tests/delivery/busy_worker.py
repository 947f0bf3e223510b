"""The appraisal's worker as it is run, whose handler holds the event loop for ever with the first batch of shares in hand,
its transaction open: ``python -m tests.delivery.busy_worker FILE``. It makes the file when it is there."""

import sys
from pathlib import Path
from typing import Any

from qingsheng.run import run
from shared.delivery.consuming import Consumer
from shared.settings import Settings
from tests.delivery.tables import SHARES


def _hold(told: Path) -> None:
    advances = Consumer._advance  # pyright: ignore[reportPrivateUsage]

    async def advance(self: Any, connection: Any, starts: Any, batch: Any) -> Any:
        latest = await advances(self, connection, starts, batch)
        if batch.topic.endswith(SHARES):
            told.touch()
            while True:
                pass
        return latest

    Consumer._advance = advance  # pyright: ignore[reportPrivateUsage]


if __name__ == "__main__":
    _hold(Path(sys.argv[1]))
    run("appraisal-worker", Settings())  # type: ignore[call-arg]
