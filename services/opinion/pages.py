"""Opinion's public pages: the form, the private link, the corrections. No sign-in."""

from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.opinion import commands, queries
from services.opinion.asking import calendar
from services.opinion.claim_review import claim_review
from services.opinion.corrections_api import closed_only
from services.opinion.forms import errors, filled_in
from services.opinion.models import ReportTip
from services.opinion.private_link import hash_of, new_token, path_of
from services.opinion.screening import screened
from services.opinion.shown import absolute, named, names_of, options
from services.opinion.status import status_of
from services.opinion.steps import refuse
from services.opinion.throttle import RETRY_AFTER, take_token
from shared.access.guard import Anyone
from shared.access.roles import NOBODY, Role
from shared.clock import Clock
from shared.contracts.opinion import TipKind, TipTopic
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction
from shared.web.forms import body
from shared.web.pages import after_post, failure, redirect, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import reading
from shared.web.writes import submit

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_DESK = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR)
_TRAP = "website"
"""A field that no person sees or fills in."""
_LISTED = 20


@router.api_route("/", methods=_PAGE)
async def home(request: Request, who: Anyone) -> Response:
    """Operators to their inbox, everybody else to the form."""
    return redirect(request, "/opinion/desk/tips" if who.is_any(_DESK) else "/opinion/tell")


# -- telling -----------------------------------------------------------------------------------------------------------


@router.api_route("/tell", methods=_PAGE)
async def form(request: Request, who: Anyone) -> Response:
    return await _form(request)


@router.post("/tell")
async def tell(request: Request, who: Anyone) -> Response:
    """Takes the form: to the private link, or back to the form with what was filled in and what is wrong."""
    told = await filled_in(request)
    if _TRAP in told:
        return after_post(request, "/opinion/received")
    settings, words, token = request.app.state.settings, words_of(request), new_token()
    secret = settings.secret_key.get_secret_value()
    address = request.client.host if request.client else ""
    try:
        await in_transaction(request.app.state.pool, lambda connection: take_token(connection, secret, address))
        fields = {name: told.get(name) for name in ("kind", "topic", "unit_id", "text", "contact")}
        report = body(ReportTip, fields | {"channel": "web_form"})
        refuse(await screened(report.text, "/text"))
        contact = request.app.state.contacts.seal(report.contact) if report.contact else None
        tip = commands.NewTip(
            report.channel,
            report.kind,
            report.topic,
            report.unit_id,
            report.text,
            status_hash=hash_of(token),
            contact=contact,
        )

        async def work(connection: Connection, clock: Clock) -> UUID:
            # Whoever is signed in tells as anybody else does: of any place.
            return await commands.report_tip(connection, clock, NOBODY, tip)

        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        wrong = errors(problem, words)
        status = 429 if isinstance(problem, Refusal) and problem.code == "rate_limited" else 422
        page = await _form(request, status, told, wrong)
        if status == 429:
            page.headers["Retry-After"] = str(RETRY_AFTER)
        return page
    return after_post(request, f"{path_of(token)}?new=1")


@router.api_route("/received", methods=_PAGE)
async def received(request: Request, who: Anyone) -> Response:
    return render(request, "received.html", tab="tell")


async def _form(
    request: Request, status: int = 200, values: dict[str, str] | None = None, wrong: dict[str, str] | None = None
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        units = [unit for unit in await queries.units(connection) if unit["kind"] in ("city", "county")]
    return render(
        request,
        "tell.html",
        status=status,
        tab="tell",
        units=list(names_of(words, units).items()),
        kinds=options(words, "kind", TipKind),
        topics=options(words, "topic", TipTopic),
        trap=_TRAP,
        values=values or {},
        errors=wrong or {},
    )


@router.api_route("/status/{token}", methods=_PAGE)
async def status(request: Request, who: Anyone, token: str, new: bool = False) -> Response:
    """The private link."""
    words = words_of(request)
    async with reading(request) as connection:
        found = await status_of(connection, calendar(request), token)
    if found is None:
        return failure(request, Refusal("not_found"), hint=words("opinion.status.unknown"))
    page = render(
        request,
        "status.html",
        tab="tell",
        found=found,
        unit=named(words, found.unit),
        new=new,
        address=absolute(request, path_of(token)),
    )
    page.headers["Cache-Control"] = "no-store"
    page.headers["X-Robots-Tag"] = "noindex"
    page.headers["Referrer-Policy"] = "no-referrer"
    return page


# -- corrections -------------------------------------------------------------------------------------------------------


@router.api_route("/corrections", methods=_PAGE)
async def corrections(request: Request, who: Anyone, cursor: Cursor = None) -> Response:
    """All closed ones, the latest first."""
    async with reading(request) as connection:
        page = await queries.latest_corrections(connection, cursor, _LISTED, closed=True)
        names = names_of(words_of(request), await queries.units(connection))
    return render(
        request, "corrections.html", tab="corrections", cases=page["items"], next=page["next_cursor"], names=names
    )


@router.api_route("/corrections/{case_id}", methods=_PAGE)
async def correction(request: Request, who: Anyone, case_id: UUID) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        found: dict[str, Any] = closed_only(await queries.correction(connection, case_id))
        names = names_of(words, await queries.units(connection))
    unit = names.get(found["unit_id"]) or str(found["unit_id"])
    here = absolute(request, f"/opinion/corrections/{case_id}")
    zone = request.app.state.settings.zone
    data = claim_review(found, words, unit=unit, address=here, zone=zone)
    return render(request, "correction.html", tab="corrections", case=found, unit=unit, data=data)
