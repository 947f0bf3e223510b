"""The life of a period over HTTP: confirming and objecting, closing, reopening, plans."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import commands, period_storage, queries, reports
from services.appraisal.closings import is_closed, revision_in_hand
from services.appraisal.models import Close, Committee, Confirm, Objection, Plan, Reopen, Resolve
from services.appraisal.moves import less
from services.appraisal.schemes import IndicatorName
from shared.access.guard import Operator, Reader, ReportReader
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.reads import snapshot
from shared.web.writes import Answer, check_version, write

router = APIRouter(prefix="/api/v1", tags=["periods"])


@router.get("/periods/{period}")
async def period_state(request: Request, who: Reader, period: str) -> dict[str, Any]:
    """Where a period stands: its revisions, and what each county says of the figures of the one in hand. A county's
    operator sees that county. ``figures``: the digest to confirm with; ``confirmed``: of the figures as they are."""
    settings: Settings = request.app.state.settings
    async with snapshot(request) as connection:
        return await state_of(connection, who, period, datetime.now(UTC), settings.zone)


async def state_of(
    connection: Connection, who: Principal, period: str, now: datetime, zone: ZoneInfo
) -> dict[str, Any]:
    """What ``period_state`` answers. Raises not_found for a code that is no period."""
    asked = reports.question(period, None, None, now, zone)
    latest = await period_storage.latest_closing(connection, period)
    revision = revision_in_hand(latest)
    asked = await reports.settled(connection, asked, zone)
    rows = await reports.rows(connection, asked)
    said = await period_storage.confirmations(connection, period, revision)
    objections = await period_storage.objections(connection, period, who.county, revision)
    city_level = {body.county for body in await queries.known_bodies(connection) if body.is_city}
    today = now.astimezone(zone).date()
    return {
        "period": period,
        "status": asked.status,
        "revision": revision,
        "may_close": not is_closed(latest) and today > asked.period.end,
        "revisions": await period_storage.history(connection, period),
        "counties": [
            _county_state(row, row["county"] in city_level, said.get(row["county"]), objections)
            for row in rows
            if who.county in (None, row["county"])
        ],
    }


def _county_state(
    row: Mapping[str, Any], is_city: bool, said: dict[str, Any] | None, objections: list[dict[str, Any]]
) -> dict[str, Any]:
    figures = commands.digest_of_row(row)
    mine = [each for each in objections if each["county"] == row["county"]]
    return {
        "county": row["county"],
        "name": row["name"],
        "is_city": is_city,
        "score": row["score"],
        "figures": figures,
        "confirmed": said is not None and said["figures"] == figures,
        "confirmed_at": said["at"] if said else None,
        "objections": len(mine),
        "open_objections": sum(each["outcome"] is None for each in mine),
    }


@router.post("/periods/{period}/close")
async def close_period(request: Request, who: Committee, period: str, told: Close | None = None) -> Response:
    """Closes a period after its last day, as its next revision; answers with the closed report. Open objections are
    listed and refused, unless ``force`` and a ``reason`` pass them by."""
    settings: Settings = request.app.state.settings
    told = told or Close()

    async def work(connection: Connection, clock: Clock) -> Answer:
        closing = await commands.close(
            connection, clock, who, period, settings.topic_prefix, force=told.force, reason=told.reason
        )
        now = clock.now()
        asked = reports.question(period, None, None, now, clock.zone)
        asked = await reports.settled(connection, asked, clock.zone, closing.revision)
        return Answer(await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=clock.zone))

    return await write(request, work, isolation="repeatable_read")


@router.post("/periods/{period}/reopen")
async def reopen_period(request: Request, who: Committee, period: str, told: Reopen) -> Response:
    """Opens a closed period again, for a reason; its closed revisions stay readable (``?revision=``)."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        revision = await commands.reopen(connection, clock, who, period, told.reason)
        return Answer({"period": period, "status": "running", "revision": revision, "reason": told.reason})

    return await write(request, work)


