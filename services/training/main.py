"""Training's processes: the only wiring."""

from fastapi import FastAPI

from services.training import api, consumers
from services.training.intake import create_door
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("training", settings, [api.router, intake.router], door=create_door(settings))


def create_worker(settings: Settings) -> Worker:
    door = create_door(settings)
    return Worker("training", settings, lambda _: consumers.subscriptions(settings, door), door=door)
