"""The campaign service's worker: all its wiring."""

from services.campaign import consumers, retention
from services.campaign.intake import create_door
from shared.access.sealing import Sealing
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    clock = Clock(settings.zone, settings.story_mode)
    return Worker(
        "campaign",
        settings,
        lambda clock: consumers.subscriptions(settings, door, clock),
        door=door,
        jobs=[*retention.jobs(clock), *Sealing(settings, clock, "campaign").jobs],
    )
