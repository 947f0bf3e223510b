"""A year of made-up events behind the appraisal's doors, and the JSON report to hold every export against."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import httpx

from shared.settings import Settings
from tests.support.engine import SHANGHAI, engine
from tests.support.event_log import EventLog
from tests.support.random_events import NOW, generate
from tests.support.services import client, settings_for

API = "/appraisal/api/v1"
FORMULA = {"zh": '=HYPERLINK("http://example.org","县")', "en": "@SUM(1)"}
"""A county's name that a careless spreadsheet would run."""
FIGURES = ("numerator", "denominator", "value", "target", "attainment", "weight", "points")


def events(seed: int = 41, count: int = 900) -> list[dict[str, Any]]:
    """Random events of four bodies, and one that has nothing but a name."""
    log = EventLog(NOW, SHANGHAI, "exports")
    unit = {"unit_id": "350999", "name": FORMULA, "kind": "county", "county": "350999"}
    log.tell("roster.unit_defined", unit, "350999", recorded=log.noon(date(2014, 1, 2)))
    return [*generate(seed, count), *log.events]


@asynccontextmanager
async def appraisal(database_url: str, **settings: Any) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of an appraisal that has taken ``events`` in."""
    await take_in(database_url)
    async with client(_settings(database_url, **settings), ["appraisal"]) as http:
        yield http


async def take_in(database_url: str) -> None:
    async with engine(database_url) as running:
        await running.take(events(), NOW)


def _settings(database_url: str, **settings: Any) -> Settings:
    return settings_for(database_url, **settings)


async def report_of(http: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """``2014-H1?as_of=…`` as JSON."""
    answer = await http.get(f"{API}/reports/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def export_of(http: httpx.AsyncClient, path: str, ending: str, language: str | None = None) -> httpx.Response:
    """The same as a file."""
    period, _, query = path.partition("?")
    asked = "&".join(part for part in (query, f"lang={language}" if language else "") if part)
    answer = await http.get(f"{API}/reports/{period}.{ending}{'?' if asked else ''}{asked}")
    assert answer.status_code == 200, answer.text
    return answer


def figures_of(report: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """By county and indicator."""
    return {(row["county"], each["indicator"]): each for row in report["counties"] for each in row["indicators"]}
