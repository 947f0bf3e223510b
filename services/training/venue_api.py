"""Venues over HTTP: their names, links to their pages, who is expected; and lists of attendances as files."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.training import lists, planning, queries, rules, uploading, venues
from services.training.models import (
    Expect,
    ExpectedList,
    ExpectedRow,
    Link,
    Message,
    NameVenues,
    Recorded,
    Row,
    SessionWithVenues,
)
from services.training.reading import version_read
from shared import tables
from shared.access.guard import Operator
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web import uploads
from shared.web.writes import Answer, submit, write

router = APIRouter(prefix="/api/v1")


@router.put("/sessions/{session_id}/venues", response_model=SessionWithVenues, tags=["venues"])
async def name_venues(request: Request, who: Operator, session_id: UUID, told: NameVenues) -> Response:
    """Replaces the list of venues. After the session was held their number stays. Takes ``If-Match``."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        named = [planning.NewVenue(venue.name, venue.unit_id, venue.capacity) for venue in told.venues]
        await planning.name_venues(connection, who, session_id, named, version_read(request, required=True))
        found = await queries.session(connection, session_id)
        return Answer(SessionWithVenues(**found), 200, found["version"])

    return await write(request, work)


@router.post("/sessions/{session_id}/venues/{venue_no}/link", response_model=Link, status_code=201, tags=["venues"])
async def issue_link(request: Request, who: Operator, session_id: UUID, venue_no: int) -> Link:
    """A new private link to the venue's page, for its host; an earlier one ends. It is shown once and works on the days
    of the session. An ``Idempotency-Key`` is not heeded: its answer would have to be kept."""

    async def work(connection: Connection, clock: Clock) -> str:
        return await venues.issue_link(connection, clock, who, session_id, venue_no)

    return Link(path=await submit(request, work))


@router.delete("/sessions/{session_id}/venues/{venue_no}/link", response_model=SessionWithVenues, tags=["venues"])
async def revoke_link(request: Request, who: Operator, session_id: UUID, venue_no: int) -> Response:
    """Ends the venue's link at once."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await venues.revoke_link(connection, clock, who, session_id, venue_no)
        return Answer(SessionWithVenues(**await queries.session(connection, session_id)))

    return await write(request, work)


@router.put("/sessions/{session_id}/expected", response_model=ExpectedList, tags=["venues"])
async def expect(request: Request, who: Operator, session_id: UUID, told: Expect) -> Response:
    """Replaces the list of those expected, and answers row by row; refused rows are left out of it."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows = [rules.Expected(row.volunteer_id, row.venue_no, row.list_no) for row in told.entries]
        results = await venues.expect(connection, who, session_id, rows)
        answers = [_expected(number, result) for number, result in enumerate(results)]
        count = sum(answer.status == "expected" for answer in answers)
        return Answer(ExpectedList(expected=count, refused=len(answers) - count, rows=answers))

    return await write(request, work)


@router.get("/attendance-lists/template.xlsx", tags=["attendances"], response_class=Response)
async def list_template(who: Operator) -> Response:
    """An empty list of attendances."""
    return uploads.workbook(tables.template(lists.ATTENDED), "attendances.xlsx")


@router.post(
    "/sessions/{session_id}/attendance-list", response_model=Recorded, tags=["attendances"], openapi_extra=uploads.FILE
)
async def upload_list(request: Request, who: Operator, session_id: UUID, dry_run: bool = False) -> Response:
    """Records a list sent as a workbook or CSV file (the body), and answers row by row; rows that are refused do not hold
    up the others. Where the request accepts a workbook, it is answered with a copy of the list with the errors in
    it. With ``dry_run`` nothing of it stays."""
    request, content = await uploads.received(request)
    table = await uploads.read(content, lists.ATTENDED, lists.MAX_ROWS)

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows = await uploading.record_table(connection, clock, who, session_id, table, dry_run=dry_run)
        recorded = sum(row["status"] == "recorded" for row in rows)
        return Answer(
            Recorded(
                dry_run=dry_run, recorded=recorded, refused=len(rows) - recorded, rows=[Row(**row) for row in rows]
            )
        )

    return await uploads.answered(request, await write(request, work, dry_run=dry_run), table)


def _expected(number: int, result: rules.Expected | Refusal) -> ExpectedRow:
    if isinstance(result, Refusal):
        pointer = f"/entries/{number}{result.pointer or ''}"
        message = Message(**result.message)
        return ExpectedRow(row=number, status="refused", code=result.code, pointer=pointer, message=message)
    return ExpectedRow(row=number, status="expected")
