"""The opinion service's worker: all its wiring."""

from services.opinion import consumers
from services.opinion.digest import Digest
from services.opinion.intake import create_door
from services.opinion.retention import Retention
from shared.access.sealing import Sealing
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    clock = Clock(settings.zone, settings.story_mode)
    return Worker(
        "opinion",
        settings,
        lambda _: consumers.subscriptions(settings, door),
        door=door,
        jobs=[
            *Retention(settings, clock).jobs,
            Digest(settings, clock).send,
            *Sealing(settings, clock, "opinion").jobs,
        ],
    )
