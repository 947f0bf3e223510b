"""Training over HTTP: sessions and attendances."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.training import commands, planning, queries, rules, year_plan
from services.training.models import (
    Attendance,
    CancelSession,
    Entry,
    HoldPlanned,
    HoldSession,
    Message,
    Page,
    Plan,
    PlanSession,
    RecordAttendances,
    Recorded,
    Row,
    Session,
    SessionWithVenues,
    VoidAttendance,
)
from services.training.reading import new_session, version_read
from shared.access.guard import Operator, Reader, allowed
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1")


State = Annotated[Literal["planned", "held", "cancelled", "all"] | None, Query()]
PlanYear = Annotated[int, Query(ge=2000, le=2100)]
SessionReader = Annotated[
    Principal,
    allowed(Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR, Role.PRODUCER),
]


# -- sessions ----------------------------------------------------------------------------------------------------------


@router.post("/sessions", status_code=201, response_model=SessionWithVenues, tags=["sessions"])
async def hold_session(request: Request, who: Operator, told: HoldSession) -> Response:
    """Enters a session that was held. Its county is that of its first organiser."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        session_id = await planning.hold_session(connection, clock, who, new_session(told))
        return await _session_answer(connection, session_id, 201)

    return await write(request, work)


@router.post("/plan", status_code=201, response_model=SessionWithVenues, tags=["plan"])
async def plan_session(request: Request, who: Operator, told: PlanSession) -> Response:
    """Enters a session that is to be held. Nothing is published of it until it was."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        session_id = await planning.plan_session(connection, clock, who, new_session(told))
        return await _session_answer(connection, session_id, 201)

    return await write(request, work)


@router.get("/plan", response_model=Plan, tags=["plan"])
async def plan_against_held(request: Request, who: Reader, year: PlanYear) -> Any:
    """What was planned and what was held, by first organiser and quarter."""
    async with reading(request) as connection:
        rows = await queries.plan(connection, who.county, year, request.app.state.settings.time_zone)
    return year_plan.told(year, rows)


@router.put("/sessions/{session_id}", response_model=SessionWithVenues, tags=["plan"])
async def change_plan(request: Request, who: Operator, session_id: UUID, told: PlanSession) -> Response:
    """Changes a session that is planned. Takes ``If-Match`` with the ETag that was read."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        version = version_read(request, required=True)
        await planning.change_plan(connection, clock, who, session_id, new_session(told), version)
        return await _session_answer(connection, session_id, 200)

    return await write(request, work)


@router.post("/sessions/{session_id}/hold", response_model=SessionWithVenues, tags=["plan"])
async def hold_planned(request: Request, who: Operator, session_id: UUID, told: HoldPlanned) -> Response:
    """A planned session was held: as planned, or as told. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        as_held = planning.AsHeld(told.starts_at, told.ends_on, told.hours, told.venue_count)
        await planning.hold_planned(connection, clock, who, session_id, as_held, version_read(request))
        return await _session_answer(connection, session_id, 200)

    return await write(request, work)


@router.post("/sessions/{session_id}/cancel", response_model=SessionWithVenues, tags=["sessions"])
async def cancel_session(request: Request, who: Operator, session_id: UUID, told: CancelSession) -> Response:
    """Cancels a session; of one that was held, each of its attendances is voided. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await planning.cancel_session(connection, clock, who, session_id, told.reason, version_read(request))
        return await _session_answer(connection, session_id, 200)

    return await write(request, work)


@router.get("/sessions", response_model=Page[Session], tags=["sessions"])
async def list_sessions(
    request: Request, who: SessionReader, state: State = None, cursor: Cursor = None, limit: Limit = 100
) -> Any:
    """Sessions that were held, cancelled ones too; with ``state`` those alone. A county operator sees the county's own,
    those in which it takes part, and those of the city level."""
    async with reading(request) as connection:
        return await queries.sessions(connection, who.county, state, cursor, limit)


@router.get("/sessions/{session_id}", response_model=SessionWithVenues, tags=["sessions"])
async def show_session(request: Request, who: SessionReader, response: Response, session_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.session(connection, session_id, who.county)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


# -- attendances -------------------------------------------------------------------------------------------------------


@router.post("/sessions/{session_id}/attendances", response_model=Recorded, tags=["attendances"])
async def record_attendances(
    request: Request, who: Operator, session_id: UUID, told: RecordAttendances, dry_run: bool = False
) -> Response:
    """Records a list of attendances and answers row by row; rows that are refused do not hold up the others. With
    ``dry_run`` nothing of it stays."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows: Sequence[Entry | Refusal] = told.entries
        attendances = [
            rules.Attendance(session_id, row.volunteer_id, row.venue_no, row.hours, row.held_on)
            for row in rows
            if isinstance(row, Entry)
        ]
        decided = iter(await commands.record_list(connection, clock, who, session_id, attendances))
        results = [row if isinstance(row, Refusal) else next(decided) for row in rows]
        answers = [_row(number, result, dry_run) for number, result in enumerate(results)]
        recorded = sum(answer.status == "recorded" for answer in answers)
        return Answer(Recorded(dry_run=dry_run, recorded=recorded, refused=len(rows) - recorded, rows=answers))

    return await write(request, work, dry_run=dry_run)


@router.post("/attendances/{attendance_id}/void", response_model=Attendance, tags=["attendances"])
async def void_attendance(request: Request, who: Operator, attendance_id: UUID, told: VoidAttendance) -> Response:
    """Voids an attendance: it stands in the list, and counts no more. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.void_attendance(connection, clock, who, attendance_id, told.reason, version_read(request))
        found = await queries.attendance(connection, attendance_id)
        return Answer(Attendance(**found), 200, _version(found))

    return await write(request, work)


@router.get("/attendances", response_model=Page[Attendance], tags=["attendances"])
async def list_attendances(
    request: Request,
    who: Reader,
    session_id: UUID | None = None,
    volunteer_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Any:
    """Attendances, voided ones too; of one session, of one volunteer, or both."""
    async with reading(request) as connection:
        return await queries.attendances(
            connection, who.county, cursor, limit, session_id=session_id, volunteer_id=volunteer_id
        )


@router.get("/attendances/{attendance_id}", response_model=Attendance, tags=["attendances"])
async def show_attendance(request: Request, who: Reader, response: Response, attendance_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.attendance(connection, attendance_id)
    who.must_serve(found["county"])
    response.headers["ETag"] = f'"{_version(found)}"'
    return found


def _row(number: int, result: UUID | Refusal, dry_run: bool) -> Row:
    if isinstance(result, Refusal):
        pointer = f"/entries/{number}{result.pointer or ''}"
        return Row(row=number, status="refused", code=result.code, pointer=pointer, message=Message(**result.message))
    return Row(row=number, status="recorded", attendance_id=None if dry_run else result)


async def _session_answer(connection: Connection, session_id: UUID, status: int) -> Answer:
    found = await queries.session(connection, session_id)
    return Answer(SessionWithVenues(**found), status, found["version"])


def _version(attendance: dict[str, Any]) -> int:
    """An attendance changes once at most: when it is voided."""
    return 1 if attendance["voided"] is None else 2
