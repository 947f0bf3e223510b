"""Tips over HTTP. Corrections are in ``corrections_api.py``."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.opinion import commands, queries
from services.opinion.asking import calendar, kept, version_read
from services.opinion.models import (
    AnswerTip,
    AssignTip,
    Contact,
    Page,
    ReportTip,
    ResolveTip,
    SetDue,
    Tip,
    TipWithText,
    TriageTip,
    VoidTip,
)
from services.opinion.private_link import hash_of, new_token, path_of
from services.opinion.rules import State
from services.opinion.screening import screened
from services.opinion.steps import refuse
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.fields import UnitId
from shared.contracts.opinion import TipTopic
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, submit, write

router = APIRouter(prefix="/api/v1")
Step = Callable[[Connection, Clock], Awaitable[None]]


@router.post("/tips", status_code=201, response_model=Tip, tags=["tips"])
async def report_tip(request: Request, who: Operator, told: ReportTip) -> Response:
    """Files a tip with a unit, whose county is the tip's. A text that holds personal data or is about a person is
    refused (charter C4). Answers of writes leave the text out; the header ``Link`` (``rel="monitor"``) names, this once,
    the private page on which whoever told it can follow it."""
    token, new = new_token(), False

    async def work(connection: Connection, clock: Clock) -> Answer:
        nonlocal new
        tip_id = await commands.report_tip(connection, clock, who, tip)
        new = True
        return await _answer(request, connection, tip_id, 201)

    refuse(await screened(told.text, "/text"))
    contact = request.app.state.contacts.seal(told.contact) if told.contact else None
    tip = commands.NewTip(
        told.channel,
        told.kind,
        told.topic,
        told.unit_id,
        told.text,
        told.relayed_by,
        told.reported_at,
        hash_of(token),
        contact,
    )
    response = await write(request, work)
    # Not within the answer: that is kept under its Idempotency-Key, the token nowhere.
    if new and response.status_code == 201:
        response.headers["Link"] = f'<{path_of(token)}>; rel="monitor"'
    return response


@router.post("/tips/{tip_id}/triage", response_model=Tip, tags=["tips"])
async def triage_tip(request: Request, who: Operator, tip_id: UUID, told: TriageTip) -> Response:
    """Gives a tip its responsible unit, once and before it is resolved. ``If-Match`` is heeded."""
    triage = commands.Triage(told.responsible_unit_id, told.topic, told.due_on, told.triaged_at)

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.triage_tip(connection, clock, who, tip_id, triage, version_read(request))

    return await _take(request, tip_id, step)


@router.post("/tips/{tip_id}/assign", response_model=Tip, tags=["tips"])
async def assign_tip(request: Request, who: Operator, tip_id: UUID, told: AssignTip) -> Response:
    """Gives an open tip to an operator, by the name of sign-in."""

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.assign_tip(connection, who, tip_id, told.assigned_to)

    return await _take(request, tip_id, step)


@router.post("/tips/{tip_id}/due", response_model=Tip, tags=["tips"])
async def set_due(request: Request, who: Operator, tip_id: UUID, told: SetDue) -> Response:
    """Gives an open tip another date by which it is due."""

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.set_due(connection, clock, who, tip_id, told.due_on)

    return await _take(request, tip_id, step)


@router.post("/tips/{tip_id}/answer", response_model=Tip, tags=["tips"])
async def answer_tip(request: Request, who: Operator, tip_id: UUID, told: AnswerTip) -> Response:
    """Puts an answer on the private link, in place of one before; it is screened as a tip's text is. Once the tip is
    resolved, the contact is erased with it (charter C5)."""

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.answer_tip(connection, clock, who, tip_id, told.answer, kept(request))

    return await _take(request, tip_id, step)


@router.post("/tips/{tip_id}/resolve", response_model=Tip, tags=["tips"])
async def resolve_tip(request: Request, who: Operator, tip_id: UUID, told: ResolveTip) -> Response:
    """Resolves a tip, once; one that was never triaged may be resolved too. Answered, its contact is erased (charter C5).
    ``If-Match`` is heeded."""
    action = told.action.told() if told.action else None
    resolution = commands.Resolution(told.outcome, told.answered, action, told.resolved_at, told.answer)

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.resolve_tip(connection, clock, who, tip_id, resolution, kept(request), version_read(request))

    return await _take(request, tip_id, step)


@router.post("/tips/{tip_id}/void", response_model=Tip, tags=["tips"])
async def void_tip(request: Request, who: Operator, tip_id: UUID, told: VoidTip) -> Response:
    """Voids a tip in any state: it counts no more. ``If-Match`` is heeded."""

    async def step(connection: Connection, clock: Clock) -> None:
        await commands.void_tip(
            connection, clock, who, tip_id, told.reason, kept(request), told.merged_into, version_read(request)
        )

    return await _take(request, tip_id, step)


@router.get("/tips/{tip_id}/contact", response_model=Contact, tags=["tips"])
async def read_contact(request: Request, who: Operator, response: Response, tip_id: UUID) -> Any:
    """The contact that was left for the answer. Every look leaves a line in the audit log (charter C11)."""
    response.headers["Cache-Control"] = "no-store"
    contacts = request.app.state.contacts
    return {"contact": await submit(request, lambda c, _: commands.read_contact(c, who, contacts, tip_id))}


@router.get("/tips", response_model=Page[Tip], tags=["tips"])
async def list_tips(
    request: Request,
    who: Reader,
    state: State | None = None,
    unit_id: UnitId | None = None,
    responsible_unit_id: UnitId | None = None,
    topic: TipTopic | None = None,
    overdue: bool | None = None,
    assigned_to: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Tips without their texts; of one state, filed with one unit, given to one unit. County operators see those that
    are filed with their county or given to one of its units. Overdue: open after the day by which it is due."""
    which = queries.Filter(
        county=who.county,
        state=state,
        unit_id=unit_id,
        responsible_unit_id=responsible_unit_id,
        topic=topic,
        overdue=overdue,
        assigned_to=assigned_to,
    )
    async with reading(request) as connection:
        return await queries.tips(connection, calendar(request), which, cursor, limit)


@router.get("/tips/{tip_id}", response_model=TipWithText, tags=["tips"])
async def show_tip(request: Request, who: Reader, response: Response, tip_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.tip(connection, calendar(request), tip_id)
    must_see(who, found)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


def must_see(who: Principal, tip: Any) -> None:
    """Raises ``forbidden`` for a county operator whose county neither has the tip nor is responsible for it."""
    if who.county is not None and who.county not in (tip["county"], tip["responsible_county"]):
        raise Refusal("forbidden")


async def _take(request: Request, tip_id: UUID, step: Step) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await step(connection, clock)
        return await _answer(request, connection, tip_id)

    return await write(request, work)


async def _answer(request: Request, connection: Connection, tip_id: UUID, status: int = 200) -> Answer:
    found = await queries.tip(connection, calendar(request), tip_id)
    return Answer(Tip(**found), status, found["version"])
