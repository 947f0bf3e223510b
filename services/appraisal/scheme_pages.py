"""Schemes as pages: all of them, one from draft to adoption, the editor, two side by side on one period."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.appraisal import commands, comparing, queries, reports, scheme_form, scheme_storage
from services.appraisal.models import Committee
from services.appraisal.period_switch import period_name
from services.appraisal.periods import Period
from services.appraisal.schemes import DEFAULT, InvalidScheme, Problem, Scheme
from shared.access.guard import Reader
from shared.access.roles import Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.forms import errors, filled_in
from shared.web.pages import after_post, render, words_of
from shared.web.reads import reading, snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_LISTED = 500


@router.api_route("/schemes", methods=_PAGE)
async def schemes(request: Request, who: Reader) -> Response:
    """All schemes, and those in force in the periods of this year and the next."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    year = datetime.now(settings.zone).year
    periods = [Period.parse(f"{each}-{half}") for each in (year, year + 1) for half in ("H1", "H2")]
    async with snapshot(request) as connection:
        items = await _all(connection)
        in_force = [
            (period_name(period, words), await scheme_storage.of_period(connection, period)) for period in periods
        ]
        latest = await queries.latest_day(connection, datetime.now(settings.zone).date())
    return render(
        request,
        "schemes.html",
        tab="schemes",
        schemes=items,
        in_force=[(name, f"{scheme.scheme_id}@{scheme.version}") for name, scheme in in_force],
        edits=who.is_any((Role.COMMITTEE,)),
        values={"period": str(latest.year if latest else year)},
        errors={},
    )


