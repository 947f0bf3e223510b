"""Reports as files over HTTP. Included before the JSON report's route, which would take the ending for the period's."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.appraisal import reports
from services.appraisal.exports import behind, briefing, table, workbook
from services.appraisal.exports.behind import Behind
from services.appraisal.exports.document import Document
from shared.access.guard import ReportReader
from shared.settings import Settings
from shared.web.pages import words_of
from shared.web.reads import long_turn, snapshot

router = APIRouter(prefix="/api/v1", tags=["reports"])

SchemeName = Annotated[str | None, Query(description="Another scheme than the period's own, as id@version.")]
AsOf = Annotated[date | None, Query(description="As it stood at the end of this past local day, YYYY-MM-DD.")]
Revision = Annotated[int | None, Query(ge=1, le=1_000_000, description="An earlier closing of the period.")]
Language = Annotated[str | None, Query(description="zh or en; without it, as Accept-Language says.")]


def _file(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/reports/{period}.csv", response_class=Response, responses=_file("text/csv"))
async def csv_report(
    request: Request,
    who: ReportReader,
    period: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    revision: Revision = None,
    lang: Language = None,
) -> Response:
    """The report as a table: one row a county and indicator."""
    async with long_turn(request):
        document, _ = await _document(request, period, scheme, as_of, revision)
        return await _answer(document, ".csv", table.MEDIA_TYPE, lambda: table.table(document))


@router.get("/reports/{period}.xlsx", response_class=Response, responses=_file(workbook.MEDIA_TYPE))
async def xlsx_report(
    request: Request,
    who: ReportReader,
    period: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    revision: Revision = None,
    lang: Language = None,
) -> Response:
    """The report as a workbook with charts, figures, method and the events behind the figures."""
    async with long_turn(request):
        document, events = await _document(request, period, scheme, as_of, revision, with_events=True)
        return await _answer(document, ".xlsx", workbook.MEDIA_TYPE, lambda: workbook.workbook(document, events))


@router.get("/reports/{period}.docx", response_class=Response, responses=_file(briefing.MEDIA_TYPE))
async def docx_report(
    request: Request,
    who: ReportReader,
    period: str,
    scheme: SchemeName = None,
    as_of: AsOf = None,
    revision: Revision = None,
    lang: Language = None,
) -> Response:
    """The report as a circular to be printed."""
    async with long_turn(request):
        document, _ = await _document(request, period, scheme, as_of, revision)
        return await _answer(document, ".docx", briefing.MEDIA_TYPE, lambda: briefing.briefing(document))


async def _document(
    request: Request,
    period: str,
    scheme: str | None,
    as_of: date | None,
    revision: int | None,
    *,
    with_events: bool = False,
) -> tuple[Document, Behind]:
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, scheme, as_of, now, settings.zone)
    events = Behind([], 0, 0)
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        if with_events:
            events = await behind.events_behind(connection, asked, report)
        set_aside = await behind.records_set_aside(connection)
    document = Document(
        report=report,
        scheme=asked.scheme.to_data(),
        at=now,
        words=words_of(request),
        zone=settings.zone,
        set_aside=set_aside,
        story=settings.story_mode,
    )
    return document, events


async def _answer(document: Document, ending: str, media_type: str, write: Callable[[], bytes]) -> Response:
    content = await asyncio.to_thread(write)  # a province's workbook takes seconds: others are answered meanwhile
    headers = {
        "Content-Disposition": f'attachment; filename="{document.file_name}{ending}"',
        "Content-Language": document.words.language,
        "Cache-Control": "no-cache, private",
        "Vary": "Accept-Language, Cookie",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)
