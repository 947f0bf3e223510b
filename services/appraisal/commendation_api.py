"""Commendations over HTTP: consent, proposals from service records, the committee's award, the certificate."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from services.appraisal import commendation_storage, commendations
from services.appraisal.exports import certificate
from services.appraisal.models import Committee
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import Day, Id, UnitId
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.pages import words_of
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1", tags=["commendations"])
YearPath = Annotated[int, Path(ge=2000, le=2100)]


class OptIn(BaseModel):
    """``unit_id``: the volunteer's unit; ``opted_in_on``: the day on which the volunteer agreed to be considered."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    unit_id: UnitId
    opted_in_on: Day


class Award(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    volunteer_id: Id


@router.put("/commendations/consents/{volunteer_id}")
async def opt_in(request: Request, who: Operator, volunteer_id: UUID, told: OptIn) -> Response:
    """A volunteer wants to be considered for commendation. The county of the volunteer records it."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        return Answer(await commendations.opt_in(connection, clock, who, volunteer_id, told.unit_id, told.opted_in_on))

    return await write(request, work)


@router.delete("/commendations/consents/{volunteer_id}")
async def opt_out(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """No longer wants to be considered; needs no reason."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commendations.opt_out(connection, who, volunteer_id)
        return Answer({"volunteer_id": volunteer_id, "opted_in_on": None})

    return await write(request, work)


@router.get("/commendations/{year}/proposals")
async def proposals(request: Request, who: Reader, year: YearPath) -> dict[str, Any]:
    """Who opted in and served in that year, by unit, then id; there is no other order among persons (charter C8). A
    county's operator sees that county."""
    async with reading(request) as connection:
        return {"items": await commendations.proposals(connection, year, who.county), "next_cursor": None}


@router.post("/commendations/{year}", status_code=201)
async def award(request: Request, who: Committee, year: YearPath, told: Award) -> Response:
    """The committee approves a proposal. Refused without the volunteer's own consent: ``not_eligible``."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        return Answer(await commendations.award(connection, clock, who, year, told.volunteer_id), 201)

    return await write(request, work)


@router.get("/commendations/{year}")
async def awarded(request: Request, who: Reader, year: YearPath) -> dict[str, Any]:
    """What was awarded, by unit, then id. A county's operator sees that county."""
    async with reading(request) as connection:
        rows = await commendation_storage.awarded(connection, year, who.county)
    return {"items": [{"volunteer_id": row.pop("volunteer")} | row for row in rows], "next_cursor": None}


@router.get(
    "/commendations/{year}/{volunteer_id}.docx",
    response_class=Response,
    responses={200: {"content": {certificate.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def certificate_of(
    request: Request, who: Reader, year: YearPath, volunteer_id: UUID, lang: str | None = None
) -> Response:
    """The certificate, to be printed; the name is written in by hand, for the appraisal knows none."""
    found, unit = await _one(request, who, year, volunteer_id)
    words = words_of(request)
    name = (unit or {}).get(words.language) or (unit or {}).get("zh") or found["unit_id"]
    settings = request.app.state.settings
    content = certificate.certificate(
        words, year, name, found["awarded_at"].astimezone(settings.zone).date(), str(volunteer_id), datetime.now(UTC)
    )
    headers = {
        "Content-Disposition": f'attachment; filename="commendation-{year}-{str(volunteer_id)[:8]}-{words.language}.docx"',
        "Content-Language": words.language,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=certificate.MEDIA_TYPE, headers=headers)


async def _one(
    request: Request, who: Principal, year: int, volunteer_id: UUID
) -> tuple[dict[str, Any], dict[str, str] | None]:
    async with reading(request) as connection:
        rows = await commendation_storage.awarded(connection, year, None, volunteer_id)
        if not rows:
            raise Refusal("not_found", pointer="path:volunteer_id")
        who.must_serve(rows[0]["county"])
        return rows[0], await commendation_storage.unit_name(connection, rows[0]["unit_id"])
