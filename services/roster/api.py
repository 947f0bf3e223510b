"""The roster over HTTP: units, quotas, volunteers, accounts. Ledgers and what is personal have files of their own."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from services.roster import commands, comparing, disclosures, importing, queries
from services.roster.models import (
    Confirm,
    Decline,
    DeclineMany,
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
from shared.access.guard import CityOperator, Operator, Reader, allowed
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.fields import County, Team, UnitId
from shared.contracts.refusals import Refusal
from shared.contracts.roster import Platform
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit, page
from shared.web.reads import reading, snapshot
from shared.web.writes import Answer, check_version, write

router = APIRouter(prefix="/api/v1")
Year = Annotated[int, Path(ge=2000, le=2100)]
UnitReader = Annotated[
    Principal,
    allowed(Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR, Role.PRODUCER),
]
"""Producers report with the codes of units."""


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
async def list_units(request: Request, who: UnitReader, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    async with reading(request) as connection:
        return page(await queries.units(connection, who.county, cursor, limit), limit, ["unit_id"])


@router.get("/units/{unit_id}", tags=["units"])
async def show_unit(request: Request, who: UnitReader, response: Response, unit_id: UnitId) -> dict[str, Any]:
    async with reading(request) as connection:
        found = await queries.unit(connection, unit_id)
    who.must_serve(found["county"])
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
    """Quotas, each with how many of its places are ``filled``, how many are ``nominated``, and how many of these are
    ``waiting`` beyond the places left."""
    async with reading(request) as connection:
        found = await queries.quotas(connection, who.county, year, cursor, limit)
    return page(found, limit, ["unit_id", "team", "year"])


# -- volunteers --------------------------------------------------------------------------------------------------------


@router.post("/volunteers", status_code=201, tags=["volunteers"])
async def nominate(request: Request, who: Operator, told: Nominate) -> Response:
    """Nominates a volunteer; registering or declining follows. Beyond the quota of the year the answer has a
    ``waiting_position``. Whoever of one's own county has the same phone or e-mail is named in ``possible_duplicate_of``;
    in the same unit and team it is refused. Each comparison is audited, and a county has a budget of them."""
    contact = told.contact.read("/contact") if told.contact else None
    await comparing.noted(request.app.state.pool, who, [contact])

    async def work(connection: Connection, clock: Clock) -> Answer:
        vault = request.app.state.vault
        done = await commands.nominate(connection, clock, who, vault, told.unit_id, told.team, told.category, contact)
        answer = await _volunteer(connection, clock, done.volunteer_id, 201)
        if done.duplicates:
            answer.body["possible_duplicate_of"] = done.duplicates
        return answer

    return await write(request, work)


@router.post("/volunteers/confirmations", tags=["volunteers"])
async def confirm(request: Request, who: Operator, told: Confirm, dry_run: bool = False) -> Response:
    """Registers many, in the order of their nomination whatever the order here. Answers
    ``{dry_run, registered, refused, rows: [{row, volunteer_id, status, …}]}``, ``row`` from 0; a refused row hurts no other."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows = [commands.Confirmation(*each) for each in told.rows()]
        answers = await commands.register_all(connection, clock, who, rows)
        return _answers(rows, answers, "registered", dry_run)

    return await write(request, work, dry_run=dry_run)


