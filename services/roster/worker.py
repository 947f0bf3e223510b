"""The roster service's worker: all its wiring."""

from services.roster import audit_seals
from shared import uploads
from shared.clock import Clock
from shared.delivery.worker import Worker
from shared.settings import Settings


def create_worker(settings: Settings) -> Worker:
    """The roster listens to nobody: its worker relays, seals the audit log, and forgets ledgers that were looked at."""
    clock = Clock(settings.zone, settings.story_mode)
    return Worker("roster", settings, lambda _: [], jobs=[uploads.forget_old, *audit_seals.jobs(settings, clock)])
