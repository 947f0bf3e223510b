"""Reading the appraisal over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.appraisal import reports
from shared.postgres import Connection
from shared.settings import Settings

router = APIRouter(prefix="/api/v1", tags=["reports"])

SchemeName = Annotated[str | None, Query(description="Another scheme than the period's own, as id@version.")]
AsOf = Annotated[date | None, Query(description="As it stood at the end of this past local day, YYYY-MM-DD.")]


@router.get("/reports/{period}")
async def county_report(request: Request, period: str, scheme: SchemeName = None, as_of: AsOf = None) -> dict[str, Any]:
    """The county table of a period: ``2014``, ``2014-H1``, ``2014-Q3`` or ``2014-07``."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, scheme, as_of, now, settings.zone)
    async with snapshot(request) as connection:
        return await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)


@asynccontextmanager
async def snapshot(request: Request) -> AsyncIterator[Connection]:
    """One consistent, read-only view of everything a report is made of."""
    settings: Settings = request.app.state.settings
    async with request.app.state.pool.acquire(timeout=settings.database_timeout) as connection:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
