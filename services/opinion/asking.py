"""What the doors take from a request: the calendar, and how long things are kept."""

from datetime import timedelta

from fastapi import Request

from services.opinion.queries import Calendar
from shared.settings import Settings


def calendar(request: Request) -> Calendar:
    settings: Settings = request.app.state.settings
    return Calendar(settings.zone, settings.tip_due_days, request.app.state.clock.now())


def kept(request: Request) -> timedelta:
    settings: Settings = request.app.state.settings
    return timedelta(days=settings.tip_text_days)


def version_read(request: Request) -> int | None:
    """What If-Match tells. Not required: each step is taken once, so no update can be lost. A value that names no
    version is -1, which none has."""
    told = request.headers.get("if-match", "*").strip()
    if told == "*":
        return None
    number = told.strip('"')
    return int(number) if told == f'"{number}"' and number.isdecimal() else -1
