"""What the campaign does not keep for ever."""

from collections.abc import Sequence
from datetime import timedelta

from services.campaign import storage
from shared import uploads
from shared.clock import Clock
from shared.delivery.worker import Job
from shared.postgres import Connection

REFUSED_KEPT = timedelta(days=400)
"""As long as reports are remembered."""


def jobs(clock: Clock) -> Sequence[Job]:
    async def forget_refused(connection: Connection) -> None:
        await storage.forget_refused(connection, clock.now() - REFUSED_KEPT)

    return [forget_refused, uploads.forget_old]
