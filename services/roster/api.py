"""The roster over HTTP: units, quotas, volunteers, accounts, ledgers."""

import asyncio
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from services.roster import commands, ledger, queries, workbook
from services.roster.models import (
    Decline,
    DefineUnit,
    Disclose,
    Leave,
    Nominate,
    RedefineUnit,
    Register,
    SetQuota,
    Transfer,
    Withdraw,
)
from services.roster.rules import State
from shared.access.guard import CityOperator, Operator, Reader
from shared.clock import Clock
from shared.contracts.fields import Team, UnitId
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit, page
from shared.web.reads import reading, snapshot
from shared.web.writes import Answer, check_version, write

router = APIRouter(prefix="/api/v1")
Year = Annotated[int, Path(ge=2000, le=2100)]


# -- units and quotas --------------------------------------------------------------------------------------------------


@router.post("/units", status_code=201, tags=["units"])
async def define_unit(request: Request, who: CityOperator, told: DefineUnit) -> Response:
    """Defines a unit. A county's unit, and the city's, have their county's code."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        version = await commands.define_unit(connection, clock, _unit(told.unit_id, told))
        return Answer(await queries.unit(connection, told.unit_id), 201, version)

    return await write(request, work)


@router.put("/units/{unit_id}", tags=["units"])
async def redefine_unit(request: Request, who: CityOperator, unit_id: UnitId, told: RedefineUnit) -> Response:
    """Changes a unit. Takes ``If-Match`` with the ETag that was read."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        found = await queries.unit(connection, unit_id, lock=True)
        check_version(request, found["version"])
        version = await commands.redefine_unit(connection, clock, _unit(unit_id, told))
        return Answer(await queries.unit(connection, unit_id), 200, version)

    return await write(request, work)


