"""The open report over HTTP (charter C10): for everybody, without signing in."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request

from services.appraisal import queries, reports
from services.appraisal.public_models import PublicReport
from services.appraisal.publishing import FEWER_THAN, published
from services.appraisal.scoring import SHARING
from shared.access.guard import Anyone
from shared.settings import Settings
from shared.web.reads import snapshot

router = APIRouter(prefix="/api/v1", tags=["public"])


@router.get("/public/{period}", response_model=PublicReport)
async def public_report(request: Request, who: Anyone, period: str) -> dict[str, Any]:
    """The scheme, every county's figures and how they come about, as the open page shows them. Counts of fewer than five
    persons are withheld, and with them whatever would let them be computed: the member is null, and named with its
    reason in the ``withheld`` beside it."""
    told, _ = await open_report(request, period)
    return told


async def open_report(request: Request, period: str) -> tuple[dict[str, Any], reports.Question]:
    """A period's latest report as the public gets it, and what was asked. Raises not_found for a code that is no period."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, None, None, now, settings.zone)
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        city_level = {body.county for body in await queries.known_bodies(connection) if body.is_city}
    method = asked.scheme.to_data()
    caps = {each["indicator"]: each["params"]["cap"] for each in method["indicators"] if each["indicator"] == SHARING}
    counties, city = published(report["counties"], report["city"], caps, city_level)
    told = {
        "period": period,
        "start": asked.period.start,
        "end": asked.period.end,
        "closed_at": report.get("closed_at"),
        "method": method,
        "fewer_than": FEWER_THAN,
        "counties": counties,
        "city": city,
        "digest": report["digest"] if report["status"] == "closed" else None,
    }
    kept = ("status", "revision", "scheme", "scheme_version", "provisional", "freshness")
    return told | {name: report[name] for name in kept}, asked
