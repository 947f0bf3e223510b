"""Opinion's processes: the only wiring."""

from fastapi import FastAPI

from services.opinion import api, consumers
from services.opinion.intake import create_door
from services.opinion.retention import erase_old_texts
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("opinion", settings, [api.router, intake.router], door=create_door(settings))


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    return Worker(
        "opinion", settings, lambda _: consumers.subscriptions(settings, door), door=door, jobs=[erase_old_texts]
    )
