"""The only wiring of the roster service."""

from fastapi import FastAPI

from services.roster import api
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web.app import create_app


def create_api(settings: Settings) -> FastAPI:
    return create_app("roster", settings, [api.router])


def create_worker(settings: Settings) -> Worker:
    """The roster listens to nobody: its worker only relays."""
    return Worker("roster", settings, lambda _: [])
