"""The roster service's worker: all its wiring."""

from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """The roster listens to nobody: its worker only relays."""
    return Worker("roster", settings, lambda _: [])
