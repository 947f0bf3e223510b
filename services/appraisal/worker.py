"""The appraisal service's worker: all its wiring."""

from services.appraisal import consumers, storage
from shared.access.sealing import Sealing
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    sealing = Sealing(settings, Clock(settings.zone, settings.story_mode), "appraisal")
    return Worker(
        "appraisal",
        settings,
        lambda _: consumers.subscriptions(settings),
        jobs=[storage.forget_past_futures, *sealing.jobs],
    )
