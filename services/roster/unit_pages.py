"""Forms of the city's operators: units, as they are defined and changed, and their places of each year."""

from collections.abc import Mapping
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.roster import commands, queries
from services.roster.models import DefineUnit, RedefineUnit, SetQuota
from services.roster.pages import PAGE, common
from shared.access.guard import CityOperator
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import Team
from shared.contracts.refusals import Refusal
from shared.contracts.roster import UnitKind
from shared.postgres import Connection
from shared.web.forms import body, errors, filled_in, named, options, whole
from shared.web.pages import after_post, asked, render, words_of
from shared.web.reads import reading
from shared.web.writes import submit

router = APIRouter(include_in_schema=False)


@router.api_route("/units/new", methods=PAGE)
async def new_unit(request: Request, who: CityOperator, parent_id: str = "") -> Response:
    return await _form(request, who, {"parent_id": parent_id})


@router.post("/units/new")
async def define_unit(request: Request, who: CityOperator) -> Response:
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> str:
        new = body(DefineUnit, _definition(told) | {"unit_id": told.get("unit_id", "")})
        await commands.define_unit(connection, clock, _defined(new.unit_id, new))
        return new.unit_id

    try:
        unit_id = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _form(request, who, told, errors(problem, words_of(request)))
    return after_post(request, f"/roster/units/{unit_id}{asked(done='defined')}")


@router.api_route("/units/{unit_id}/edit", methods=PAGE)
async def edit_unit(request: Request, who: CityOperator, unit_id: str) -> Response:
    async with reading(request) as connection:
        found = await queries.unit(connection, unit_id)
    name: Mapping[str, str] = found["name"]
    values = {"kind": found["kind"], "county": found["county"], "parent_id": found["parent_id"] or ""}
    values |= {"name_zh": name["zh"], "name_en": name.get("en") or "", "version": str(found["version"])}
    return await _form(request, who, values, unit_id=unit_id)


@router.post("/units/{unit_id}/edit")
async def redefine_unit(request: Request, who: CityOperator, unit_id: str) -> Response:
    """Refused when somebody else has changed the unit since the form was opened."""
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        found = await queries.unit(connection, unit_id, lock=True)
        if told.get("version") != str(found["version"]):
            raise Refusal("version_conflict")
        new = body(RedefineUnit, _definition(told))
        await commands.redefine_unit(connection, clock, _defined(unit_id, new))

    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code == "not_found":
            raise
        return await _form(request, who, told, errors(problem, words_of(request)), unit_id=unit_id)
    return after_post(request, f"/roster/units/{unit_id}{asked(done='defined')}")


@router.post("/units/{unit_id}/quota")
async def set_quota(request: Request, who: CityOperator, unit_id: str) -> Response:
    told = (await filled_in(request)).told
    year, team = whole(told.get("year")), told.get("team")
    if not isinstance(year, int) or not 2000 <= year <= 2100 or team not in get_args(Team):
        raise Refusal("schema", pointer="/year", reason={"zh": "请选择年份和队伍", "en": "choose a year and a team"})
    try:
        quota = body(SetQuota, {"quota": whole(told.get("quota"))}).quota
    except ValidationError:
        reason = {"zh": "名额须为整数", "en": "places are a whole number"}
        raise Refusal("schema", pointer="/quota", reason=reason) from None

    async def work(connection: Connection, clock: Clock) -> None:
        await commands.set_quota(connection, clock, unit_id, team, year, quota)

    await submit(request, work)
    return after_post(request, f"/roster/units/{unit_id}{asked(year=str(year), done='quota')}")


def _definition(told: Mapping[str, str]) -> dict[str, Any]:
    """The body of a form, without what was left empty."""
    name = {"zh": told.get("name_zh", "")} | ({"en": told["name_en"]} if "name_en" in told else {})
    return {
        "name": name,
        "kind": told.get("kind"),
        "county": told.get("county", ""),
        "parent_id": told.get("parent_id"),
    }


def _defined(unit_id: str, new: RedefineUnit) -> commands.NewUnit:
    return commands.NewUnit(unit_id, new.name.names(), new.kind, new.county, new.parent_id)


async def _form(
    request: Request,
    who: Principal,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    *,
    unit_id: str = "",
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        names = await queries.unit_names(connection)
    return render(
        request,
        "unit_form.html",
        status=422 if wrong else 200,
        tab="home",
        unit_id=unit_id,
        kinds=options(words, "roster.kind", UnitKind),
        parents=[(each, f"{named(words, name)} · {each}") for each, name in names.items() if each != unit_id],
        values=dict(values),
        errors=wrong or {},
        **common(request, who),
    )
