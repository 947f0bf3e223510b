"""Operators' pages about tips: the inbox, one tip with what can be done about it, and entering one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.opinion import commands, queries, storage
from services.opinion.api import must_see
from services.opinion.asking import calendar, kept
from services.opinion.forms import answer, errors, filled_in
from services.opinion.models import AnswerTip, AssignTip, ReportTip, ResolveTip, SetDue, TriageTip, VoidTip
from services.opinion.private_link import hash_of, new_token, path_of
from services.opinion.queries import Filter
from services.opinion.screening import screened
from services.opinion.shown import absolute, names_of, options
from services.opinion.steps import refuse
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.opinion import Channel, TipKind, TipOutcome, TipTopic, TipVoidReason
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.forms import body, moment, whole
from shared.web.pages import after_post, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import reading
from shared.web.writes import submit

router = APIRouter(include_in_schema=False, prefix="/desk/tips")
Command = Callable[[Connection, Clock], Awaitable[None]]
_PAGE = ["GET", "HEAD"]
_LISTED = 50
_WHICH: Mapping[str, dict[str, Any]] = {
    "open": {"open": True},
    "resolved": {"state": "resolved"},
    "voided": {"state": "voided"},
    "all": {},
}


@router.api_route("", methods=_PAGE)
async def inbox(
    request: Request,
    who: Reader,
    which: str = "open",
    topic: str = "",
    unit: str = "",
    overdue: bool = False,
    mine: bool = False,
    cursor: Cursor = None,
) -> Response:
    """Open tips, those due first before the others; ``which``, ``topic``, ``unit`` may be empty, as a form sends them."""
    words, days = words_of(request), calendar(request)
    asked = Filter(
        county=who.county,
        topic=topic or None,  # type: ignore[arg-type]
        responsible_unit_id=unit or None,
        overdue=overdue or None,
        assigned_to=who.name if mine else None,
        **_WHICH.get(which, _WHICH["open"]),
    )
    async with reading(request) as connection:
        page = await queries.inbox(connection, days, asked, cursor, _LISTED)
        counts = await queries.counts(connection, days, who.county)
        units = names_of(words, await queries.units(connection))
        responsible = await queries.responsible_units(connection, who.county)
    return render(
        request,
        "inbox.html",
        tab="inbox",
        tips=page["items"],
        next=page["next_cursor"],
        counts=counts,
        units=units,
        responsible=[(code, units.get(code, code)) for code in responsible],
        topics=options(words, "topic", TipTopic),
        today=days.today,
        asked={"which": which, "topic": topic, "unit": unit, "overdue": overdue, "mine": mine},
    )


# -- entering ----------------------------------------------------------------------------------------------------------


@router.api_route("/new", methods=_PAGE)
async def new(request: Request, who: Operator) -> Response:
    return await _entering(request, who)


@router.post("/new")
async def enter(request: Request, who: Operator) -> Response:
    """Takes what came by phone or chat; the private link is shown on the tip's page, this once."""
    told, token = await filled_in(request), new_token()
    try:
        fields: dict[str, Any] = {
            name: told.get(name) for name in ("channel", "kind", "topic", "unit_id", "text", "contact")
        }
        fields["reported_at"] = moment(told.get("reported_at"), request.app.state.settings.zone)
        report = body(ReportTip, fields)
        refuse(await screened(report.text, "/text"))
        contact = request.app.state.contacts.seal(report.contact) if report.contact else None
        tip = commands.NewTip(
            report.channel,
            report.kind,
            report.topic,
            report.unit_id,
            report.text,
            None,
            report.reported_at,
            hash_of(token),
            contact,
        )

        async def work(connection: Connection, clock: Clock) -> UUID:
            return await commands.report_tip(connection, clock, who, tip)

        tip_id = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _entering(request, who, told, errors(problem, words_of(request)))
    return after_post(request, f"/opinion/desk/tips/{tip_id}?link={token}")


