"""Reading the appraisal over HTTP."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.appraisal import reports
from shared.access.guard import ReportReader
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.paging import Cursor, Limit, after
from shared.web.paging import cursor as next_page
from shared.web.reads import snapshot

router = APIRouter(prefix="/api/v1", tags=["reports"])

SchemeName = Annotated[str | None, Query(description="Another scheme than the period's own, as id@version.")]
Revision = Annotated[int | None, Query(ge=1, le=1_000_000, description="An earlier closing of the period.")]
AsOf = Annotated[date | None, Query(description="As it stood at the end of this past local day, YYYY-MM-DD.")]


@router.get("/reports/{period}", response_model=dict[str, Any])
async def county_report(
    request: Request,
    who: ReportReader,
    period: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    revision: Revision = None,
) -> Response:
    """The county table of a period: ``2014``, ``2014-H1``, ``2014-Q3`` or ``2014-07``. A closed one stands as it was
    closed; ``restated`` is what events that came later would change."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, scheme, as_of, now, settings.zone)
    async with snapshot(request, long=as_of is not None or scheme is not None) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
        text = await reports.report_json(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
    return Response(text, media_type="application/json")


@router.get("/reports/{period}/record")
async def closed_record(request: Request, who: ReportReader, period: str, revision: Revision = None) -> Response:
    """The record of a closed report, byte for byte: the SHA-256 of this answer is the report's digest."""
    settings: Settings = request.app.state.settings
    asked = reports.question(period, None, None, datetime.now(UTC), settings.zone)
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
    if asked.closing is None:
        raise Refusal("not_found", pointer="path:period")
    return Response(asked.closing.text, media_type="application/json")


@router.get("/reports/{period}/counties/{county}/indicators/{indicator}/evidence")
async def evidence(
    request: Request,
    who: ReportReader,
    period: str,
    county: str,
    indicator: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    revision: Revision = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The events behind a county's numerator and denominator, each counted or with the reason why not."""
    settings: Settings = request.app.state.settings
    asked = reports.question(period, scheme, as_of, datetime.now(UTC), settings.zone)
    start = after(cursor, 3)
    async with snapshot(request, long=True) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
        items = await reports.evidence_page(connection, asked, county, indicator, start, limit)
    more = len(items) > limit
    return {"items": items[:limit], "next_cursor": next_page(reports.sort_key(items[limit - 1])) if more else None}
