"""Training over HTTP: sessions and attendances."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.training import commands, queries, rules
from services.training.models import (
    Attendance,
    CancelSession,
    Entry,
    HoldSession,
    Message,
    Page,
    RecordAttendances,
    Recorded,
    Row,
    Session,
    SessionWithVenues,
    VoidAttendance,
)
from shared.access.guard import Operator, Reader
from shared.clock import Clock
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1")


# -- sessions ----------------------------------------------------------------------------------------------------------


@router.post("/sessions", status_code=201, response_model=SessionWithVenues, tags=["sessions"])
async def hold_session(request: Request, who: Operator, told: HoldSession) -> Response:
    """Enters a session that was held. Its county is that of its first organiser."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        new = commands.NewSession(
            told.kind,
            Names(zh=told.title.zh, en=told.title.en),
            told.starts_at,
            told.hours,
            told.venue_count,
            told.organisers,
            told.joint_with,
        )
        session_id = await commands.hold_session(connection, clock, new)
        return await _session_answer(connection, session_id, 201)

    return await write(request, work)


@router.post("/sessions/{session_id}/cancel", response_model=SessionWithVenues, tags=["sessions"])
async def cancel_session(request: Request, who: Operator, session_id: UUID, told: CancelSession) -> Response:
    """Cancels a session, and voids each of its attendances. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.cancel_session(connection, clock, session_id, told.reason, _version_read(request))
        return await _session_answer(connection, session_id, 200)

    return await write(request, work)


@router.get("/sessions", response_model=Page[Session], tags=["sessions"])
async def list_sessions(request: Request, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> Any:
    async with reading(request) as connection:
        return await queries.sessions(connection, cursor, limit)


@router.get("/sessions/{session_id}", response_model=SessionWithVenues, tags=["sessions"])
async def show_session(request: Request, who: Reader, response: Response, session_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.session(connection, session_id)
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
        decided = iter(await commands.record_list(connection, clock, session_id, attendances))
        results = [row if isinstance(row, Refusal) else next(decided) for row in rows]
        answers = [_row(number, result, dry_run) for number, result in enumerate(results)]
        recorded = sum(answer.status == "recorded" for answer in answers)
        return Answer(Recorded(dry_run=dry_run, recorded=recorded, refused=len(rows) - recorded, rows=answers))

    return await write(request, work, dry_run=dry_run)


@router.post("/attendances/{attendance_id}/void", response_model=Attendance, tags=["attendances"])
async def void_attendance(request: Request, who: Operator, attendance_id: UUID, told: VoidAttendance) -> Response:
    """Voids an attendance: it stands in the list, and counts no more. ``If-Match`` is heeded."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.void_attendance(connection, clock, attendance_id, told.reason, _version_read(request))
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
        return await queries.attendances(connection, cursor, limit, session_id=session_id, volunteer_id=volunteer_id)


@router.get("/attendances/{attendance_id}", response_model=Attendance, tags=["attendances"])
async def show_attendance(request: Request, who: Reader, response: Response, attendance_id: UUID) -> Any:
    async with reading(request) as connection:
        found = await queries.attendance(connection, attendance_id)
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


def _version_read(request: Request) -> int | None:
    """What If-Match tells. Not required: what is undone cannot be undone again, so no update can be lost."""
    told = request.headers.get("if-match", "*").strip()
    if told == "*":
        return None
    number = told.strip('"')
    if told != f'"{number}"' or not number.isdecimal():
        raise Refusal("version_conflict")
    return int(number)
