"""The opinion service's API: all its wiring."""

from fastapi import FastAPI

from services.opinion import api, corrections_api, desk_corrections, desk_tips, pages
from services.opinion.contacts import Contacts
from services.opinion.intake import create_door
from shared.settings import Settings
from shared.web import intake
from shared.web.app import create_app
from shared.web.pages import install as install_pages


def create_api(settings: Settings) -> FastAPI:
    routers = [
        api.router,
        corrections_api.router,
        intake.router,
        pages.router,
        desk_tips.router,
        desk_corrections.router,
    ]
    app = create_app(
        "opinion",
        settings,
        routers,
        door=create_door(settings),
        contacts=Contacts(settings.secret_key.get_secret_value()),
    )
    install_pages(app, pages.TEMPLATES)
    return app