@router.post("/periods/{period}/counties/{county}/confirm")
async def confirm_figures(
    request: Request, who: Operator, period: str, county: str, told: Confirm | None = None
) -> Response:
    """A county agrees with its preliminary figures; the city's operator speaks for the city level."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        digest = told.figures if told else None
        return Answer(await commands.confirm(connection, clock, who, period, county, told_digest=digest))

    return await write(request, work)


@router.post("/periods/{period}/counties/{county}/objections", status_code=201)
async def object_to_figures(request: Request, who: Operator, period: str, county: str, told: Objection) -> Response:
    """A county objects to an indicator's figures or to one event, with a text; the committee answers it."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        made = await commands.object_to(
            connection,
            clock,
            who,
            period,
            county,
            indicator=told.indicator,
            event_id=told.event_id,
            text=told.text,
        )
        return Answer(made, 201)

    return await write(request, work)


@router.get("/periods/{period}/objections")
async def objections(request: Request, who: Reader, period: str) -> dict[str, Any]:
    """All objections to a period's figures, of every revision; a county's operator sees that county's."""
    settings: Settings = request.app.state.settings
    reports.question(period, None, None, datetime.now(UTC), settings.zone)
    async with snapshot(request) as connection:
        return {"items": await period_storage.objections(connection, period, who.county), "next_cursor": None}


@router.post("/objections/{objection_id}/resolve")
async def resolve_objection(request: Request, who: Committee, objection_id: UUID, told: Resolve) -> Response:
    """The committee answers an objection, once."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        return Answer(await commands.resolve(connection, clock, who, objection_id, told.outcome, told.answer))

    return await write(request, work)


@router.get("/periods/{period}/plan")
async def plan_against_actual(request: Request, who: ReportReader, period: str) -> dict[str, Any]:
    """What was planned of each county's indicators, beside the value reached: ``met`` once it is at least the plan."""
    settings: Settings = request.app.state.settings
    asked = reports.question(period, None, None, datetime.now(UTC), settings.zone)
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        plans = await period_storage.plans(connection, period)
        rows = await reports.rows(connection, asked)
    reached = {(row["county"], each["indicator"]): each["value"] for row in rows for each in row["indicators"]}
    return {
        "period": period,
        "status": asked.status,
        "items": [_against_actual(each, reached.get((each["county"], each["indicator"]))) for each in plans],
        "next_cursor": None,
    }


def _against_actual(plan: dict[str, Any], actual: Any) -> dict[str, Any]:
    planned = int(plan["value"]) if plan["value"] == plan["value"].to_integral_value() else float(plan["value"])
    return {
        "county": plan["county"],
        "indicator": plan["indicator"],
        "planned": planned,
        "actual": actual,
        "difference": less(actual, planned),
        "met": None if actual is None else actual >= planned,
        "version": plan["version"],
    }


@router.put("/periods/{period}/plan/{county}/{indicator}")
async def set_plan(
    request: Request, who: Committee, period: str, county: str, indicator: IndicatorName, told: Plan
) -> Response:
    """Sets what a county plans to reach. A change of one that stands needs ``If-Match``."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        standing = await period_storage.plan_version(connection, period, county, indicator)
        if standing is not None:
            check_version(request, standing)
        version = await commands.plan(connection, clock, who, period, county, indicator, Decimal(told.value))
        body = {"period": period, "county": county, "indicator": indicator, "planned": float(told.value)}
        return Answer(body | {"version": version}, version=version)

    return await write(request, work)


@router.delete("/periods/{period}/plan/{county}/{indicator}")
async def drop_plan(request: Request, who: Committee, period: str, county: str, indicator: IndicatorName) -> Response:
    """Takes a plan back. Needs ``If-Match``."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        standing = await period_storage.plan_version(connection, period, county, indicator)
        if standing is None:
            raise Refusal("not_found", pointer="path:indicator")
        check_version(request, standing)
        await commands.drop_plan(connection, who, period, county, indicator)
        return Answer({"period": period, "county": county, "indicator": indicator})

    return await write(request, work)
