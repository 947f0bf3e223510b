"""Commendations as a page: who opted in and served, by unit; consent recorded by counties, awards by the committee."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, ValidationError

from services.appraisal import commendation_storage, commendations
from services.appraisal.commendation_api import Award, YearPath
from services.appraisal.models import Committee
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.fields import Day, Id, UnitId
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.forms import body, errors, filled_in
from shared.web.pages import after_post, redirect, render, words_of
from shared.web.reads import snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]


class _OptIn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    volunteer_id: Id
    unit_id: UnitId
    opted_in_on: Day


@router.api_route("/commendations", methods=_PAGE)
async def latest_commendations(request: Request, who: Reader) -> Response:
    settings: Settings = request.app.state.settings
    return redirect(request, f"/appraisal/commendations/{datetime.now(settings.zone).year}")


@router.api_route("/commendations/{year}", methods=_PAGE)
async def commendations_page(request: Request, who: Reader, year: YearPath, done: str = "") -> Response:
    return await _page(request, who, year, done=done)


async def _page(
    request: Request,
    who: Principal,
    year: int,
    *,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    problem: str = "",
    done: str = "",
) -> Response:
    async with snapshot(request) as connection:
        proposed = await commendations.proposals(connection, year, who.county)
        awarded = await commendation_storage.awarded(connection, year, who.county)
    return render(
        request,
        "commendations.html",
        status=422 if wrong or problem else 200,
        tab="commendations",
        year=year,
        proposed=[each for each in proposed if each["awarded_at"] is None],
        awarded=awarded,
        records=who.is_any((Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)),
        awards=who.is_any((Role.COMMITTEE,)),
        values=values or {},
        errors=wrong or {},
        problem_above=problem,
        done=done if done in ("recorded", "withdrawn", "awarded") else "",
    )


@router.post("/commendations/{year}/consents")
async def record_consent(request: Request, who: Operator, year: YearPath) -> Response:
    """Records that a volunteer opted in; with the button ``withdraw``, that the volunteer no longer does."""
    told = (await filled_in(request)).told
    withdraws = told.get("what") == "withdraw"

    async def work(connection: Connection, clock: Clock) -> None:
        if withdraws:
            await commendations.opt_out(
                connection, who, body(Award, {"volunteer_id": told.get("volunteer_id")}).volunteer_id
            )
            return
        wanted = body(_OptIn, {name: told.get(name) for name in ("volunteer_id", "unit_id", "opted_in_on")})
        await commendations.opt_in(connection, clock, who, wanted.volunteer_id, wanted.unit_id, wanted.opted_in_on)

    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code == "forbidden":
            raise
        names = {"path:volunteer_id": "volunteer_id"}
        return await _page(request, who, year, values=told, wrong=errors(problem, words_of(request), names))
    return after_post(request, f"/appraisal/commendations/{year}?done={'withdrawn' if withdraws else 'recorded'}")


@router.post("/commendations/{year}/awards")
async def award(request: Request, who: Committee, year: YearPath) -> Response:
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> Any:
        volunteer: UUID = body(Award, {"volunteer_id": told.get("volunteer_id")}).volunteer_id
        return await commendations.award(connection, clock, who, year, volunteer)

    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        words = words_of(request)
        message = problem.message[words.language] if isinstance(problem, Refusal) else words("layout.form.check")
        return await _page(request, who, year, problem=message)
    return after_post(request, f"/appraisal/commendations/{year}?done=awarded")
