"""The opinion service's worker: all its wiring."""

from services.opinion import consumers
from services.opinion.intake import create_door
from services.opinion.retention import erase_old_texts
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    return Worker(
        "opinion", settings, lambda _: consumers.subscriptions(settings, door), door=door, jobs=[erase_old_texts]
    )
