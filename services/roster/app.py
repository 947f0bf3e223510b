"""The roster service's API and pages: all their wiring. People sign in here, for all services."""

from pathlib import Path

from fastapi import FastAPI

from services.roster import api, ledger_api, people_api
from services.roster.personal import Vault
from shared.access import pages as access
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.pages import install as install_pages

TEMPLATES = Path(__file__).parent / "templates"


def create_api(settings: Settings) -> FastAPI:
    routers = [people_api.router, ledger_api.router, api.router]
    app = create_app("roster", settings, routers, vault=Vault(settings.secret_key.get_secret_value()))
    access.install(app, settings)
    install_pages(app, TEMPLATES)
    return app