@router.get("/units", tags=["units"])
async def list_units(request: Request, who: Reader, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    async with reading(request) as connection:
        return page(await queries.units(connection, cursor, limit), limit, ["unit_id"])


@router.get("/units/{unit_id}", tags=["units"])
async def show_unit(request: Request, who: Reader, response: Response, unit_id: UnitId) -> dict[str, Any]:
    async with reading(request) as connection:
        found = await queries.unit(connection, unit_id)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


@router.put("/units/{unit_id}/quotas/{team}/{year}", tags=["quotas"])
async def set_quota(
    request: Request, who: CityOperator, unit_id: UnitId, team: Team, year: Year, told: SetQuota
) -> Response:
    """Sets how many volunteers a unit may have in a team and year; 0 is a setting."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.set_quota(connection, clock, unit_id, team, year, told.quota)
        return Answer({"unit_id": unit_id, "team": team, "year": year, "quota": told.quota})

    return await write(request, work)


@router.get("/quotas", tags=["quotas"])
async def list_quotas(
    request: Request,
    who: Reader,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Quotas, each with how many of its places are ``filled``."""
    async with reading(request) as connection:
        found = await queries.quotas(connection, year, cursor, limit)
    return page(found, limit, ["unit_id", "team", "year"])


# -- volunteers --------------------------------------------------------------------------------------------------------


@router.post("/volunteers", status_code=201, tags=["volunteers"])
async def nominate(request: Request, who: Operator, told: Nominate) -> Response:
    """Nominates a volunteer; registering or declining follows."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        volunteer_id = await commands.nominate(connection, clock, told.unit_id, told.team, told.category)
        return await _volunteer(connection, volunteer_id, 201)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/register", tags=["volunteers"])
async def register(request: Request, who: Operator, volunteer_id: UUID, told: Register) -> Response:
    """Registers a nominated volunteer, or one who comes back, with recorded consent."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.register(connection, clock, volunteer_id, told.registered_on, told.consented_on)
        return await _volunteer(connection, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/decline", tags=["volunteers"])
async def decline(request: Request, who: Operator, volunteer_id: UUID, told: Decline) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.decline(connection, clock, volunteer_id, told.reason)
        return await _volunteer(connection, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/transfer", tags=["volunteers"])
async def transfer(request: Request, who: Operator, volunteer_id: UUID, told: Transfer) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.transfer(connection, clock, volunteer_id, told.to_unit_id, told.effective_on)
        return await _volunteer(connection, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/leave", tags=["volunteers"])
async def leave(request: Request, who: Operator, volunteer_id: UUID, told: Leave | None = None) -> Response:
    """Leaving takes no reason."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.leave(connection, clock, volunteer_id, told.left_on if told else None)
        return await _volunteer(connection, volunteer_id)

    return await write(request, work)


@router.get("/volunteers", tags=["volunteers"])
async def list_volunteers(
    request: Request,
    who: Reader,
    unit_id: UnitId | None = None,
    state: Annotated[State | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    async with reading(request) as connection:
        found = await queries.volunteers(connection, unit_id, state, cursor, limit)
    return page(found, limit, ["volunteer_id"])


@router.get("/volunteers/{volunteer_id}", tags=["volunteers"])
async def show_volunteer(request: Request, who: Reader, response: Response, volunteer_id: UUID) -> dict[str, Any]:
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id)
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


# -- accounts ----------------------------------------------------------------------------------------------------------


@router.post("/volunteers/{volunteer_id}/accounts", status_code=201, tags=["accounts"])
async def disclose(request: Request, who: Operator, volunteer_id: UUID, told: Disclose) -> Response:
    """Enters an account that its volunteer disclosed in public, seen and verified by an operator."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        disclosure = commands.Disclosure(told.platform, told.disclosed_at, told.verified_at, told.disclosure_url)
        account_id = await commands.disclose(connection, clock, volunteer_id, disclosure)
        return Answer(await queries.account(connection, account_id), 201)

    return await write(request, work)


@router.get("/volunteers/{volunteer_id}/accounts", tags=["accounts"])
async def list_accounts(request: Request, who: Reader, volunteer_id: UUID) -> dict[str, Any]:
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id)
    return {"items": found["accounts"], "next_cursor": None}


@router.post("/accounts/{account_id}/withdraw", tags=["accounts"])
async def withdraw(request: Request, who: Operator, account_id: UUID, told: Withdraw | None = None) -> Response:
    """From this instant on its shares do not count."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.withdraw(connection, clock, account_id, told.withdrawn_at if told else None)
        return Answer(await queries.account(connection, account_id))

    return await write(request, work)


# -- ledgers -----------------------------------------------------------------------------------------------------------


_XLSX: dict[str, Any] = {"content": {ledger.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}


@router.get(
    "/ledgers/template.xlsx",
    tags=["ledgers"],
    response_class=Response,
    responses={200: {"description": "The workbook"} | _XLSX},
)
async def ledger_template(who: Operator) -> Response:
    """An empty ledger with drop-downs."""
    return Response(
        ledger.template(),
        media_type=ledger.MEDIA_TYPE,
        headers={"Content-Disposition": 'attachment; filename="ledger.xlsx"'},
    )


@router.post("/ledgers", tags=["ledgers"], openapi_extra={"requestBody": {"required": True} | _XLSX})
async def import_ledger(request: Request, who: Operator, dry_run: bool = False) -> Response:
    """Takes a ledger (the workbook is the body) and answers row by row. With ``dry_run`` nothing of it stays.

    Answers ``{dry_run, registered, already_registered, refused, rows: [{row, status, …}]}``. ``status`` is ``registered``
    (with ``volunteer_id`` and ``account_id``, null in a dry run), ``already_registered`` (with ``volunteer_id`` and why) or
    ``refused`` (with ``code``, ``pointer``: the column, ``message`` {zh, en}). ``row``: its number in the sheet, headings are
    row 1.
    """
    request, body = await _received(request)
    lines = await asyncio.to_thread(ledger.read, body, request.app.state.clock.zone)

    async def work(connection: Connection, clock: Clock) -> Answer:
        entries = [line.content for line in lines if isinstance(line.content, commands.Entry)]
        results = iter(await commands.enlist(connection, clock, entries))
        rows = [
            _row(line.row, line.content if isinstance(line.content, Refusal) else next(results), dry_run)
            for line in lines
        ]
        count = Counter(row["status"] for row in rows)
        counts = {status: count[status] for status in ("registered", "already_registered", "refused")}
        return Answer({"dry_run": dry_run} | counts | {"rows": rows})

    return await write(request, work, dry_run=dry_run)


async def _received(request: Request) -> tuple[Request, bytes]:
    """The request with its body, read no further than a ledger may be long; raises ``too_large``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > workbook.MAX_BYTES:
            raise Refusal("too_large")
    content = bytes(body)

    async def again() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request(request.scope, again), content


def _row(number: int, result: commands.Enlisted | Refusal, dry_run: bool) -> dict[str, Any]:
    if isinstance(result, Refusal):
        return {"row": number, "status": "refused"} | _why(result)
    volunteer_id = None if dry_run else result.volunteer_id  # the ids of a dry run name nobody
    if result.before:
        told = {"row": number, "status": "already_registered", "volunteer_id": volunteer_id}
        return told | _why(Refusal("already_registered", pointer="/row_ref"))
    account_id = None if dry_run else result.account_id
    return {"row": number, "status": "registered", "volunteer_id": volunteer_id, "account_id": account_id}


def _why(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "pointer": refusal.pointer, "message": refusal.message}


def _unit(unit_id: str, told: RedefineUnit) -> commands.NewUnit:
    return commands.NewUnit(unit_id, told.name.names(), told.kind, told.county, told.parent_id)


async def _volunteer(connection: Connection, volunteer_id: UUID, status: int = 200) -> Answer:
    found = await queries.volunteer(connection, volunteer_id)
    return Answer(found, status, found["version"])
