"""Scores of all counties over periods of one length: a line each, and the same as a table."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import comparing, reports
from services.appraisal.period_switch import period_name
from services.appraisal.report_view import named
from shared.access.guard import ReportReader
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.pages import asked as query
from shared.web.pages import failure, render, wants_page, words_of
from shared.web.reads import snapshot

router = APIRouter(include_in_schema=False)
_PERIODS = 8
"""How many are shown, the one asked about last."""


@router.api_route("/trends", methods=["GET", "HEAD"])
async def trends(request: Request, who: ReportReader, period: str = "") -> Response:
    """``period``: the last one shown; this month's quarter without."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    now = datetime.now(UTC)
    today = now.astimezone(settings.zone).date()
    period = period or f"{today.year:04}-Q{(today.month + 2) // 3}"
    try:
        asked = reports.question(period, None, None, now, settings.zone)
    except Refusal as refusal:
        if not wants_page(request):
            raise
        return failure(request, refusal, hint=words("appraisal.error.unknown_period", period=period))
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        rows = await reports.rows(connection, asked)
        before = await comparing.before(connection, asked, _PERIODS - 1, now, settings.zone)
    run = [*before, (asked.period, {row["county"]: row for row in rows})]
    counties = sorted(rows, key=lambda row: row["county"])
    lines = [
        {"county": row["county"], "name": named(row, words), "cells": [at.get(row["county"]) for _, at in run]}
        for row in counties
    ]
    lang = request.query_params.get("lang")
    year = asked.period.start.year
    codes = [f"{year:04}{part}" for part in ("", "-H1", "-H2", "-Q1", "-Q2", "-Q3", "-Q4", "-06", "-12")]
    return render(
        request,
        "trends.html",
        tab="trends",
        name=period_name(asked.period, words),
        run=[(each.code, period_name(each, words)) for each, _ in run],
        lines=lines,
        chart={
            "labels": [each.code for each, _ in run],
            "series": [
                {"name": line["name"], "values": [cell and cell["score"] for cell in line["cells"]]} for line in lines
            ],
        },
        lengths=[(code, f"/appraisal/trends{query(period=code, lang=lang)}", code == period) for code in codes],
        report=lambda code: f"/appraisal/reports/{code}{query(lang=lang)}",
        earlier=_step(asked.period, -_PERIODS, lang),
        later=_step(asked.period, _PERIODS, lang),
    )


def _step(period: reports.Period, step: int, lang: str | None) -> str:
    try:
        return f"/appraisal/trends{query(period=period.neighbour(step).code, lang=lang)}"
    except ValueError:
        return ""
