"""The report of a period at a glance: the county table with moves and sparklines, tiles, indicators side by side."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import comparing, live, quality, queries, reports
from services.appraisal.charts import sparkline, spread
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.report_view import certainty, columns, looked, named, notes, state
from shared.access.guard import READERS, Anyone, ReportReader
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.pages import failure, redirect, render, wants_page, words_of
from shared.web.reads import reading, snapshot

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_STANDING = "roster_fill"
"""Its numerator is there before anything happened in a period."""
_BEFORE = 5
"""How many earlier periods the sparklines show."""


@router.api_route("/", methods=_PAGE)
async def home(request: Request, who: Anyone) -> Response:
    """To the present year, or to the latest one in which anything happened; of those who may not read it, to the open page."""
    settings: Settings = request.app.state.settings
    if not (settings.reports_open or who.is_any(READERS)):
        return redirect(request, "/appraisal/public")
    today = datetime.now(settings.zone).date()
    async with reading(request) as connection:
        latest = await queries.latest_day(connection, today)
    return redirect(request, f"/appraisal/reports/{(latest or today).year:04}")


@router.api_route("/reports/{period}", methods=_PAGE)
async def county_table(request: Request, who: ReportReader, period: str, as_of: str = "") -> Response:
    """The county table of a period; ``as_of`` and ``lang`` may be empty, as a form sends them."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    try:
        asked, now, today, places = looked(request, period, as_of)
    except Refusal as refusal:
        if not wants_page(request):
            raise
        return _unknown(request, refusal, period)
    async with snapshot(request, long=asked.as_of is not None) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        # A past moment is computed from facts; six of them would be six times the work.
        before = [] if asked.as_of else await comparing.before(connection, asked, _BEFORE, now, settings.zone)
        version = await live.version(connection)
    shown = columns(report, asked, words)
    return render(
        request,
        "report.html",
        tab="overview",
        report=report,
        asked=asked,
        today=today,
        now=now,
        places=places,
        name=period_name(asked.period, words),
        state=state(report, asked),
        certainty=certainty(report),
        scheme=asked.scheme.to_data(),
        columns=shown,
        ranked=[row for row in report["counties"] if row["rank"] is not None],
        unranked=[row for row in report["counties"] if row["rank"] is None],
        quiet=not any(sum["numerator"] for sum in report["city"] if sum["indicator"] != _STANDING),
        notes=notes(report["counties"]),
        switch=period_switch(asked.period, places.page, words, today),
        runs={row["county"]: _run(row, before) for row in report["counties"]},
        previous=period_name(before[-1][0], words) if before else "",
        first=not before and not asked.as_of and reports.counting(report["counties"]),
        multiples=spread(report["counties"], shown),
        tiles=sorted(report["counties"], key=lambda row: row["county"]),
        named=lambda row: named(row, words),
        live=version,
    )


@router.api_route("/reports/{period}/quality", methods=_PAGE)
async def quality_page(request: Request, who: ReportReader, period: str) -> Response:
    """How good the data are; a part of it is what the overview shows below the table."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    asked, now, _, places = looked(request, period, "")
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        found = await quality.quality(connection, asked.seen, settings.zone, settings.topic_prefix, now)
    name = period_name(asked.period, words)
    return render(request, "report_quality.html", tab="overview", places=places, name=name, found=found)


def _run(row: Any, before: Any) -> dict[str, Any]:
    """A county's score from period to period, this one last; ``rank_change``: places gained since the one before."""
    earlier = [rows.get(row["county"]) for _, rows in before]
    scores = [each["score"] if each else None for each in earlier] + [row["score"]]
    last = earlier[-1]["rank"] if earlier and earlier[-1] else None
    moved = None if last is None or row["rank"] is None else last - row["rank"]
    return {"scores": scores, "line": sparkline(scores), "rank_change": moved}


def _unknown(request: Request, refusal: Refusal, period: str) -> Response:
    words = words_of(request)
    settings: Settings = request.app.state.settings
    if refusal.pointer == "path:period":
        hint = words("appraisal.error.unknown_period", period=period)
    else:
        hint = words("appraisal.error.as_of", today=datetime.now(settings.zone).date().isoformat())
    return failure(request, refusal, hint=hint)
