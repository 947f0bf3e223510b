"""The HTTP side of the front door: the same reports, the same answers, with the producer's API key."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from shared.access.guard import allowed
from shared.access.roles import Principal, Role
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Unreadable, parse, parse_batch
from shared.delivery.intake import Arrival, Door, Reply
from shared.postgres import Connection, in_transaction
from shared.web.paging import Cursor, Limit, after
from shared.web.paging import cursor as cursor_of

router = APIRouter(prefix="/api/v1/intake", tags=["intake"])
Producer = Annotated[Principal, allowed(Role.PRODUCER)]


@router.post("")
async def take(request: Request, who: Producer) -> Response:
    """One CloudEvent (structured, or binary by ``ce-`` headers), or a JSON array of at most 1,000 as a batch.

    Answers 200 with one entry a report, in order: its answer event, or ``{status: "pending", request_id}``.
    """
    body = await request.body()
    door: Door = request.app.state.door

    async def work(connection: Connection) -> list[Reply]:
        arrivals = [Arrival(who.name, content) for content in _contents(request, body)]
        return await door.take(connection, arrivals)

    replies = await in_transaction(request.app.state.pool, work)
    answers = [answer for reply in replies for answer in _shown(reply)]
    return JSONResponse(answers)


@router.get("/answers")
async def answers(request: Request, who: Producer, cursor: Cursor = None, limit: Limit = 100) -> dict[str, Any]:
    """The producer's answers in the order in which they were given; keep ``next_cursor`` and ask again with it."""
    transaction, number = after(cursor, 2) or ("0", "0")
    async with request.app.state.pool.acquire(timeout=5) as connection:
        # In the order of transactions, up to the first that may still commit: so no answer can appear behind a cursor.
        rows = await connection.fetch(
            """select answer, answered_in::text, answer_no from intake_request
               where source = $1 and (answered_in, answer_no) > ($2::text::xid8, $3::bigint)
                     and answered_in < pg_snapshot_xmin(pg_current_snapshot())
               order by answered_in, answer_no limit $4""",
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


def _contents(request: Request, body: bytes) -> list[Any]:
    if body.lstrip()[:1] == b"[":
        return parse_batch(body)
    headers = [(name, value.encode("latin-1")) for name, value in request.headers.items()]
    try:
        return [parse(body, headers)]
    except Refusal as refusal:
        if refusal.request_id is None:
            raise
        return [refusal]
    except Unreadable as unreadable:
        raise Refusal("not_json" if unreadable.reason == "not_json" else "not_cloudevents") from None


def _shown(reply: Reply) -> list[Any]:
    if reply.answers:
        return [json.loads(answer) for answer in reply.answers]
    return [{"status": "pending", "request_id": reply.request_id}]
