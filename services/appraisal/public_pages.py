"""The open page of a period (charter C10): what is measured, for everybody, without signing in."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import queries
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.public_api import open_report
from shared.access.guard import Anyone
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.pages import asked as query
from shared.web.pages import failure, redirect, render, wants_page, words_of
from shared.web.reads import reading

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]


@router.api_route("/public", methods=_PAGE)
async def latest_public(request: Request, who: Anyone) -> Response:
    """To the present year, or to the latest one in which anything happened."""
    settings: Settings = request.app.state.settings
    today = datetime.now(settings.zone).date()
    async with reading(request) as connection:
        latest = await queries.latest_day(connection, today)
    return redirect(request, f"/appraisal/public/{(latest or today).year:04}")


@router.api_route("/public/{period}", methods=_PAGE)
async def public_page(request: Request, who: Anyone, period: str) -> Response:
    settings: Settings = request.app.state.settings
    words = words_of(request)
    try:
        report, asked = await open_report(request, period)
    except Refusal as refusal:
        if not wants_page(request):
            raise
        return failure(request, refusal, hint=words("appraisal.error.unknown_period", period=period))
    lang = request.query_params.get("lang")
    now = datetime.now(UTC)
    columns = [
        {
            "name": words(f"appraisal.indicator.{each['indicator']}.name"),
            "what": words(f"appraisal.indicator.{each['indicator']}.what", **each["params"]),
        }
        | {"small_sample": "redistribute", "prior": 0}
        | each
        for each in report["method"]["indicators"]
    ]
    return render(
        request,
        "public.html",
        report=report,
        name=period_name(asked.period, words),
        columns=columns,
        begun=report["status"] != "not_begun",
        partial=any(row["withheld"] for row in report["counties"]),
        ranked=not any("rank" in row["withheld"] and row["score"] is not None for row in report["counties"]),
        notes=_notes(report["counties"]),
        twin=f"/appraisal/api/v1/public/{period}",
        now=now,
        switch=period_switch(
            asked.period,
            lambda code: f"/appraisal/public/{code}{query(lang=lang)}",
            words,
            now.astimezone(settings.zone).date(),
        ),
    )


def _notes(counties: list[dict]) -> list[str]:
    """The notes that occur, each once."""
    found = [each["note"] for row in counties for each in row["indicators"]]
    found += [row["note"] or "city_level" for row in counties if row["rank"] is None and not row["withheld"]]
    return [note for note in dict.fromkeys(found) if note]
