"""Operators' pages about corrections: the desk, and one case with what can be done about it."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.opinion import corrections, queries
from services.opinion.corrections_api import official
from services.opinion.forms import answer, errors, filled_in
from services.opinion.models import (
    AddEntry,
    AddEvidence,
    CloseCorrection,
    DescribeCorrection,
    EvidenceKind,
    OpenCorrection,
)
from services.opinion.shown import names_of, options
from services.opinion.storage import EvidenceRow
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.opinion import CorrectionOutcome, SourceKind
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.forms import body, moment
from shared.web.pages import after_post, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import reading
from shared.web.writes import submit

router = APIRouter(include_in_schema=False, prefix="/desk/corrections")
Command = Callable[[Connection, Clock], Awaitable[None]]
_PAGE = ["GET", "HEAD"]
_LISTED = 50
_OPERATORS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)


@router.api_route("", methods=_PAGE)
async def desk(request: Request, who: Reader, closed: bool = False, cursor: Cursor = None) -> Response:
    return await _desk(request, who, closed=closed, cursor=cursor)


@router.post("")
async def open_case(request: Request, who: Operator) -> Response:
    told, zone = await filled_in(request), request.app.state.settings.zone
    try:
        given = body(
            OpenCorrection,
            {name: told.get(name) for name in ("unit_id", "source_kind", "claim", "claim_link")}
            | {name: moment(told.get(name), zone) for name in ("claim_published_at", "opened_at")},
        )
        new = corrections.NewCorrection(
            given.unit_id, given.claim_published_at, given.source_kind, given.opened_at, given.claim, given.claim_link
        )

        async def work(connection: Connection, clock: Clock) -> UUID:
            return await corrections.open_correction(connection, clock, who, new)

        case_id = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _desk(request, who, values=told, wrong=errors(problem, words_of(request)))
    return after_post(request, f"/opinion/desk/corrections/{case_id}?done=1")


async def _desk(
    request: Request,
    who: Principal,
    *,
    closed: bool = False,
    cursor: str | None = None,
    values: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        page = await queries.latest_corrections(connection, cursor, _LISTED, county=who.county, closed=closed)
        units = names_of(words, await queries.units(connection, who.county))
    return render(
        request,
        "desk_corrections.html",
        status=422 if wrong else 200,
        tab="desk",
        closed=closed,
        cases=page["items"],
        next=page["next_cursor"],
        names=units,
        units=list(units.items()),
        writes=who.is_any(_OPERATORS),
        source_kinds=options(words, "source_kind", SourceKind),
        values=values or {},
        errors=wrong or {},
    )


# -- one case ----------------------------------------------------------------------------------------------------------


@router.api_route("/{case_id}", methods=_PAGE)
async def case(request: Request, who: Reader, case_id: UUID, done: bool = False) -> Response:
    return await _page(request, who, case_id, done=done)


@router.post("/{case_id}/claim")
async def describe(request: Request, who: Operator, case_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        given = body(DescribeCorrection, {name: told.get(name) for name in ("claim", "claim_link")})
        return lambda connection, _: corrections.describe_correction(
            connection, who, case_id, given.claim, given.claim_link
        )

    return await _take(request, who, case_id, told, command)


@router.post("/{case_id}/evidence")
async def evidence(request: Request, who: Operator, case_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        item = {name: told[name] for name in ("link", "title", "kind") if name in told}
        given = body(AddEvidence, {"evidence": [item]})
        items = [EvidenceRow(each.link, each.title, each.kind) for each in given.evidence]
        return lambda connection, _: corrections.add_evidence(connection, who, case_id, items)

    names = {"evidence_0_link": "link", "evidence_0_title": "title", "evidence_0_kind": "kind", "evidence_0": "link"}
    return await _take(request, who, case_id, told, command, names)


@router.post("/{case_id}/timeline")
async def entry(request: Request, who: Operator, case_id: UUID) -> Response:
    told, zone = await filled_in(request), request.app.state.settings.zone

    def command() -> Command:
        given = body(AddEntry, {"text": told.get("text"), "at": moment(told.get("at"), zone)})
        return lambda connection, clock: corrections.add_entry(connection, clock, who, case_id, given.text, given.at)

    return await _take(request, who, case_id, told, command)


@router.post("/{case_id}/close")
async def close(request: Request, who: Operator, case_id: UUID) -> Response:
    told = await filled_in(request)

    def command() -> Command:
        fields = {name: told.get(name) for name in ("outcome", "official_source", "finding")}
        given = body(CloseCorrection, fields | {"media_met": answer(told.get("media_met"))})
        closing = corrections.Closing(
            given.outcome, [], official(given.official_source), given.media_met, None, given.finding
        )
        return lambda connection, clock: corrections.close_correction(connection, clock, who, case_id, closing)

    return await _take(request, who, case_id, told, command, {"evidence": ""})


async def _take(
    request: Request,
    who: Principal,
    case_id: UUID,
    told: dict[str, str],
    command: Callable[[], Command],
    names: Mapping[str, str] | None = None,
) -> Response:
    """One step from its form: on to the case's page, or back to the form."""
    try:
        await submit(request, command())
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("not_found", "forbidden"):
            raise
        step = request.url.path.rpartition("/")[2]
        wrong = errors(problem, words_of(request), names)
        return await _page(request, who, case_id, status=422, values=told, wrong=wrong, step=step)
    return after_post(request, f"/opinion/desk/corrections/{case_id}?done=1")


async def _page(
    request: Request,
    who: Principal,
    case_id: UUID,
    *,
    status: int = 200,
    values: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
    step: str = "",
    done: bool = False,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        found = await queries.correction(connection, case_id)
        who.must_serve(found["county"])
        names = names_of(words, await queries.units(connection))
    return render(
        request,
        "desk_correction.html",
        status=status,
        tab="desk",
        case=found,
        unit=names.get(found["unit_id"]) or found["unit_id"],
        writes=who.is_any(_OPERATORS),
        done=done,
        step=step,
        evidence_kinds=options(words, "evidence_kind", EvidenceKind),
        outcomes=options(words, "correction_outcome", CorrectionOutcome),
        values=values or {},
        errors=wrong or {},
    )
