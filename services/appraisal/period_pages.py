"""The life of a period as pages: what counties say of their figures, closing, what came late, reopening, the chain."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.appraisal import commands, period_storage, reports
from services.appraisal.models import Close, Committee, Confirm, Objection, Reopen, Resolve
from services.appraisal.period_api import state_of
from services.appraisal.period_switch import period_name, period_switch
from services.appraisal.periods import Period
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.settings import Settings
from shared.web.forms import body, errors, filled_in
from shared.web.pages import after_post, failure, redirect, render, wants_page, words_of
from shared.web.pages import asked as query
from shared.web.reads import reading, snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_CHAIN = 200
_DONE = ("closed", "reopened", "confirmed", "objected", "answered")


@router.api_route("/periods", methods=_PAGE)
async def closed_reports(request: Request, who: Reader) -> Response:
    """All closed reports, each bound to the one before it."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    async with reading(request) as connection:
        chain = await period_storage.chain(connection, None, _CHAIN)
    year = datetime.now(settings.zone).year
    open_ones = [Period.parse(code) for code in (f"{year - 1}", f"{year}-H1", f"{year}-H2", f"{year}")]
    return render(
        request,
        "closed_reports.html",
        tab="periods",
        chain=chain,
        names={row["period"]: period_name(Period.parse(row["period"]), words) for row in chain},
        nearby=[(period.code, period_name(period, words)) for period in open_ones],
    )


@router.api_route("/periods/{period}", methods=_PAGE)
async def period_page(request: Request, who: Reader, period: str, done: str = "") -> Response:
    return await _page(request, who, period, done=done)


async def _page(
    request: Request,
    who: Principal,
    period: str,
    *,
    step: str = "",
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    done: str = "",
) -> Response:
    """``step``: the form that was not taken, with what was filled in and what is wrong."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    now = datetime.now(UTC)
    try:
        asked = reports.question(period, None, None, now, settings.zone)
    except Refusal as refusal:
        if not wants_page(request):
            raise
        return failure(request, refusal, hint=words("appraisal.error.unknown_period", period=period))
    async with snapshot(request) as connection:
        state = await state_of(connection, who, period, now, settings.zone)
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        objections = await period_storage.objections(connection, period, who.county)
        chain = await period_storage.chain(connection, period, _CHAIN)
    names = {row["county"]: row["name"].get(words.language) or row["name"]["zh"] for row in report["counties"]}
    operator = who.is_any((Role.COUNTY_OPERATOR, Role.CITY_OPERATOR))
    return render(
        request,
        "period.html",
        status=422 if step else 200,
        tab="periods",
        period=period,
        name=period_name(asked.period, words),
        asked=asked,
        state=state,
        open=state["status"] == "running",
        restated=report.get("restated"),
        ranks={row["county"]: row["rank"] for row in report["counties"]},
        chain=chain,
        objections=objections,
        names=names,
        own=_own_bodies(who, state["counties"]) if operator else [],
        indicators=[
            (each.indicator, words(f"appraisal.indicator.{each.indicator}.name")) for each in asked.scheme.indicators
        ],
        closes=who.is_any((Role.COMMITTEE,)),
        step=step,
        values=values or {},
        errors=wrong or {},
        done=done if done in _DONE else "",
        switch=period_switch(
            asked.period,
            lambda code: f"/appraisal/periods/{code}{query(lang=request.query_params.get('lang'))}",
            words,
            now.astimezone(settings.zone).date(),
        ),
    )


def _own_bodies(who: Principal, counties: list[dict[str, Any]]) -> list[str]:
    """The codes that somebody speaks for: an operator's own county; without one, the city level."""
    if who.county is not None:
        return [who.county] if any(row["county"] == who.county for row in counties) else []
    return [row["county"] for row in counties if row["is_city"]]


# -- counties -----------------------------------------------------------------------------------------------------------


@router.post("/periods/{period}/confirm")
async def confirm(request: Request, who: Operator, period: str) -> Response:
    """The figures that were looked at; refused where they have changed since."""
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        figures = body(Confirm, {"figures": told.get("figures")}).figures
        await commands.confirm(connection, clock, who, period, told.get("county", ""), told_digest=figures)

    return await _step(request, who, period, "confirm", told, work, "confirmed")


@router.post("/periods/{period}/objections")
async def object_to(request: Request, who: Operator, period: str) -> Response:
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        wanted = body(Objection, {name: told.get(name) for name in ("indicator", "event_id", "text")})
        await commands.object_to(
            connection,
            clock,
            who,
            period,
            told.get("county", ""),
            indicator=wanted.indicator,
            event_id=wanted.event_id,
            text=wanted.text,
        )

    return await _step(request, who, period, "object", told, work, "objected")


