"""The only wiring of the appraisal service."""

from fastapi import FastAPI

from services.appraisal import api, consumers, storage
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("appraisal", settings, [api.router])


def create_worker(settings: Settings) -> Worker:
    return Worker(
        "appraisal", settings, lambda _: consumers.subscriptions(settings), jobs=[storage.forget_past_futures]
    )
