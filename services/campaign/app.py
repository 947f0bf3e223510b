"""The campaign service's API and pages: all its wiring."""

from fastapi import FastAPI

from services.campaign import api, own_page, pages
from services.campaign.intake import create_door
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app
from shared.web.pages import install as install_pages


def create_api(settings: Settings) -> FastAPI:
    routers = [api.router, intake.router, pages.router, pages.uploads.router, own_page.router]
    app = create_app("campaign", settings, routers, door=create_door(settings))
    install_pages(app, pages.TEMPLATES)
    return app
