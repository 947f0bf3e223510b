"""Training's pages for operators: sessions planned and held, one session with its venues and lists, the year's plan."""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from services.training import commands, lists, planning, queries, uploading, venues, year_plan
from services.training.models import CancelSession, HoldPlanned, NameVenues, PlanSession, VoidAttendance
from services.training.reading import new_session
from shared.access.guard import Operator, Reader
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.contracts.training import SessionKind, VoidReason
from shared.postgres import Connection
from shared.tables import Table
from shared.web.forms import absolute, body, errors, filled_in, moment, named, number, options, whole
from shared.web.pages import after_post, redirect, render, words_of
from shared.web.paging import Cursor
from shared.web.reads import reading, snapshot
from shared.web.upload_pages import Kind, UploadPages
from shared.web.writes import submit

TEMPLATES = Path(__file__).with_name("templates")
router = APIRouter(include_in_schema=False)
_PAGE = ["GET", "HEAD"]
_LISTED = 30
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_WRITERS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)
_STATES = ("held", "planned", "cancelled")
_FIELDS = {"organisers": "organiser", "title": "title_zh", "venues": "venues"}
"""Where the form's fields are not called as in the body."""
_TEXTS = ("kind", "joint_with", "ends_on")


async def _run_attended(
    connection: Connection, clock: Clock, who: Principal, about: str, table: Table, tried: bool
) -> list[Any]:
    return await uploading.record_table(connection, clock, who, UUID(about), table, dry_run=tried)


async def _run_expected(
    connection: Connection, clock: Clock, who: Principal, about: str, table: Table, tried: bool
) -> list[Any]:
    return await uploading.expect_table(connection, clock, who, UUID(about), table)


def _session_path(about: object) -> str:
    return f"/training/sessions/{about}"


uploads = UploadPages(
    "training",
    {
        "attended": Kind(lists.ATTENDED, lists.MAX_ROWS, _run_attended, _session_path),
        "expected": Kind(lists.EXPECTED, lists.MAX_ROWS, _run_expected, _session_path),
    },
)


# -- lists -------------------------------------------------------------------------------------------------------------


@router.api_route("/", methods=_PAGE)
async def home(request: Request, who: Reader) -> Response:
    return redirect(request, "/training/sessions")


@router.api_route("/sessions", methods=_PAGE)
async def sessions(request: Request, who: Reader, state: str = "held", cursor: Cursor = None) -> Response:
    """Those held, the latest first; those planned, the next one first; those cancelled."""
    state = state if state in _STATES else "held"
    async with reading(request) as connection:
        page = await queries.sessions_by_day(connection, who.county, state, cursor, _LISTED)
        units = await _units(request, connection)
    return render(
        request,
        "sessions.html",
        tab=state,
        state=state,
        sessions=page["items"],
        next=page["next_cursor"],
        units=units,
        writes=who.is_any(_WRITERS),
    )


@router.api_route("/plan", methods=_PAGE)
async def plan(request: Request, who: Reader, year: str = "") -> Response:
    """A year's plan against what was held."""
    settings = request.app.state.settings
    this_year = datetime.now(settings.zone).year
    chosen = int(year) if re.fullmatch(r"2[0-9]{3}", year) and int(year) <= 2100 else this_year
    async with reading(request) as connection:
        rows = await queries.plan(connection, who.county, chosen, settings.time_zone)
    return render(
        request,
        "plan.html",
        tab="plan",
        plan=year_plan.told(chosen, rows),
        year=chosen,
        writes=who.is_any(_WRITERS),
    )


# -- entering and changing a plan --------------------------------------------------------------------------------------


@router.api_route("/sessions/new", methods=_PAGE)
async def new(request: Request, who: Operator) -> Response:
    return await _form(request, who, {"venue_count": "1"})


