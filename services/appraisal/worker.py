"""The appraisal service's worker: all its wiring."""

from services.appraisal import consumers, storage
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    return Worker(
        "appraisal", settings, lambda _: consumers.subscriptions(settings), jobs=[storage.forget_past_futures]
    )
