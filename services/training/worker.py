"""The training service's worker: all its wiring."""

from services.training import consumers
from services.training.intake import create_door
from shared import uploads
from shared.access.sealing import Sealing
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    clock = Clock(settings.zone, settings.story_mode)
    return Worker(
        "training",
        settings,
        lambda _: consumers.subscriptions(settings, door),
        door=door,
        jobs=[uploads.forget_old, *Sealing(settings, clock, "training").jobs],
    )
