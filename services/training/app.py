"""The training service's API: all its wiring."""

from fastapi import FastAPI

from services.training import api, venue_api
from services.training.intake import create_door
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("training", settings, [api.router, venue_api.router, intake.router], door=create_door(settings))
