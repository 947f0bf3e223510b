"""Opinion over HTTP: tips and corrections."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from services.opinion import commands, queries
from services.opinion.models import (
    CloseCorrection,
    Correction,
    OpenCorrection,
    Page,
    ReportTip,
    ResolveTip,
    Tip,
    TipWithText,
    TriageTip,
    VoidTip,
)
from services.opinion.rules import State
from shared.access.guard import Operator, Reader
from shared.clock import Clock
from shared.contracts.fields import HttpsUrl, UnitId
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1")
_HTTPS: TypeAdapter[str] = TypeAdapter(HttpsUrl)


# -- tips --------------------------------------------------------------------------------------------------------------


@router.post("/tips", status_code=201, response_model=Tip, tags=["tips"])
async def report_tip(request: Request, who: Operator, told: ReportTip) -> Response:
    """Files a tip with a unit, whose county is the tip's. A text that holds personal data or is about a person is
    refused (charter C4). Answers of writes leave the text out."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = commands.NewTip(
            told.channel, told.kind, told.topic, told.unit_id, told.text, told.relayed_by, told.reported_at
        )
        tip_id = await commands.report_tip(connection, clock, new)
        return await _tip_answer(connection, tip_id, 201)

    return await write(request, work)


@router.post("/tips/{tip_id}/triage", response_model=Tip, tags=["tips"])
async def triage_tip(request: Request, who: Operator, tip_id: UUID, told: TriageTip) -> Response:
    """Gives a tip its responsible unit, once and before it is resolved. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.triage_tip(
            connection, clock, tip_id, told.responsible_unit_id, told.triaged_at, _version_read(request)
        )
        return await _tip_answer(connection, tip_id)

    return await write(request, work)


@router.post("/tips/{tip_id}/resolve", response_model=Tip, tags=["tips"])
async def resolve_tip(request: Request, who: Operator, tip_id: UUID, told: ResolveTip) -> Response:
    """Resolves a tip, once; one that was never triaged may be resolved too. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        action = told.action.told() if told.action else None
        resolution = commands.Resolution(told.outcome, told.answered, action, told.resolved_at)
        await commands.resolve_tip(connection, clock, tip_id, resolution, _version_read(request))
        return await _tip_answer(connection, tip_id)

    return await write(request, work)


@router.post("/tips/{tip_id}/void", response_model=Tip, tags=["tips"])
async def void_tip(request: Request, who: Operator, tip_id: UUID, told: VoidTip) -> Response:
    """Voids a tip in any state: it counts no more. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.void_tip(connection, clock, tip_id, told.reason, told.merged_into, _version_read(request))
        return await _tip_answer(connection, tip_id)

    return await write(request, work)


@router.get("/tips", response_model=Page[Tip], tags=["tips"])
async def list_tips(
    request: Request,
    who: Reader,
    state: State | None = None,
    unit_id: UnitId | None = None,
    responsible_unit_id: UnitId | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Tips without their texts; of one state, filed with one unit, given to one unit."""
    async with reading(request) as connection:
        return await queries.tips(
            connection, cursor, limit, state=state, unit_id=unit_id, responsible_unit_id=responsible_unit_id
        )


@router.get("/tips/{tip_id}", response_model=TipWithText, tags=["tips"])
async def show_tip(request: Request, who: Reader, response: Response, tip_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.tip(connection, tip_id)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


# -- corrections -------------------------------------------------------------------------------------------------------


@router.post("/corrections", status_code=201, response_model=Correction, tags=["corrections"])
async def open_correction(request: Request, who: Operator, told: OpenCorrection) -> Response:
    """Opens the answer to a public claim, filed with a unit, whose county is the correction's."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = commands.NewCorrection(told.unit_id, told.claim_published_at, told.source_kind, told.opened_at)
        case_id = await commands.open_correction(connection, clock, new)
        return await _correction_answer(connection, case_id, 201)

    return await write(request, work)


@router.post("/corrections/{case_id}/close", response_model=Correction, tags=["corrections"])
async def close_correction(request: Request, who: Operator, case_id: UUID, told: CloseCorrection) -> Response:
    """Closes a correction, once, with evidence and an official source, whatever came out of it (charter C6).
    ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        source = _https(told.official_source)
        closing = commands.Closing(told.outcome, told.evidence or [], source, told.media_met, told.closed_at)
        await commands.close_correction(connection, clock, case_id, closing, _version_read(request))
        return await _correction_answer(connection, case_id)

    return await write(request, work)


@router.get("/corrections", response_model=Page[Correction], tags=["corrections"])
async def list_corrections(
    request: Request,
    who: Reader,
    closed: bool | None = None,
    unit_id: UnitId | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Corrections; open or closed ones, filed with one unit."""
    async with reading(request) as connection:
        return await queries.corrections(connection, cursor, limit, closed=closed, unit_id=unit_id)


@router.get("/corrections/{case_id}", response_model=Correction, tags=["corrections"])
async def show_correction(request: Request, who: Reader, response: Response, case_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.correction(connection, case_id)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


async def _tip_answer(connection: Connection, tip_id: UUID, status: int = 200) -> Answer:
    found = await queries.tip(connection, tip_id)
    return Answer(Tip(**found), status, found["version"])


async def _correction_answer(connection: Connection, case_id: UUID, status: int = 200) -> Answer:
    found = await queries.correction(connection, case_id)
    return Answer(Correction(**found), status, found["version"])


def _https(told: str | None) -> str | None:
    """An https link; None for anything else, which is no official source."""
    try:
        return _HTTPS.validate_python(told)
    except ValidationError:
        return None


def _version_read(request: Request) -> int | None:
    """What If-Match tells. Not required: each step is taken once, so no update can be lost."""
    told = request.headers.get("if-match", "*").strip()
    if told == "*":
        return None
    number = told.strip('"')
    if told != f'"{number}"' or not number.isdecimal():
        raise Refusal("version_conflict")
    return int(number)
