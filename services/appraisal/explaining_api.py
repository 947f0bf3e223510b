"""Explanations, sensitivities and the quality of the data over HTTP: what stands beside a report's numbers."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.appraisal import commands, explaining, quality, reports
from services.appraisal.figures import figures
from services.appraisal.reports import Question
from services.appraisal.sensitivity import sensitivities
from shared.access.guard import ReportReader
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.reads import snapshot

router = APIRouter(prefix="/api/v1", tags=["reports"])
Revision = Annotated[int | None, Query(ge=1, le=1_000_000, description="An earlier closing of the period.")]
AsOf = Annotated[date | None, Query(description="As it stood at the end of this past local day, YYYY-MM-DD.")]


@router.get("/reports/{period}/counties/{county}/explanation")
async def explanation(
    request: Request, who: ReportReader, period: str, county: str, as_of: AsOf = None, revision: Revision = None
) -> dict[str, Any]:
    """Why this score, what moved since the period before, which single improvement would gain most, where small samples
    were treated with care, and how far the rank hangs on the weights: made from the numbers by templates, zh and en."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, None, as_of, now, settings.zone)
    async with snapshot(request, long=as_of is not None) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
        return await explained(connection, asked, county, now, settings)


async def explained(
    connection: Connection, asked: Question, county: str, now: datetime, settings: Settings
) -> dict[str, Any]:
    """What ``explanation`` answers. Raises not_found for a county, invalid_state for a period that has not begun."""
    _begun(asked)
    rows = await reports.rows(connection, asked)
    row = next((row for row in rows if row["county"] == county), None)
    if row is None:
        raise Refusal("not_found", pointer="path:county")
    near = await _sensitivities(connection, asked)
    previous = await _previous(connection, asked, county, now, settings)
    told = explaining.explanation(row, explaining.ranked_among(rows), previous, near.get(county))
    head = {"period": asked.period.code, "status": asked.status, "county": county, "name": row["name"]}
    return head | {"score": row["score"], "rank": row["rank"], "note": row["note"]} | told


@router.get("/reports/{period}/sensitivity")
async def rank_sensitivity(
    request: Request, who: ReportReader, period: str, as_of: AsOf = None, revision: Revision = None
) -> dict[str, Any]:
    """How far each rank hangs on the scheme's weights: the share (``holds``) of schemes drawn within ±20 % of them, always
    the same ones, under which it is the same; and the best and the worst rank among them."""
    settings: Settings = request.app.state.settings
    asked = reports.question(period, None, as_of, datetime.now(UTC), settings.zone)
    async with snapshot(request, long=True) as connection:
        asked = await reports.settled(connection, asked, settings.zone, revision)
        _begun(asked)
        near = await _sensitivities(connection, asked)
    return {"period": period, "status": asked.status, "counties": [{"county": c} | dict(s) for c, s in near.items()]}


@router.get("/reports/{period}/quality")
async def data_quality(request: Request, who: ReportReader, period: str) -> dict[str, Any]:
    """How good the data behind the report are: freshness, completeness by county and source, records that could not be
    applied and may concern the period, and where each service tells of reports that still wait (``parked``)."""
    settings: Settings = request.app.state.settings
    now = datetime.now(UTC)
    asked = reports.question(period, None, None, now, settings.zone)
    async with snapshot(request) as connection:
        found = await quality.quality(connection, asked.seen, settings.zone, settings.topic_prefix, now)
    return {"period": period, **found}


def _begun(asked: Question) -> None:
    if not asked.seen.begun:
        raise Refusal("invalid_state", reason={"zh": "期间尚未开始", "en": "the period has not begun"})


async def _sensitivities(connection: Connection, asked: Question) -> dict[str, Any]:
    """Of a closed report as they were computed when it was closed."""
    if asked.closing is not None and asked.is_stored:
        return dict(asked.closing.sensitivity)
    found = await reports.inputs(connection, asked)
    if not found.bodies:
        return {}
    terms = asked.scheme.terms()
    counted = figures(terms, found.sums, found.quotas, found.bodies, asked.seen)
    return dict(sensitivities(terms, counted, found.bodies, commands.seed_of(asked.period, asked.scheme)))


async def _previous(
    connection: Connection, asked: Question, county: str, now: datetime, settings: Settings
) -> tuple[str, Any] | None:
    """The period before, of the same length, and the county's row in it: as closed, else as it stands (under ``as_of``:
    as it stood). None where nothing was counted in it for any body: the programme had not begun."""
    try:
        code = asked.period.neighbour(-1).code
    except ValueError:
        return None
    before = reports.question(code, None, asked.as_of, now, settings.zone)
    before = await reports.settled(connection, before, settings.zone)
    rows = await reports.rows(connection, before)
    return (code, next((row for row in rows if row["county"] == county), None)) if reports.counting(rows) else None
