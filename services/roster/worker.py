"""The roster service's worker: all its wiring."""

from shared import uploads
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """The roster listens to nobody: its worker relays, and forgets ledgers that were looked at."""
    return Worker("roster", settings, lambda _: [], jobs=[uploads.forget_old])
