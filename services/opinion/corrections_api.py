"""Corrections over HTTP: the operators' desk, and what everybody may read."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import TypeAdapter, ValidationError

from services.opinion import corrections, queries
from services.opinion.asking import version_read
from services.opinion.models import (
    AddEntry,
    AddEvidence,
    CloseCorrection,
    Correction,
    CorrectionWithEvidence,
    DescribeCorrection,
    OpenCorrection,
    Page,
)
from services.opinion.storage import EvidenceRow
from shared.access.guard import Anyone, Operator, Reader
from shared.clock import Clock
from shared.contracts.fields import HttpsUrl, UnitId
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1", tags=["corrections"])
Step = Callable[[Connection, Clock], Awaitable[None]]
_HTTPS: TypeAdapter[str] = TypeAdapter(HttpsUrl)


@router.post("/corrections", status_code=201, response_model=CorrectionWithEvidence)
async def open_correction(request: Request, who: Operator, told: OpenCorrection) -> Response:
    """Opens the answer to a public claim, filed with a unit, whose county is the correction's."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = corrections.NewCorrection(
            told.unit_id, told.claim_published_at, told.source_kind, told.opened_at, told.claim, told.claim_link
        )
        case_id = await corrections.open_correction(connection, clock, who, new)
        return await _answer(connection, case_id, 201)

    return await write(request, work)


@router.post("/corrections/{case_id}/claim", response_model=CorrectionWithEvidence)
async def describe_correction(request: Request, who: Operator, case_id: UUID, told: DescribeCorrection) -> Response:
    """Words the claim anew while the case is open."""

    async def step(connection: Connection, clock: Clock) -> None:
        await corrections.describe_correction(connection, who, case_id, told.claim, told.claim_link)

    return await _take(request, case_id, step)


@router.post("/corrections/{case_id}/evidence", response_model=CorrectionWithEvidence)
async def add_evidence(request: Request, who: Operator, case_id: UUID, told: AddEvidence) -> Response:
    """Adds public evidence to an open case; a link told twice counts once."""

    async def step(connection: Connection, clock: Clock) -> None:
        items = [EvidenceRow(item.link, item.title, item.kind) for item in told.evidence]
        await corrections.add_evidence(connection, who, case_id, items)

    return await _take(request, case_id, step)


@router.post("/corrections/{case_id}/timeline", response_model=CorrectionWithEvidence)
async def add_entry(request: Request, who: Operator, case_id: UUID, told: AddEntry) -> Response:
    """Adds to an open case's timeline."""

    async def step(connection: Connection, clock: Clock) -> None:
        await corrections.add_entry(connection, clock, who, case_id, told.text, told.at)

    return await _take(request, case_id, step)


@router.post("/corrections/{case_id}/close", response_model=CorrectionWithEvidence)
async def close_correction(request: Request, who: Operator, case_id: UUID, told: CloseCorrection) -> Response:
    """Closes a correction, once, with evidence and an official source, whatever came out of it (charter C6).
    ``If-Match`` is heeded."""

    async def step(connection: Connection, clock: Clock) -> None:
        evidence = [EvidenceRow(link, None, "other") for link in told.evidence or []]
        source = official(told.official_source)
        closing = corrections.Closing(told.outcome, evidence, source, told.media_met, told.closed_at, told.finding)
        await corrections.close_correction(connection, clock, who, case_id, closing, version_read(request))

    return await _take(request, case_id, step)


@router.get("/corrections", response_model=Page[Correction])
async def list_corrections(
    request: Request,
    who: Reader,
    closed: bool | None = None,
    unit_id: UnitId | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Corrections; open or closed ones, filed with one unit. County operators see their county's."""
    async with reading(request) as connection:
        return await queries.corrections(connection, cursor, limit, county=who.county, closed=closed, unit_id=unit_id)


@router.get("/corrections/{case_id}", response_model=CorrectionWithEvidence)
async def show_correction(request: Request, who: Reader, response: Response, case_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.correction(connection, case_id)
    who.must_serve(found["county"])
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


@router.get("/public/corrections", response_model=Page[Correction])
async def list_closed_corrections(request: Request, who: Anyone, cursor: Cursor = None, limit: Limit = 100) -> Any:
    """All closed corrections, the latest first, for everybody."""
    async with reading(request) as connection:
        return await queries.latest_corrections(connection, cursor, limit, closed=True)


@router.get("/public/corrections/{case_id}", response_model=CorrectionWithEvidence)
async def show_closed_correction(request: Request, who: Anyone, case_id: UUID) -> Any:
    async with reading(request) as connection:
        return closed_only(await queries.correction(connection, case_id))


def closed_only(found: dict[str, Any]) -> dict[str, Any]:
    """An open case is not public yet: raises ``not_found``."""
    if not found["closed"]:
        raise Refusal("not_found")
    return found


def official(told: str | None) -> str | None:
    """An https link; None for anything else, which is no official source."""
    try:
        return _HTTPS.validate_python(told)
    except ValidationError:
        return None


async def _take(request: Request, case_id: UUID, step: Step) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await step(connection, clock)
        return await _answer(connection, case_id)

    return await write(request, work)


async def _answer(connection: Connection, case_id: UUID, status: int = 200) -> Answer:
    found = await queries.correction(connection, case_id)
    return Answer(CorrectionWithEvidence(**found), status, found["version"])
