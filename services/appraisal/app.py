"""The appraisal service's API: all its wiring."""

from fastapi import FastAPI

from services.appraisal import (
    api,
    commendation_api,
    commendation_pages,
    event_api,
    explaining_api,
    pages,
    period_api,
    period_pages,
    public_api,
    public_pages,
    scheme_api,
    scheme_pages,
)
from services.appraisal.exports import api as exports
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.pages import install as install_pages


def create_api(settings: Settings) -> FastAPI:
    app = create_app(
        "appraisal",
        settings,
        [
            exports.router,
            api.router,
            period_api.router,
            scheme_api.router,
            event_api.router,
            explaining_api.router,
            public_api.router,
            commendation_api.router,
            pages.router,
            public_pages.router,
            period_pages.router,
            scheme_pages.router,
            commendation_pages.router,
        ],
    )
    install_pages(app, pages.TEMPLATES)
    return app