@router.api_route("/schemes/compare", methods=_PAGE)
async def compare(request: Request, who: Reader, left: str = "", right: str = "", period: str = "") -> Response:
    """Two schemes on one period and the same events."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    now = datetime.now(UTC)
    told = {"left": left, "right": right, "period": period}
    wrong: dict[str, str] = {}
    found: dict[str, Any] | None = None
    async with snapshot(request) as connection:
        items = await _all(connection)
        try:
            asked = [
                await reports.settled(
                    connection, reports.question(period, name, None, now, settings.zone), settings.zone
                )
                for name in (left, right)
            ]
            found = await comparing.side_by_side(connection, asked[0], asked[1].scheme)
        except Refusal as refusal:
            if refusal.pointer == "path:period":
                wrong = {
                    "": words("layout.form.check"),
                    "period": words("appraisal.error.unknown_period", period=period),
                }
            else:
                wrong = {"": refusal.message[words.language]}
    return render(
        request,
        "scheme_compare.html",
        status=422 if wrong else 200,
        tab="schemes",
        schemes=items,
        found=found,
        name=period_name(Period.parse(period), words) if found else "",
        values=told,
        errors=wrong,
    )


# -- the editor ---------------------------------------------------------------------------------------------------------


@router.api_route("/schemes/new", methods=_PAGE)
async def new_draft(request: Request, who: Committee, origin: str = "") -> Response:
    """The form, filled from ``origin`` (``id@version``), else from the scheme that is in force; as the next version."""
    settings: Settings = request.app.state.settings
    today = datetime.now(settings.zone).date()
    async with snapshot(request) as connection:
        found = await _one(connection, origin) if origin else None
        if found is None:
            scheme = await scheme_storage.of_period(connection, Period.parse(f"{today.year:04}"))
            found = scheme_storage.shown(scheme.to_data(), scheme.digest, None, None)
        latest = await scheme_storage.latest_version(connection, found["scheme_id"])
        period = await queries.latest_day(connection, today)
    told = scheme_form.values(found)
    told |= {"version": str((latest or found["version"]) + 1), "valid_from": date(today.year + 1, 1, 1).isoformat()}
    return _form(request, told | {"period": str((period or today).year), "origin": origin})


@router.post("/schemes/new")
async def save_draft(request: Request, who: Committee) -> Response:
    """Keeps the draft; with the button ``try``, shows what it would change in a period, and keeps nothing."""
    told = (await filled_in(request)).told
    try:
        scheme = Scheme.of(scheme_form.scheme_told(told))
    except InvalidScheme as invalid:
        return _form(request, told, scheme_form.beside(invalid.problems, told))
    if told.get("what") == "try":
        return await _tried(request, told, scheme)

    async def work(connection: Connection, clock: Clock) -> None:
        await commands.propose_scheme(connection, clock, who, scheme)

    try:
        await submit(request, work)
    except Refusal as refusal:
        wrong = errors(refusal, words_of(request))
        field = next((name for name in wrong if name), "indicators")
        why = Problem(refusal.pointer or "", "", refusal.message)
        return _form(request, told, {field: [why]})
    return after_post(request, f"/appraisal/schemes/{scheme.scheme_id}@{scheme.version}?done=saved")


async def _tried(request: Request, told: Mapping[str, str], scheme: Scheme) -> Response:
    settings: Settings = request.app.state.settings
    words = words_of(request)
    now = datetime.now(UTC)
    try:
        asked = reports.question(told.get("period", ""), None, None, now, settings.zone)
    except Refusal:
        message = words("appraisal.error.unknown_period", period=told.get("period", ""))
        return _form(request, told, {"period": [Problem("", "", {"zh": message, "en": message})]})
    async with snapshot(request) as connection:
        asked = await reports.settled(connection, asked, settings.zone)
        found = await comparing.what_if(
            connection, asked, scheme, prefix=settings.topic_prefix, now=now, zone=settings.zone
        )
    own = f"{asked.scheme.scheme_id}@{asked.scheme.version}"
    return _form(request, told, tried={"moves": found["moves"], "own": own, "name": period_name(asked.period, words)})


def _form(
    request: Request,
    values: Mapping[str, str],
    wrong: Mapping[str, list[Problem]] | None = None,
    tried: Mapping[str, Any] | None = None,
) -> Response:
    return render(
        request,
        "scheme_form.html",
        status=422 if wrong else 200,
        tab="schemes",
        rows=scheme_form.rows(),
        values=values,
        wrong=wrong or {},
        tried=tried,
    )


# -- one scheme ---------------------------------------------------------------------------------------------------------


@router.api_route("/schemes/{name}", methods=_PAGE)
async def scheme_page(request: Request, who: Reader, name: str, done: str = "") -> Response:
    return await _scheme(request, name, edits=who.is_any((Role.COMMITTEE,)), done=done)


@router.post("/schemes/{name}/adopt")
async def adopt(request: Request, who: Committee, name: str) -> Response:
    """Dated: from its ``valid_from`` on it appraises the periods that begin then and are not closed."""
    async with reading(request) as connection:
        found = await _one(connection, name)
    if found is None:
        raise Refusal("not_found", pointer="path:scheme_id")

    async def work(connection: Connection, clock: Clock) -> None:
        await commands.adopt_scheme(connection, clock, who, found["scheme_id"], found["version"])

    try:
        await submit(request, work)
    except Refusal as refusal:
        return await _scheme(request, name, edits=True, problem=refusal.message[words_of(request).language])
    return after_post(request, f"/appraisal/schemes/{name}?done=adopted")


async def _scheme(request: Request, name: str, *, edits: bool, done: str = "", problem: str = "") -> Response:
    settings: Settings = request.app.state.settings
    async with reading(request) as connection:
        found = await _one(connection, name)
    if found is None:
        raise Refusal("not_found", pointer="path:scheme_id")
    return render(
        request,
        "scheme.html",
        status=409 if problem else 200,
        tab="schemes",
        scheme=found,
        past=found["valid_from"] <= datetime.now(settings.zone).date().isoformat(),
        edits=edits,
        done=done if done in ("saved", "adopted") else "",
        problem=problem,
    )


async def _all(connection: Connection) -> list[dict[str, Any]]:
    """With the default, which is there without having been saved."""
    items = (await scheme_storage.listed(connection, None, _LISTED))[:_LISTED]
    default = scheme_storage.shown(DEFAULT.to_data(), DEFAULT.digest, None, None)
    known = any((each["scheme_id"], each["version"]) == (DEFAULT.scheme_id, DEFAULT.version) for each in items)
    return items if known else [default, *items]


async def _one(connection: Connection, name: str) -> dict[str, Any] | None:
    """A scheme by ``id@version``, with what became of it."""
    return next((each for each in await _all(connection) if f"{each['scheme_id']}@{each['version']}" == name), None)