@router.post("/sessions/new")
async def enter(request: Request, who: Operator) -> Response:
    """Plans a session, or enters one that was held, as the button says."""
    told = (await filled_in(request)).told
    command = planning.hold_session if told.get("what") == "held" else planning.plan_session

    async def work(connection: Connection, clock: Clock) -> UUID:
        return await command(connection, clock, who, _told_session(request, told))

    try:
        session_id = await submit(request, work)
    except (ValidationError, Refusal) as problem:
        return await _form(request, who, told, _wrong(request, problem))
    return after_post(request, f"{_session_path(session_id)}?done=entered")


@router.api_route("/sessions/{session_id}/edit", methods=_PAGE)
async def edit(request: Request, who: Operator, session_id: UUID) -> Response:
    async with snapshot(request) as connection:
        found = await queries.session(connection, session_id)
    who.must_serve(found["county"])
    if found["state"] != "planned":
        return redirect(request, _session_path(session_id))  # only a plan can be changed
    zone = request.app.state.settings.zone
    values = {
        "title_zh": found["title"]["zh"],
        "title_en": found["title"].get("en", ""),
        "kind": found["kind"],
        "starts_at": found["starts_at"].astimezone(zone).strftime("%Y-%m-%dT%H:%M"),
        "ends_on": found["ends_on"].isoformat() if found["ends_on"] else "",
        "hours": f"{found['hours']:g}",
        "organiser": found["organisers"][0],
        "others": " ".join(found["organisers"][1:]),
        "joint_with": found["joint_with"] or "",
        "venue_count": str(found["venue_count"]),
        "venues": _lines(found["venues"]),
        "version": str(found["version"]),
    }
    return await _form(request, who, values, session=found)


@router.post("/sessions/{session_id}/edit")
async def change(request: Request, who: Operator, session_id: UUID) -> Response:
    told = (await filled_in(request)).told

    async def work(connection: Connection, clock: Clock) -> None:
        version = whole(told.get("version"))
        if not isinstance(version, int):
            raise Refusal("version_required")
        session = _told_session(request, told)
        await planning.change_plan(connection, clock, who, session_id, session, version)

    try:
        await submit(request, work)
    except (ValidationError, Refusal) as problem:
        async with snapshot(request) as connection:
            found = await queries.session(connection, session_id)
        who.must_serve(found["county"])
        return await _form(request, who, told, _wrong(request, problem), session=found)
    return after_post(request, f"{_session_path(session_id)}?done=changed")


