"""The campaign service's worker: all its wiring."""

from services.campaign import consumers, retention
from services.campaign.intake import create_door
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    return Worker(
        "campaign",
        settings,
        lambda clock: consumers.subscriptions(settings, door, clock),
        door=door,
        jobs=retention.jobs(Clock(settings.zone, settings.story_mode)),
    )
