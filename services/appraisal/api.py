"""Reading the appraisal over HTTP."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.appraisal import reports
from shared.access.guard import Anyone
from shared.settings import Settings
from shared.web.paging import Cursor, Limit, after
from shared.web.paging import cursor as next_page
from shared.web.reads import snapshot

router = APIRouter(prefix="/api/v1", tags=["reports"])

SchemeName = Annotated[str | None, Query(description="Another scheme than the period's own, as id@version.")]
AsOf = Annotated[date | None, Query(description="As it stood at the end of this past local day, YYYY-MM-DD.")]


@router.get("/reports/{period}")
async def county_report(
    request: Request, who: Anyone, period: str, scheme: SchemeName = None, as_of: AsOf = None
) -> dict[str, Any]:
    """The county table of a period: ``2014``, ``2014-H1``, ``2014-Q3`` or ``2014-07``."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, scheme, as_of, now, settings.zone)
    async with snapshot(request) as connection:
        return await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)


@router.get("/reports/{period}/counties/{county}/indicators/{indicator}/evidence")
async def evidence(
    request: Request,
    who: Anyone,
    period: str,
    county: str,
    indicator: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The events behind a county's numerator and denominator, each counted or with the reason why not."""
    settings: Settings = request.app.state.settings
    asked = reports.question(period, scheme, as_of, datetime.now(UTC), settings.zone)
    start = after(cursor, 3)
    async with snapshot(request) as connection:
        items = await reports.evidence_page(connection, asked, county, indicator, start, limit)
    more = len(items) > limit
    return {"items": items[:limit], "next_cursor": next_page(reports.sort_key(items[limit - 1])) if more else None}