async def _entering(
    request: Request, who: Principal, values: dict[str, str] | None = None, wrong: dict[str, str] | None = None
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        units = names_of(words, await queries.units(connection, who.county))
    return render(
        request,
        "enter.html",
        status=422 if wrong else 200,
        tab="enter",
        units=list(units.items()),
        channels=options(words, "channel", Channel, without=["web_form"]),
        kinds=options(words, "kind", TipKind),
        topics=options(words, "topic", TipTopic),
        values=values or {},
        errors=wrong or {},
    )


# -- one tip -----------------------------------------------------------------------------------------------------------


@router.api_route("/{tip_id}", methods=_PAGE)
async def tip(request: Request, who: Reader, tip_id: UUID, link: str = "", done: bool = False) -> Response:
    return await _page(request, who, tip_id, link=link, done=done)


@router.post("/{tip_id}/triage")
async def triage(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        given = body(TriageTip, {name: told.get(name) for name in ("responsible_unit_id", "topic", "due_on")})
        step = commands.Triage(given.responsible_unit_id, given.topic, given.due_on)
        return lambda connection, clock: commands.triage_tip(connection, clock, who, tip_id, step)

    return await _take(request, who, tip_id, told, command)


@router.post("/{tip_id}/assign")
async def assign(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        given = AssignTip.model_validate({"assigned_to": told.get("assigned_to")})
        return lambda connection, _: commands.assign_tip(connection, who, tip_id, given.assigned_to)

    return await _take(request, who, tip_id, told, command, {"assigned_to": ""})


@router.post("/{tip_id}/due")
async def due(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        given = body(SetDue, {"due_on": told.get("due_on")})
        return lambda connection, clock: commands.set_due(connection, clock, who, tip_id, given.due_on)

    return await _take(request, who, tip_id, told, command)


@router.post("/{tip_id}/answer")
async def reply(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        given = body(AnswerTip, {"answer": told.get("answer")})
        return lambda connection, clock: commands.answer_tip(
            connection, clock, who, tip_id, given.answer, kept(request)
        )

    return await _take(request, who, tip_id, told, command)


@router.post("/{tip_id}/resolve")
async def resolve(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        action = {
            "title": told.get("action_title"),
            "held_on": told.get("action_held_on"),
            "participants": whole(told.get("action_participants")),
        }
        filled = {name: value for name, value in action.items() if value is not None}
        given = body(
            ResolveTip,
            {
                "outcome": told.get("outcome"),
                "answered": answer(told.get("answered")),
                "answer": told.get("final_answer"),
                "action": filled or None,
            },
        )
        resolution = commands.Resolution(
            given.outcome, given.answered, given.action.told() if given.action else None, None, given.answer
        )
        return lambda connection, clock: commands.resolve_tip(connection, clock, who, tip_id, resolution, kept(request))

    return await _take(request, who, tip_id, told, command, {"answer": "final_answer"})


@router.post("/{tip_id}/void")
async def void(request: Request, who: Operator, tip_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        # The address of a tip's page names it as well as its id.
        into = told.get("merged_into", "").partition("?")[0].rstrip("/").rpartition("/")[2] or None
        given = body(VoidTip, {"reason": told.get("reason"), "merged_into": into})
        return lambda connection, clock: commands.void_tip(
            connection, clock, who, tip_id, given.reason, kept(request), given.merged_into
        )

    return await _take(request, who, tip_id, told, command)


@router.post("/{tip_id}/contact")
async def contact(request: Request, who: Operator, tip_id: UUID) -> Response:
    """Shows the contact this once, and leaves a line in the audit log."""
    contacts = request.app.state.contacts
    shown = await submit(request, lambda connection, _: commands.read_contact(connection, who, contacts, tip_id))
    page = await _page(request, who, tip_id, contact=shown)
    page.headers["Cache-Control"] = "no-store"
    return page


async def _take(
    request: Request,
    who: Principal,
    tip_id: UUID,
    told: dict[str, str],
    command: Callable[[], Command],
    names: Mapping[str, str] | None = None,
) -> Response:
    """One step from its form: on to the tip's page, or back to the form."""
    try:
        await submit(request, command())
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("not_found", "forbidden"):
            raise
        step = request.url.path.rpartition("/")[2]
        wrong = errors(problem, words_of(request), names)
        return await _page(request, who, tip_id, status=422, values=told, wrong=wrong, step=step)
    return after_post(request, f"/opinion/desk/tips/{tip_id}?done=1")


async def _page(
    request: Request,
    who: Principal,
    tip_id: UUID,
    *,
    status: int = 200,
    values: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    step: str = "",
    link: str = "",
    done: bool = False,
    contact: str | None = None,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        found = await queries.tip(connection, calendar(request), tip_id)
        must_see(who, found)
        units = names_of(words, await queries.units(connection))
        merged = await queries.duplicates(connection, tip_id)
        counties = {found["county"], found["responsible_county"] or found["county"]}
        operators = await storage.operators(connection, counties)
        linked = bool(link) and await queries.is_link_of(connection, tip_id, hash_of(link))
    return render(
        request,
        "tip.html",
        status=status,
        tab="inbox",
        tip=found,
        units=units,
        merged=merged,
        operators=operators,
        writes=who.is_any((Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)),
        link=absolute(request, path_of(link)) if linked else "",
        contact=contact,
        done=done,
        step=step,
        topics=options(words, "topic", TipTopic),
        outcomes=options(words, "outcome", TipOutcome),
        reasons=options(words, "void", TipVoidReason),
        today=calendar(request).today,
        values=values or {},
        errors=wrong or {},
    )
