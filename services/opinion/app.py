"""The opinion service's API: all its wiring."""

from fastapi import FastAPI

from services.opinion import api, corrections_api
from services.opinion.contacts import Contacts
from services.opinion.intake import create_door
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app(
        "opinion",
        settings,
        [api.router, corrections_api.router, intake.router],
        door=create_door(settings),
        contacts=Contacts(settings.secret_key.get_secret_value()),
    )
