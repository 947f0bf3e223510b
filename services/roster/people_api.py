"""What is personal of volunteers, over HTTP: contacts, export, erasure. Every look leaves an audit line (charter C1, C11)."""

import asyncio
from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response

from services.roster import comparing, contacts, erasing, ledger, people, queries
from services.roster.models import ContactList, PersonalContact
from shared.access.guard import Operator
from shared.clock import Clock
from shared.postgres import Connection, in_transaction
from shared.web import uploads
from shared.web.writes import Answer, check_version, write

router = APIRouter(prefix="/api/v1", tags=["people"])
_NOT_KEPT = {"Cache-Control": "no-store"}


@router.get("/volunteers/{volunteer_id}/contact")
async def read_contact(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """``{name, phone, email, handles: {platform: …}}``; the look is audited. The ETag is the volunteer's."""

    async def work(connection: Connection) -> Response:
        found = await people.served(connection, who, volunteer_id)
        contact = await contacts.read(connection, who, request.app.state.vault, volunteer_id)
        return JSONResponse(asdict(contact), headers={"ETag": f'"{found.version}"'} | _NOT_KEPT)

    return await in_transaction(request.app.state.pool, work)


@router.put("/volunteers/{volunteer_id}/contact")
async def replace_contact(request: Request, who: Operator, volunteer_id: UUID, told: PersonalContact) -> Response:
    """Takes ``If-Match`` with the volunteer's ETag. Answers which fields are kept, and who else of one's own
    county has the same phone or e-mail."""
    contact = told.read()
    await comparing.noted(request.app.state.pool, who, [contact])

    async def work(connection: Connection, clock: Clock) -> Answer:
        found = await people.served(connection, who, volunteer_id)
        check_version(request, found.version)
        same = await contacts.replace(connection, who, request.app.state.vault, found, contact)
        kept: dict[str, Any] = {"volunteer_id": volunteer_id, "fields": contact.fields}
        return Answer(kept | ({"possible_duplicate_of": same} if same else {}), 200, found.version + 1)

    return await write(request, work)


@router.get("/volunteers/{volunteer_id}/export")
async def export(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """Everything the roster holds on a person, for that person; audited."""

    async def work(connection: Connection) -> Any:
        state = request.app.state
        return await people.everything(connection, who, state.vault, queries.year_of(state.clock), volunteer_id)

    found = jsonable_encoder(await in_transaction(request.app.state.pool, work))
    name = f'attachment; filename="volunteer-{volunteer_id}.json"'
    return JSONResponse(found, headers={"Content-Disposition": name} | _NOT_KEPT)


@router.post("/volunteers/{volunteer_id}/erase")
async def erase(request: Request, who: Operator, volunteer_id: UUID) -> Response:
    """Withdraws the accounts, ends the membership, and destroys the person's key and hashes: nothing of the person can be
    read any more. No reason is asked for, no mark is left."""

    async def work(connection: Connection, clock: Clock) -> Answer:
        await erasing.erase(connection, clock, who, volunteer_id)
        return Answer({"volunteer_id": volunteer_id, "erased": True})

    return await write(request, work)


@router.post(
    "/contact-lists",
    response_class=Response,
    responses={200: {"description": "The workbook", "content": {ledger.MEDIA_TYPE: {}}}},
)
async def contact_list(request: Request, who: Operator, told: ContactList) -> Response:
    """The contacts of a unit's registered (or of one team) as a workbook, for the reason told; audited."""

    async def work(connection: Connection) -> Any:
        return await people.contact_list(connection, who, request.app.state.vault, told.unit_id, told.team, told.reason)

    rows = await in_transaction(request.app.state.pool, work)
    content = await asyncio.to_thread(ledger.contact_list, rows, people.HEADINGS)
    response = uploads.workbook(content, f"contacts-{told.unit_id}.xlsx")
    response.headers.update(_NOT_KEPT)
    return response
