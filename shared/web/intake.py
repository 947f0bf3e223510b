"""The HTTP side of the front door: the same reports, the same answers, with the producer's API key."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.access.guard import Reader, allowed
from shared.access.roles import Principal, Role
from shared.contracts.refusals import Refusal
from shared.contracts.requests import MAX_BATCH, MAX_BYTES, parse_body
from shared.delivery.intake import Arrival, Door, Reply
from shared.postgres import Connection, in_transaction
from shared.web.intake_rate import wait_before
from shared.web.paging import Cursor, Limit, after
from shared.web.paging import cursor as cursor_of
from shared.web.problems import problem
from shared.web.reads import reading

router = APIRouter(prefix="/api/v1/intake", tags=["intake"])
Producer = Annotated[Principal, allowed(Role.PRODUCER)]
MAX_BODY = MAX_BATCH * MAX_BYTES

_EVENT: dict[str, Any] = {"type": "object", "required": ["specversion", "id", "source", "type", "time", "data"]}
_BATCH: dict[str, Any] = {"type": "array", "items": _EVENT, "maxItems": MAX_BATCH}
_PENDING: dict[str, Any] = {
    "type": "object",
    "required": ["status", "request_id"],
    "properties": {"status": {"const": "pending"}, "request_id": {"type": "string"}},
}
_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/cloudevents+json": {"schema": _EVENT},
        "application/cloudevents-batch+json": {"schema": _BATCH},
        "application/json": {"schema": {"anyOf": [_EVENT, _BATCH]}},
    },
}
"""For the OpenAPI document; what each type looks like is told by docs/contracts/schemas."""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "For each report, in order: its answers, or that it waits",
        "content": {"application/json": {"schema": {"type": "array", "items": {"anyOf": [_EVENT, _PENDING]}}}},
    },
    429: {
        "description": "Faster than QINGSHENG_INTAKE_RATE: nothing was taken; send the same again after Retry-After",
        "headers": {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
    },
}


@router.post("", responses=_ANSWERS, openapi_extra={"requestBody": _BODY})
async def take(request: Request, who: Producer) -> Response:
    """One CloudEvent (structured, or binary by ``ce-`` headers), or a JSON array of at most 1,000 as a batch.

    Answers 200 with one entry a report, in order: its answer event, or ``{status: "pending", request_id}``.
    """
    headers = [(name, value.encode("latin-1")) for name, value in request.headers.items()]
    contents = parse_body(await _body(request), headers)
    door: Door = request.app.state.door
    reports = 1 if isinstance(contents, Refusal) else len(contents)
    async with reading(request) as connection:
        wait = await wait_before(connection, who.name, reports, request.app.state.settings.intake_rate)
    if wait:
        return problem(Refusal("rate_limited"), headers={"Retry-After": str(wait)})
    if isinstance(contents, Refusal):
        raise contents
    arrivals = await door.examine_all(who.name, [Arrival(who.name, content) for content in contents])

    async def work(connection: Connection) -> list[Reply]:
        return await door.take(connection, arrivals)

    replies = await in_transaction(request.app.state.pool, work)
    answers = [answer for reply in replies for answer in _shown(reply)]
    return JSONResponse(answers)


@router.get("/answers")
async def answers(request: Request, who: Producer, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    """All answers that the producer was given, in the order in which they were; keep ``next_cursor`` and ask again with it."""
    transaction, number = after(cursor, 2) or ("0", "0")
    if not all(str(part).isdecimal() and len(str(part)) < 19 for part in (transaction, number)):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")
    async with request.app.state.pool.acquire(timeout=5) as connection:
        # In the order of transactions, up to the first that may still commit: so no answer can appear behind a cursor.
        rows = await connection.fetch(
            """select answer, answered_in::text, answer_no from (
                   (select answer, answered_in, answer_no from intake_request
                    where source = $1 and (answered_in, answer_no) > ($2::text::xid8, $3::bigint)
                    order by answered_in, answer_no limit $4)
                   union all
                   (select answer, answered_in, answer_no from intake_aside
                    where source = $1 and (answered_in, answer_no) > ($2::text::xid8, $3::bigint)
                    order by answered_in, answer_no limit $4)
               ) as given (answer, answered_in, answer_no)
               where given.answered_in < pg_snapshot_xmin(pg_current_snapshot())
               order by given.answered_in, answer_no limit $4""",
            f"/ext/{who.name}",
            str(transaction),
            int(number),
            limit,
        )
    # The cursor is given on the last page too: the next answers come behind it.
    return {
        "items": [json.loads(row["answer"]) for row in rows],
        "next_cursor": cursor_of([rows[-1]["answered_in"], rows[-1]["answer_no"]]) if rows else cursor,
    }


@router.get("/waiting")
async def waiting(request: Request, who: Reader) -> dict[str, Any]:
    """Reports that wait for something not yet seen, at most 15 minutes of its being read: how many, since when the oldest
    (null without any), and by type and what they wait for. A part of the quality of the data, told beside a report."""
    async with reading(request) as connection:
        rows = await connection.fetch(
            """select type, split_part(thing, '/', 1) as waits_for, count(*) as reports, min(parked_at) as oldest_at
               from parked group by type, waits_for order by type, waits_for"""
        )
    return {
        "reports": sum(row["reports"] for row in rows),
        "oldest_at": min((row["oldest_at"] for row in rows), default=None),
        "items": [dict(row) for row in rows],
    }


async def _body(request: Request) -> bytes:
    """Raises ``too_large`` as soon as there is more than a batch may hold."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal("too_large")
    return bytes(body)


def _shown(reply: Reply) -> list[Any]:
    if reply.answers:
        return [json.loads(answer) for answer in reply.answers]
    return [{"status": "pending", "request_id": reply.request_id}]