async def _step(
    request: Request, who: Principal, period: str, step: str, told: Mapping[str, str], work: Any, done: str
) -> Response:
    """One form of the period's page: done and shown, or shown again with what is wrong."""
    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("forbidden", "unavailable"):
            raise
        wrong = errors(problem, words_of(request))
        return await _page(request, who, period, step=step, values=told, wrong=wrong)
    return after_post(request, f"/appraisal/periods/{period}?done={done}")


# -- the committee ------------------------------------------------------------------------------------------------------


@router.api_route("/periods/{period}/closing", methods=_PAGE)
async def closing(request: Request, who: Committee, period: str) -> Response:
    """What closing would fix, to be looked at before it is done."""
    return await _before(request, who, period, "closing")


@router.api_route("/periods/{period}/reopening", methods=_PAGE)
async def reopening(request: Request, who: Committee, period: str) -> Response:
    return await _before(request, who, period, "reopening")


async def _before(
    request: Request,
    who: Principal,
    period: str,
    step: str,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    """The page before a step that the outside is told of. Where the step is not to be taken: the period's page."""
    settings: Settings = request.app.state.settings
    words = words_of(request)
    now = datetime.now(UTC)
    asked = reports.question(period, None, None, now, settings.zone)
    async with snapshot(request) as connection:
        state = await state_of(connection, who, period, now, settings.zone)
        asked = await reports.settled(connection, asked, settings.zone)
        report = await reports.report(connection, asked, prefix=settings.topic_prefix, now=now, zone=settings.zone)
        objections = await period_storage.objections(connection, period, None, state["revision"])
    may = state["may_close"] if step == "closing" else state["status"] == "closed"
    if not may and not wrong:
        return redirect(request, f"/appraisal/periods/{period}")
    return render(
        request,
        f"{step}.html",
        status=422 if wrong else 200,
        tab="periods",
        period=period,
        name=period_name(asked.period, words),
        state=state,
        scheme=asked.scheme.to_data(),
        ranks={row["county"]: row["rank"] for row in report["counties"]},
        names={row["county"]: row["name"].get(words.language) or row["name"]["zh"] for row in report["counties"]},
        unconfirmed=[row for row in state["counties"] if not row["confirmed"]],
        open_ones=[each for each in objections if each["outcome"] is None],
        restated=report.get("restated"),
        values=values or {},
        errors=wrong or {},
    )


@router.post("/periods/{period}/close")
async def close(request: Request, who: Committee, period: str) -> Response:
    settings: Settings = request.app.state.settings
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        wanted = body(Close, {"force": "force" in told, "reason": told.get("reason")})
        await commands.close(
            connection, clock, who, period, settings.topic_prefix, force=wanted.force, reason=wanted.reason
        )

    try:
        await submit(request, work, isolation="repeatable_read")
    except (ValidationError, Refusal) as problem:
        return await _before(request, who, period, "closing", told, errors(problem, words_of(request)))
    return after_post(request, f"/appraisal/periods/{period}?done=closed")


@router.post("/periods/{period}/reopen")
async def reopen(request: Request, who: Committee, period: str) -> Response:
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        await commands.reopen(connection, clock, who, period, body(Reopen, {"reason": told.get("reason")}).reason)

    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _before(request, who, period, "reopening", told, errors(problem, words_of(request)))
    return after_post(request, f"/appraisal/periods/{period}?done=reopened")


@router.api_route("/objections/{objection_id}", methods=_PAGE)
async def objection(request: Request, who: Committee, objection_id: UUID) -> Response:
    return await _objection(request, objection_id)


@router.post("/objections/{objection_id}")
async def answer(request: Request, who: Committee, objection_id: UUID) -> Response:
    """The committee answers, once; then to the period."""
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> str:
        wanted = body(Resolve, {name: told.get(name) for name in ("outcome", "answer")})
        done = await commands.resolve(connection, clock, who, objection_id, wanted.outcome, wanted.answer)
        return done["period"]

    try:
        period = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code == "not_found":
            raise
        return await _objection(request, objection_id, told, errors(problem, words_of(request)))
    return after_post(request, f"/appraisal/periods/{period}?done=answered")


async def _objection(
    request: Request,
    objection_id: UUID,
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        found = await period_storage.objection_told(connection, objection_id)
    if found is None:
        raise Refusal("not_found", pointer="path:objection_id")
    return render(
        request,
        "objection.html",
        status=422 if wrong else 200,
        tab="periods",
        objection=found,
        name=period_name(Period.parse(found["period"]), words),
        values=values or {},
        errors=wrong or {},
    )
