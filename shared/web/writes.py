"""Writes over HTTP: one transaction each, answered once per Idempotency-Key, refused while the broker stays away."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import Response
from pydantic import BaseModel

from shared.access.roles import NOBODY, Principal, Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction
from shared.settings import Settings
from shared.web.problems import problem

Result = TypeVar("Result")
STORY_TIME = "Qingsheng-Story-Time"


@dataclass(frozen=True)
class Answer:
    """What a write answers. ``body`` is JSON-ready or a pydantic model; ``version`` becomes the ETag."""

    body: Any
    status: int = 200
    version: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


Work = Callable[[Connection, Clock], Awaitable[Answer]]


class _RolledBack(Exception):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


async def write(request: Request, work: Work, *, dry_run: bool = False, isolation: str | None = None) -> Response:
    """Runs ``work`` in one transaction and answers with what it returns; with ``dry_run`` nothing of it stays.
    ``isolation``: such as ``repeatable_read``, for work that must see one moment."""
    settings: Settings = request.app.state.settings
    clock: Clock = request.app.state.clock
    key = request.headers.get("idempotency-key")
    digest = hashlib.sha256(f"{request.method} {request.url} ".encode() + await request.body()).digest()
    owner = _owner(request, digest)

    async def once(connection: Connection) -> Response:
        await _refuse_when_nothing_can_be_told(connection, settings)
        if key and (earlier := await _earlier(connection, owner, key, digest)):
            return earlier
        answer = await work(connection, clock)
        if dry_run:
            raise _RolledBack(answer)
        response = _response(answer)
        if key:
            await connection.execute(
                "update idempotency_key set status = $3, headers = $4, body = $5 where principal = $1 and key = $2",
                owner,
                key,
                response.status_code,
                answer.headers | _etag(answer),
                response.body,
            )
        return response

    with clock.told(_story_time(request)):
        try:
            return await in_transaction(
                request.app.state.pool, once, timeout=settings.database_timeout, isolation=isolation
            )
        except _RolledBack as dry:
            return _response(dry.answer)
        except Refusal as refusal:
            return problem(refusal)


async def submit(
    request: Request, work: Callable[[Connection, Clock], Awaitable[Result]], *, isolation: str | None = None
) -> Result:
    """A page's write: ``work`` in one transaction, refused while the broker stays away; raises Refusal for the page to
    show beside its form."""
    settings: Settings = request.app.state.settings
    clock: Clock = request.app.state.clock

    async def once(connection: Connection) -> Result:
        await _refuse_when_nothing_can_be_told(connection, settings)
        return await work(connection, clock)

    with clock.told(_story_time(request)):
        return await in_transaction(
            request.app.state.pool, once, timeout=settings.database_timeout, isolation=isolation
        )


def check_version(request: Request, version: int) -> None:
    """Updates name the version they read: raises 428 without If-Match, 412 when it is not the present one."""
    told = request.headers.get("if-match")
    if told is None:
        raise Refusal("version_required")
    if told.strip() not in ("*", f'"{version}"'):
        raise Refusal("version_conflict")


def _owner(request: Request, digest: bytes) -> str:
    """Whose Idempotency-Key it is: kind and name of who asks, as the route's guard has found them. Those who have not signed
    in cannot be told apart, so there a key stands for one content alone, and refuses nobody else's."""
    who: Principal = getattr(request.state, "principal", NOBODY)
    if who == NOBODY:
        return f"public:{digest.hex()}"
    return f"{'producer' if who.is_any([Role.PRODUCER]) else 'account'}:{who.name}"


async def _earlier(connection: Connection, owner: str, key: str, digest: bytes) -> Response | None:
    """The first answer to this owner under this key; None when this is the first. Waits for a first one still under way."""
    if len(key) > 128:
        raise Refusal("schema", pointer="header:Idempotency-Key", reason="at most 128 characters")
    first = await connection.fetchval(
        """insert into idempotency_key (principal, key, digest) values ($1, $2, $3) on conflict do nothing returning true""",
        owner,
        key,
        digest,
    )
    if first:
        return None
    row = await connection.fetchrow(
        "select digest, status, headers, body from idempotency_key where principal = $1 and key = $2", owner, key
    )
    if row is None or row["digest"] != digest:
        raise Refusal("idempotency_key_reused")
    return Response(row["body"], row["status"], row["headers"], media_type="application/json")


async def _refuse_when_nothing_can_be_told(connection: Connection, settings: Settings) -> None:
    """Commands go on while events wait in the outbox, but not for ever: the backlog has a bound. And not where this
    database is older than what its service has published."""
    row = await connection.fetchrow(
        """select (select created_at < clock_timestamp() - make_interval(secs => $1) from outbox order by id limit 1) as stuck,
                  exists (select from behind) as behind""",
        settings.outbox_patience,
    )
    if row["behind"]:
        raise Refusal("behind_own_topic")
    if row["stuck"]:
        raise Refusal("unavailable")


def _story_time(request: Request) -> datetime | None:
    told = request.headers.get(STORY_TIME)
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refusal("schema", pointer=f"header:{STORY_TIME}", reason="an RFC 3339 time with offset")
    return moment


def _response(answer: Answer) -> Response:
    if isinstance(answer.body, BaseModel):
        body = answer.body.model_dump_json(by_alias=True).encode()
    else:
        body = json.dumps(jsonable_encoder(answer.body), ensure_ascii=False).encode()
    return Response(body, answer.status, answer.headers | _etag(answer), media_type="application/json")


def _etag(answer: Answer) -> dict[str, str]:
    return {} if answer.version is None else {"ETag": f'"{answer.version}"'}
