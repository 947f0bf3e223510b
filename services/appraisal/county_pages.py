"""One county's figures: its score explained, and each indicator down to the events that it was counted from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import comparing, explaining_api, reports
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.report_view import certainty, columns, looked, named, state
from shared.access.guard import ReportReader
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.pages import asked as query
from shared.web.pages import render, words_of
from shared.web.paging import after
from shared.web.paging import cursor as next_page
from shared.web.reads import snapshot

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_BEFORE = 5
_SHOWN = 50
"""Events a page."""
_LOOKS = 8
"""How many pages of evidence one filtered page may look through; a link goes on from there."""


@router.api_route("/reports/{period}/counties/{county}", methods=_PAGE)
async def county_page(request: Request, who: ReportReader, period: str, county: str, as_of: str = "") -> Response:
    """Why this score, what moved, what would gain most, how sure the rank is; every indicator with its numbers."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    asked, now, today, places = looked(request, period, as_of)
    async with snapshot(request, long=asked.as_of is not None) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        told = await explaining_api.explained(connection, asked, county, now, settings)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        before = [] if asked.as_of else await comparing.before(connection, asked, _BEFORE, now, settings.zone)
    row = next(row for row in report["counties"] if row["county"] == county)
    run = [(each, rows[county]) for each, rows in before if county in rows] + [(asked.period, row)]
    trend = [
        {"period": each.code, "name": period_name(each, words), "score": of["score"], "rank": of["rank"]}
        for each, of in run
    ]
    return render(
        request,
        "county.html",
        tab="overview",
        asked=asked,
        report=report,
        places=places,
        county=county,
        row=row,
        named=named(row, words),
        name=period_name(asked.period, words),
        state=state(report, asked),
        certainty=certainty(report),
        columns=columns(report, asked, words),
        told=told,
        trend=trend,
        chart={
            "labels": [each["period"] for each in trend],
            "series": [{"name": named(row, words), "values": [each["score"] for each in trend]}],
        },
        switch=period_switch(asked.period, lambda code: places.page(code, f"/counties/{county}"), words, today),
    )


@router.api_route("/reports/{period}/counties/{county}/indicators/{indicator}", methods=_PAGE)
async def indicator_page(
    request: Request,
    who: ReportReader,
    period: str,
    county: str,
    indicator: str,
    as_of: str = "",
    part: str = "",
    counted: str = "",
    cursor: str = "",
) -> Response:
    """The events behind a figure, each counted or with the reason why not. ``part``: numerator or denominator;
    ``counted``: yes or no."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    asked, now, today, places = looked(request, period, as_of)
    start = after(cursor or None, 3)
    async with snapshot(request, long=True) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        row = next((row for row in report["counties"] if row["county"] == county), None)
        figure = next((each for each in row["indicators"] if each["indicator"] == indicator), None) if row else None
        if row is None or figure is None:
            raise Refusal("not_found", pointer="path:county" if row is None else "path:indicator")
        items, more = await _evidence(connection, asked, county, indicator, start, part, counted)
    here = f"/counties/{county}/indicators/{indicator}"
    filters = {"part": part, "counted": counted, "as_of": places.day, "lang": places.lang}
    back = {"period": period, "county": county, "indicator": indicator, "lang": places.lang}
    return render(
        request,
        "indicator.html",
        tab="overview",
        asked=asked,
        report=report,
        places=places,
        county=county,
        row=row,
        figure=figure,
        named=named(row, words),
        name=period_name(asked.period, words),
        state=state(report, asked),
        column=next(each for each in columns(report, asked, words) if each["indicator"] == indicator),
        items=items,
        at=lambda told: datetime.fromisoformat(told).astimezone(settings.zone).strftime("%Y-%m-%d %H:%M"),
        part=part,
        counted=counted,
        first=not cursor,
        start=f"/appraisal/reports/{period}{here}{query(**filters)}",
        more=f"/appraisal/reports/{period}{here}{query(**filters, cursor=next_page(more))}" if more else "",
        event=lambda id: f"/appraisal/events/{id}{query(**back, as_of=places.day)}",
        switch=period_switch(asked.period, lambda code: places.page(code, here), words, today),
    )


async def _evidence(
    connection: Connection,
    asked: reports.Question,
    county: str,
    indicator: str,
    start: Sequence[str] | None,
    part: str,
    counted: str,
) -> tuple[list[dict[str, Any]], tuple[str, ...] | None]:
    """Events that pass the filters, and where the next page begins."""
    kept: list[dict[str, Any]] = []
    at: list[str] | None = list(start) if start else None
    for _ in range(_LOOKS):
        found = await reports.evidence_page(connection, asked, county, indicator, at, _SHOWN)
        for item in found[:_SHOWN]:
            at = list(reports.sort_key(item))
            if part in ("", item["part"]) and counted in ("", "yes" if item["counted"] else "no"):
                kept.append(item)
            if len(kept) == _SHOWN:
                rest = len(found) > _SHOWN or item is not found[-1]
                return kept, tuple(at) if rest else None
        if len(found) <= _SHOWN:
            return kept, None
    return kept, tuple(at) if at else None
