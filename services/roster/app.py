"""The roster service's API: all its wiring."""

from fastapi import FastAPI

from services.roster import api
from shared.settings import Settings
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("roster", settings, [api.router])
