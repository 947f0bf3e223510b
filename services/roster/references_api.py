"""References of other systems over HTTP: operators register them, producers look up their own."""

from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from services.roster import importing, queries, references
from services.roster.models import RegisterReferences, RemoveReference
from shared.access.guard import Operator, allowed
from shared.access.references import Reference
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.references import Kind
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import Cursor, Limit, page
from shared.web.reads import reading
from shared.web.writes import Answer, write

router = APIRouter(prefix="/api/v1", tags=["references"])
OperatorOrProducer = Annotated[Principal, allowed(Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.PRODUCER)]
_Ref = Annotated[str | None, Query(min_length=1, max_length=128)]


@router.post("/external-refs")
async def register(request: Request, who: Operator, told: RegisterReferences, dry_run: bool = False) -> Response:
    """Registers what another system calls volunteers and, with ``account_id``, accounts: codes, never personal data. The
    system may then report by them. Answers ``{dry_run, registered, refused, rows: [{row, external_ref, status, …}]}``,
    ``row`` from 0; one that is registered already is ``registered``."""

    async def work(connection: Connection, _: Clock) -> Answer:
        asked = [
            Reference(told.producer, each.external_ref, each.volunteer_id, each.account_id)
            for each in told.external_refs
        ]
        answers = await references.register(connection, who, told.producer, asked)
        rows = [
            {"row": at, "volunteer_id": each.volunteer_id}
            # Refused ones are not repeated: they may be somebody's number.
            | (importing.refused(refusal) if refusal else {"external_ref": each.external_ref, "status": "registered"})
            for at, (each, refusal) in enumerate(zip(asked, answers, strict=True))
        ]
        count = Counter(row["status"] for row in rows)
        counts = {status: count[status] for status in ("registered", "refused")}
        return Answer({"dry_run": dry_run, **counts, "rows": rows})

    return await write(request, work, dry_run=dry_run)


@router.post("/external-refs/removals")
async def remove(request: Request, who: Operator, told: RemoveReference) -> Response:
    """From now on the reference stands for nothing; what was reported by it stays."""

    async def work(connection: Connection, _: Clock) -> Answer:
        await references.remove(connection, who, (told.producer, told.kind, told.external_ref))
        return Answer({"removed": True})

    return await write(request, work)


@router.get("/external-refs")
async def list_references(
    request: Request,
    who: OperatorOrProducer,
    producer: Annotated[str | None, Query(max_length=40)] = None,
    kind: Annotated[Kind | None, Query()] = None,
    external_ref: _Ref = None,
    volunteer_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """What other systems call volunteers and accounts. A producer sees its own references alone, and by each
    ``volunteer_id`` and ``account_id``; a county operator those of the county's volunteers."""
    if Role.PRODUCER in who.roles:
        if producer not in (None, who.name):
            raise Refusal("forbidden", pointer="query:producer")
        producer = who.name
    async with reading(request) as connection:
        found = await queries.external_refs(
            connection,
            who.county,
            cursor,
            limit,
            producer=producer,
            kind=kind,
            external_ref=external_ref,
            volunteer_id=volunteer_id,
        )
    return page(found, limit, ["producer", "kind", "external_ref"])
