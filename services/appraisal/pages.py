"""The county table as a page: what the report says, laid out for people. Numbers stand as the API gives them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import queries, reports
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.periods import Period
from shared.access.guard import Anyone
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.i18n import Catalogue
from shared.web.pages import asked as query
from shared.web.pages import failure, redirect, render, wants_page, words_of
from shared.web.reads import reading, snapshot

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_STANDING = "roster_fill"
"""Its numerator is there before anything happened in a period."""


@router.api_route("/", methods=_PAGE)
async def home(request: Request, who: Anyone) -> Response:
    """To the present year, or to the latest one in which anything happened."""
    settings: Settings = request.app.state.settings
    today = datetime.now(settings.zone).date()
    async with reading(request) as connection:
        latest = await queries.latest_day(connection, today)
    return redirect(request, f"/appraisal/reports/{(latest or today).year:04}")


@router.api_route("/reports/{period}", methods=_PAGE)
async def county_table(request: Request, who: Anyone, period: str, as_of: str = "") -> Response:
    """The county table of a period; ``as_of`` and ``lang`` may be empty, as a form sends them."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    today = now.astimezone(settings.zone).date()
    words = words_of(request)
    try:
        asked = reports.question(period, None, reports.day(as_of), now, settings.zone)
    except Refusal as refusal:
        if not wants_page(request):
            raise
        unknown = refusal.pointer == "path:period"
        hint = (
            words("appraisal.error.unknown_period", period=period)
            if unknown
            else words("appraisal.error.as_of", today=today.isoformat())
        )
        return failure(request, refusal, hint=hint)
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
    places = _Places(asked.period, asked.as_of, request.query_params.get("lang"))
    return render(
        request,
        "report.html",
        report=report,
        asked=asked,
        today=today,
        now=now,
        places=places,
        name=period_name(asked.period, words),
        state=_state(report, asked),
        certainty=_certainty(report),
        scheme=asked.scheme.to_data(),
        columns=_columns(report, asked, words),
        ranked=[row for row in report["counties"] if row["rank"] is not None],
        unranked=[row for row in report["counties"] if row["rank"] is None],
        quiet=not any(sum["numerator"] for sum in report["city"] if sum["indicator"] != _STANDING),
        notes=_notes(report["counties"]),
        switch=period_switch(asked.period, places.page, words, today),
    )


class _Places(NamedTuple):
    """Addresses of pages and data, seen from the same moment and in the same language."""

    period: Period
    as_of: date | None
    lang: str | None

    @property
    def day(self) -> str | None:
        return self.as_of.isoformat() if self.as_of else None

    def page(self, code: str) -> str:
        return f"/appraisal/reports/{code}{query(as_of=self.day, lang=self.lang)}"

    def now(self) -> str:
        return f"/appraisal/reports/{self.period.code}{query(lang=self.lang)}"

    def data(self) -> str:
        return f"/appraisal/api/v1/reports/{self.period.code}{query(as_of=self.day)}"

    def evidence(self, county: str, indicator: str) -> str:
        path = f"/appraisal/api/v1/reports/{self.period.code}/counties/{quote(county)}/indicators/{indicator}/evidence"
        return path + query(as_of=self.day)


def _state(report: Mapping[str, Any], asked: reports.Question) -> str:
    """As in the report; a period that is over and not closed is told apart."""
    over = report["status"] == "running" and asked.seen.day == asked.period.end and asked.moment.last > asked.seen.until
    return "ended" if over else report["status"]


def _certainty(report: Mapping[str, Any]) -> str:
    if report["provisional"]:
        return "unread" if report["as_of"] else "open"
    return "settled" if report["as_of"] else "closed"


def _columns(report: Mapping[str, Any], asked: reports.Question, words: Catalogue) -> list[dict[str, Any]]:
    """The scheme's indicators with their words; weight and target as the report shows them."""
    rows: Sequence[Mapping[str, Any]] = report["counties"][0]["indicators"] if report["counties"] else ()
    shown = {each["indicator"]: {"weight": each["weight"], "target": each["target"]} for each in rows}
    columns: list[dict[str, Any]] = []
    for each in asked.scheme.to_data()["indicators"]:
        key = f"appraisal.indicator.{each['indicator']}"
        named = {"name": words(f"{key}.name"), "what": words(f"{key}.what", **each["params"])}
        columns.append({"small_sample": "redistribute"} | each | shown.get(each["indicator"], {}) | named)
    return columns


def _notes(counties: Sequence[Mapping[str, Any]]) -> list[str]:
    """The notes that occur, each once."""
    found = [each["note"] for row in counties for each in row["indicators"]]
    found += [row["note"] or "city_level" for row in counties if row["rank"] is None]
    return [note for note in dict.fromkeys(found) if note]
