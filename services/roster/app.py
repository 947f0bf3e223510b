"""The roster service's API and pages: all their wiring. People sign in here, for all services."""

from pathlib import Path

from fastapi import FastAPI

from services.roster import api
from shared.access import pages as access
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.pages import install as install_pages

TEMPLATES = Path(__file__).parent / "templates"


def create_api(settings: Settings) -> FastAPI:
    app = create_app("roster", settings, [api.router])
    access.install(app, settings)
    install_pages(app, TEMPLATES)
    return app