@router.post("/volunteers/declinations", tags=["volunteers"])
async def decline_many(request: Request, who: Operator, told: DeclineMany, dry_run: bool = False) -> Response:
    """Declines many nominations. Answers ``{dry_run, declined, refused, rows: […]}``."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        rows = [commands.Declination(each.volunteer_id, each.reason) for each in told.declinations]
        answers = await commands.decline_all(connection, clock, who, rows)
        return _answers(rows, answers, "declined", dry_run)

    return await write(request, work, dry_run=dry_run)


@router.post("/volunteers/{volunteer_id}/register", tags=["volunteers"])
async def register(request: Request, who: Operator, volunteer_id: UUID, told: Register) -> Response:
    """Registers a nominated volunteer, or one who comes back, with recorded consent; in turn where places are few."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        confirmation = commands.Confirmation(volunteer_id, told.registered_on, told.consented_on)
        await commands.register(connection, clock, who, confirmation)
        return await _volunteer(connection, clock, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/decline", tags=["volunteers"])
async def decline(request: Request, who: Operator, volunteer_id: UUID, told: Decline) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.decline(connection, clock, who, commands.Declination(volunteer_id, told.reason))
        return await _volunteer(connection, clock, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/transfer", tags=["volunteers"])
async def transfer(request: Request, who: Operator, volunteer_id: UUID, told: Transfer) -> Response:
    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.transfer(connection, clock, who, volunteer_id, told.to_unit_id, told.effective_on)
        return await _volunteer(connection, clock, volunteer_id)

    return await write(request, work)


@router.post("/volunteers/{volunteer_id}/leave", tags=["volunteers"])
async def leave(request: Request, who: Operator, volunteer_id: UUID, told: Leave | None = None) -> Response:
    """Leaving takes no reason."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await commands.leave(connection, clock, who, volunteer_id, told.left_on if told else None)
        return await _volunteer(connection, clock, volunteer_id)

    return await write(request, work)


@router.get("/volunteers", tags=["volunteers"])
async def list_volunteers(
    request: Request,
    who: Reader,
    unit_id: UnitId | None = None,
    state: Annotated[State | None, Query()] = None,
    team: Team | None = None,
    ref: Annotated[str | None, Query(max_length=40, pattern=r"^[0-9A-Za-z._/-]*$")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """In the order of nomination: with ``state=nominated`` the review's queue. ``ref``: an id, or a unit's own reference in
    its ledger."""
    async with reading(request) as connection:
        found = await queries.volunteers(
            connection,
            who.county,
            queries.year_of(request.app.state.clock),
            cursor,
            limit,
            unit_id=unit_id,
            state=state,
            team=team,
            ref=ref or None,
        )
    return page(found, limit, ["volunteer_id"])


@router.get("/volunteers/{volunteer_id}", tags=["volunteers"])
async def show_volunteer(request: Request, who: Reader, response: Response, volunteer_id: UUID) -> dict[str, Any]:
    """With ``movements`` in order of their dates, and ``accounts``."""
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id, queries.year_of(request.app.state.clock))
    who.must_serve(found["county"])
    response.headers["ETag"] = f'"{found["version"]}"'
    return found


# -- accounts ----------------------------------------------------------------------------------------------------------


@router.post("/volunteers/{volunteer_id}/accounts", status_code=201, tags=["accounts"])
async def disclose(request: Request, who: Operator, volunteer_id: UUID, told: Disclose) -> Response:
    """Enters an account that its volunteer disclosed in public, seen and verified by the operator who enters it."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        disclosure = disclosures.Disclosure(told.platform, told.disclosed_at, told.verified_at, told.disclosure_url)
        account_id = await disclosures.disclose(connection, clock, who, volunteer_id, disclosure)
        return Answer(await queries.account(connection, account_id), 201)

    return await write(request, work)


@router.get("/volunteers/{volunteer_id}/accounts", tags=["accounts"])
async def list_accounts(request: Request, who: Reader, volunteer_id: UUID) -> dict[str, Any]:
    async with snapshot(request) as connection:
        found = await queries.volunteer(connection, volunteer_id, queries.year_of(request.app.state.clock))
    who.must_serve(found["county"])
    return {"items": found["accounts"], "next_cursor": None}


@router.post("/accounts/{account_id}/withdraw", tags=["accounts"])
async def withdraw(request: Request, who: Operator, account_id: UUID, told: Withdraw | None = None) -> Response:
    """From this instant on its shares do not count."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await disclosures.withdraw(connection, clock, who, account_id, told.withdrawn_at if told else None)
        return Answer(await queries.account(connection, account_id))

    return await write(request, work)


@router.get("/disclosures", tags=["accounts"])
async def list_disclosures(
    request: Request,
    who: Reader,
    county: County | None = None,
    unit_id: UnitId | None = None,
    platform: Annotated[Platform | None, Query()] = None,
    state: Annotated[Literal["standing", "withdrawn"] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """The disclosure register: platform and public address of each disclosure, when it was verified and by whom. A
    withdrawn account's shares stop counting at ``withdrawn_at``."""
    if county is not None:
        who.must_serve(county)
    standing = None if state is None else state == "standing"
    async with reading(request) as connection:
        found = await queries.disclosures(
            connection, county or who.county, cursor, limit, unit_id=unit_id, platform=platform, standing=standing
        )
    return page(found, limit, ["account_id"])


def _answers(
    rows: Sequence[commands.Confirmation | commands.Declination],
    answers: Sequence[Refusal | None],
    done: str,
    dry_run: bool,
) -> Answer:
    told = [
        {"row": at, "volunteer_id": row.volunteer_id} | (importing.refused(refusal) if refusal else {"status": done})
        for at, (row, refusal) in enumerate(zip(rows, answers, strict=True))
    ]
    count = Counter(row["status"] for row in told)
    return Answer({"dry_run": dry_run, done: count[done], "refused": count["refused"], "rows": told})


def _unit(unit_id: str, told: RedefineUnit) -> commands.NewUnit:
    return commands.NewUnit(unit_id, told.name.names(), told.kind, told.county, told.parent_id)


async def _volunteer(connection: Connection, clock: Clock, volunteer_id: UUID, status: int = 200) -> Answer:
    found = await queries.volunteer(connection, volunteer_id, queries.year_of(clock))
    return Answer(found, status, found["version"])
