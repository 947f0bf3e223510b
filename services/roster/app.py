"""The roster service's API and pages: all their wiring. People sign in here, for all services."""

from fastapi import FastAPI

from services.roster import (
    api,
    audit_pages,
    desk,
    ledger_api,
    ledger_pages,
    pages,
    people_api,
    references_api,
    unit_pages,
)
from services.roster.ledger_runs import LedgerRuns
from services.roster.personal import Vault
from shared.access import pages as access
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.pages import install as install_pages


def create_api(settings: Settings) -> FastAPI:
    secret = settings.secret_key.get_secret_value()
    apis = [people_api.router, ledger_api.router, references_api.router, api.router]
    shown = [unit_pages.router, pages.router, desk.router, ledger_pages.router, audit_pages.router]
    app = create_app("roster", settings, [*apis, *shown], vault=Vault(secret))
    app.state.ledger_runs = LedgerRuns(app, secret)
    access.install(app, settings)
    install_pages(app, pages.TEMPLATES)
    return app
