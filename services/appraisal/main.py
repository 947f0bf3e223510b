"""The only wiring of the appraisal service."""

from fastapi import FastAPI

from services.appraisal import api, consumers, pages, storage
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web.app import create_app
from shared.web.pages import install as install_pages


def create_api(settings: Settings) -> FastAPI:
    app = create_app("appraisal", settings, [api.router, pages.router])
    install_pages(app, pages.TEMPLATES)
    return app


def create_worker(settings: Settings) -> Worker:
    return Worker(
        "appraisal", settings, lambda _: consumers.subscriptions(settings), jobs=[storage.forget_past_futures]
    )
