"""The campaign service's API: all its wiring."""

from fastapi import FastAPI

from services.campaign import api
from services.campaign.intake import create_door
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("campaign", settings, [api.router, intake.router], door=create_door(settings))