async def _form(
    request: Request,
    who: Principal,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
    *,
    session: Mapping[str, Any] | None = None,
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        units = await queries.units(connection, who.county)
    return render(
        request,
        "session_form.html",
        status=422 if wrong else 200,
        tab="new",
        session=session,
        units=[(unit["unit_id"], named(words, unit["name"])) for unit in units],
        kinds=options(words, "training.kind", SessionKind),
        values=values,
        errors=wrong or {},
    )


def _told_session(request: Request, told: Mapping[str, str]) -> planning.NewSession:
    """Raises ValidationError, Refusal."""
    title = {"zh": told.get("title_zh"), "en": told.get("title_en")}
    fields: dict[str, Any] = {name: told.get(name) for name in _TEXTS}
    venues_told = _told_venues(told.get("venues", ""))
    fields |= {
        "title": {name: text for name, text in title.items() if text},
        "starts_at": moment(told.get("starts_at"), request.app.state.settings.zone),
        "hours": number(told.get("hours")),
        "venues": venues_told or None,
        "venue_count": None if venues_told else whole(told.get("venue_count")),
    }
    first, others = told.get("organiser"), re.split(r"[\s,，、;；]+", told.get("others", ""))
    # Without a first one there is none: the others do not move up.
    fields["organisers"] = list(dict.fromkeys(filter(None, [first, *others]))) if first else []
    return new_session(body(PlanSession, fields))


def _told_venues(text: str) -> list[dict[str, Any]]:
    """One venue a line: name, then unit code and seats, divided by bars."""
    found: list[dict[str, Any]] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, unit_id, capacity, *_ = [part.strip() for part in re.split(r"[|｜]", line)] + ["", ""]
        told = {"name": name, "unit_id": unit_id or None, "capacity": whole(capacity) or None}
        found.append({key: value for key, value in told.items() if value is not None})
    return found


def _lines(told: list[dict[str, Any]]) -> str:
    named_ones = [venue for venue in told if venue["name"]]
    return "\n".join(
        " | ".join([venue["name"], venue["unit_id"] or "", str(venue["capacity"] or "")]).rstrip(" |")
        for venue in named_ones
    )


# -- one session -------------------------------------------------------------------------------------------------------


@router.api_route("/sessions/{session_id}", methods=_PAGE)
async def session(
    request: Request,
    who: Reader,
    session_id: UUID,
    done: str = "",
    link: str = "",
    venue: int = 0,
    cursor: Cursor = None,
) -> Response:
    return await _session(request, who, session_id, done=done, link=link, venue=venue, cursor=cursor)


async def _session(
    request: Request,
    who: Principal,
    session_id: UUID,
    *,
    step: str = "",
    values: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    done: str = "",
    link: str = "",
    venue: int = 0,
    cursor: str | None = None,
) -> Response:
    """``step``: the form that was not taken, with what was filled in and what is wrong."""
    words = words_of(request)
    async with snapshot(request) as connection:
        found = await queries.session(connection, session_id, who.county)
        attendances = await queries.attendances(
            connection, who.county, cursor, _LISTED, session_id=session_id, volunteer_id=None
        )
        units = await _units(request, connection)
    own = who.county in (None, found["county"])
    return render(
        request,
        "session.html",
        status=422 if step else 200,
        tab=found["state"],
        session=found,
        attendances=attendances["items"],
        next=attendances["next_cursor"],
        units=units,
        days=_days(request, found),
        writes=who.is_any(_WRITERS),
        own=own and who.is_any(_WRITERS),
        county=who.county,
        columns={
            "attended": ", ".join(column.named(words.language) for column in lists.ATTENDED),
            "expected": ", ".join(column.named(words.language) for column in lists.EXPECTED),
        },
        most=lists.MAX_ROWS,
        void_reasons=options(words, "training.void_reason", VoidReason),
        venue_lines=_lines(found["venues"]),
        step=step,
        values=values or {},
        errors=wrong or {},
        done=done
        if done in ("entered", "changed", "held", "cancelled", "voided", "venues", "link", "link_ended")
        else "",
        link=absolute(request, f"/training/venue/{link}") if _TOKEN.fullmatch(link) else "",
        venue=venue,
    )


Command = Callable[[Connection, Clock], Awaitable[Any]]


async def _step(
    request: Request,
    who: Principal,
    session_id: UUID,
    step: str,
    told: Mapping[str, str],
    command: Callable[[], Command],
    query: str,
) -> Response:
    """One form of the session's page: done and shown, or shown again with what is wrong."""
    try:
        await submit(request, command())
    except (ValidationError, Refusal) as problem:
        if isinstance(problem, Refusal) and problem.code in ("forbidden", "not_found"):
            raise
        wrong = _wrong(request, problem)
        return await _session(request, who, session_id, step=step, values=told, wrong=wrong)
    return after_post(request, f"{_session_path(session_id)}{query}")


@router.post("/sessions/{session_id}/hold")
async def hold(request: Request, who: Operator, session_id: UUID) -> Response:
    told = (await filled_in(request)).told

    def command() -> Command:
        fields = {
            "starts_at": moment(told.get("starts_at"), request.app.state.settings.zone),
            "ends_on": told.get("ends_on"),
            "hours": number(told.get("hours")),
            "venue_count": whole(told.get("venue_count")),
        }
        held = body(HoldPlanned, fields)
        as_held = planning.AsHeld(held.starts_at, held.ends_on, held.hours, held.venue_count)
        return lambda connection, clock: planning.hold_planned(connection, clock, who, session_id, as_held, None)

    return await _step(request, who, session_id, "hold", told, command, "?done=held")


@router.post("/sessions/{session_id}/cancel")
async def cancel(request: Request, who: Operator, session_id: UUID) -> Response:
    told = (await filled_in(request)).told

    def command() -> Command:
        reason = body(CancelSession, {"reason": told.get("reason")}).reason
        return lambda connection, clock: planning.cancel_session(connection, clock, who, session_id, reason)

    return await _step(request, who, session_id, "cancel", told, command, "?done=cancelled")


@router.post("/sessions/{session_id}/venues")
async def name_venues(request: Request, who: Operator, session_id: UUID) -> Response:
    told = (await filled_in(request)).told

    def command() -> Command:
        named_ones = body(NameVenues, {"venues": _told_venues(told.get("venues", ""))}).venues
        new = [planning.NewVenue(venue.name, venue.unit_id, venue.capacity) for venue in named_ones]
        version = whole(told.get("version"))
        version = version if isinstance(version, int) else None
        return lambda connection, _: planning.name_venues(connection, who, session_id, new, version)

    return await _step(request, who, session_id, "venues", told, command, "?done=venues")


@router.post("/sessions/{session_id}/venues/{venue_no}/link")
async def issue_link(request: Request, who: Operator, session_id: UUID, venue_no: int) -> Response:
    async def work(connection: Connection, clock: Clock) -> str:
        return await venues.issue_link(connection, clock, who, session_id, venue_no)

    token = (await submit(request, work)).rpartition("/")[2]
    return after_post(request, f"{_session_path(session_id)}?done=link&venue={venue_no}&link={token}")


@router.post("/sessions/{session_id}/venues/{venue_no}/end-link")
async def end_link(request: Request, who: Operator, session_id: UUID, venue_no: int) -> Response:
    command = partial(venues.revoke_link, who=who, session_id=session_id, venue_no=venue_no)
    await submit(request, lambda connection, clock: command(connection, clock))
    return after_post(request, f"{_session_path(session_id)}?done=link_ended")


@router.post("/sessions/{session_id}/attended")
async def upload_attended(request: Request, who: Operator, session_id: UUID) -> Response:
    return await _upload(request, who, session_id, "attended")


@router.post("/sessions/{session_id}/expected")
async def upload_expected(request: Request, who: Operator, session_id: UUID) -> Response:
    return await _upload(request, who, session_id, "expected")


async def _upload(request: Request, who: Principal, session_id: UUID, kind: str) -> Response:
    try:
        return await uploads.take(request, who, kind, str(session_id))
    except Refusal as refusal:
        if refusal.code in ("forbidden", "not_found"):
            raise
        # Whatever is wrong with the whole is wrong with the file.
        message = "".join(_wrong(request, Refusal(refusal.code, pointer="/file", **refusal.detail))["file"])
        return await _session(request, who, session_id, step=kind, wrong={f"{kind}-file": message})


@router.post("/sessions/{session_id}/attendances/{attendance_id}/void")
async def void(request: Request, who: Operator, session_id: UUID, attendance_id: UUID) -> Response:
    told = (await filled_in(request)).told

    def command() -> Command:
        reason = body(VoidAttendance, {"reason": told.get("reason")}).reason
        return lambda connection, clock: commands.void_attendance(connection, clock, who, attendance_id, reason)

    return await _step(request, who, session_id, "void", told, command, "?done=voided#attendances")


def _wrong(request: Request, problem: ValidationError | Refusal) -> dict[str, str]:
    found = errors(problem, words_of(request), _FIELDS | {"title_zh": "title_zh", "title_en": "title_en"})
    if isinstance(problem, Refusal) and not (problem.pointer or "").strip("/"):
        found[""] = problem.message[words_of(request).language]
    return found


def _days(request: Request, session: Mapping[str, Any]) -> str:
    """``2014-05-27``, or ``2014-05-27 – 2014-05-29``."""
    first = session["starts_at"].astimezone(request.app.state.settings.zone).date()
    last = session["ends_on"]
    return f"{first} – {last}" if last and last != first else str(first)


async def _units(request: Request, connection: Connection) -> dict[str, str]:
    """Names of units by their codes."""
    words = words_of(request)
    return {unit["unit_id"]: named(words, unit["name"]) for unit in await queries.units(connection, None)}
