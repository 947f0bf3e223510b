"""Ledgers over HTTP: taken row by row, and given out in the same columns."""

import asyncio
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.roster import comparing, importing, ledger, queries
from shared.access.guard import Operator
from shared.clock import Clock
from shared.contracts.fields import UnitId
from shared.postgres import Connection
from shared.web import uploads
from shared.web.reads import snapshot
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1", tags=["ledgers"])
_XLSX: dict[str, Any] = {"content": {ledger.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
_GIVEN: dict[int | str, dict[str, Any]] = {200: {"description": "The workbook"} | _XLSX}


@router.get("/ledgers/template.xlsx", response_class=Response, responses=_GIVEN)
async def ledger_template(who: Operator) -> Response:
    """An empty ledger with drop-downs."""
    return uploads.workbook(ledger.template(), "ledger.xlsx")


@router.get("/ledgers/{unit_id}.xlsx", response_class=Response, responses=_GIVEN)
async def export_ledger(request: Request, who: Operator, unit_id: UnitId, parts: bool = False) -> Response:
    """The unit's registered volunteers in the template's columns, with ``parts`` those of the units below it too; nothing
    personal. Importing it again changes nothing."""
    async with snapshot(request) as connection:
        who.must_serve((await queries.unit(connection, unit_id))["county"])
        rows = await queries.ledger(connection, unit_id, parts=parts)
    content = await asyncio.to_thread(ledger.written, rows, request.app.state.clock.zone)
    return uploads.workbook(content, f"ledger-{unit_id}.xlsx")


@router.post("/ledgers", openapi_extra={"requestBody": {"required": True} | _XLSX})
async def import_ledger(
    request: Request,
    who: Operator,
    dry_run: bool = False,
    unit_id: UnitId | None = None,
    answer: Annotated[Literal["json", "xlsx"], Query()] = "json",
) -> Response:
    """Takes a ledger (the workbook is the body) and answers row by row. With ``dry_run`` nothing of it stays. ``unit_id``: of
    rows that name none.

    Answers ``{dry_run, registered, already_registered, refused, contacts_kept, rows: [{row, status, …}]}``. ``status`` is
    ``registered`` (with ``volunteer_id`` and ``account_id``, null in a dry run, and ``possible_duplicate_of``:
    volunteers whom one serves, with the same contact),
    ``already_registered`` (with ``volunteer_id`` and why) or ``refused`` (with ``code``, ``pointer``: the column, ``message``
    {zh, en}). ``row``: its number in the sheet, headings are row 1. With ``answer=xlsx``, or where a workbook is accepted:
    a copy of the ledger with a result and what to do behind each row.
    """
    request, body = await uploads.received(request)
    read = await asyncio.to_thread(ledger.read, body, request.app.state.clock.zone, unit_id)

    async def work(connection: Connection, clock: Clock) -> Answer:
        vault = request.app.state.vault
        return Answer(await importing.import_lines(connection, clock, who, vault, read.lines, dry_run=dry_run))

    await comparing.noted(request.app.state.pool, who, importing.contacts_of(read.lines))
    response = await write(request, work, dry_run=dry_run)
    wanted = answer == "xlsx" or ledger.MEDIA_TYPE in request.headers.get("accept", "")
    if not wanted or response.status_code != 200:
        return response
    rows = json.loads(bytes(response.body))["rows"]
    return uploads.workbook(await asyncio.to_thread(importing.copy, read.table, rows), "ledger-checked.xlsx")
