"""Errors over HTTP: RFC 9457 problem+json with a code from the documented list, in Chinese and English."""
# pyright: reportMissingTypeStubs=false

import json
import logging
from collections.abc import Sequence
from typing import Any

import asyncpg
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.contracts.reasons import said
from shared.contracts.refusals import CODES, Refusal
from shared.delivery.own_topic import BehindOwnTopic
from shared.postgres import OUTAGES
from shared.web.reads import Busy
from shared.web.traces import route_of

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "code", "detail", "message"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(CODES)},
        "detail": {"type": "string"},
        "message": {
            "type": "object",
            "required": ["zh", "en"],
            "properties": {"zh": {"type": "string"}, "en": {"type": "string"}},
        },
        "pointer": {"type": "string"},
    },
}
"""RFC 9457, with a code from the documented list."""
RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: what is wrong, and what to do", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}},
    503: {"description": "Database or broker away: try again", "content": {MEDIA_TYPE: {"schema": _SCHEMA}}},
}
"""For the OpenAPI document of every service."""
_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "not_found",
    408: "unavailable",
    413: "too_large",
}
_UNREADABLE = {"zh": "内容无法读取", "en": "the content cannot be read"}


def problem(refusal: Refusal, *, status: int | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """The problem document of a refusal: ``type``, ``title``, ``status``, ``code``, ``detail`` {zh, en}, ``pointer``."""
    status = status or CODES[refusal.code].status
    body: dict[str, Any] = {
        "type": f"urn:qingsheng:problem:{refusal.code}",
        "title": refusal.message["en"],
        "status": status,
        "code": refusal.code,
        "detail": refusal.message["en"],
        "message": refusal.message,
    }
    if refusal.pointer is not None:
        body["pointer"] = refusal.pointer
    return JSONResponse(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def with_members(refusal: Refusal, **members: Any) -> JSONResponse:
    """A problem document with members of its own beside those of all."""
    answer = problem(refusal)
    body = json.loads(bytes(answer.body)) | members
    return JSONResponse(body, status_code=answer.status_code, media_type=MEDIA_TYPE)


def busy() -> JSONResponse:
    return problem(Refusal("busy"), headers={"Retry-After": "5"})


def unavailable() -> JSONResponse:
    return problem(Refusal("unavailable"), headers={"Retry-After": "2"})


def install(app: FastAPI) -> None:
    """Maps every error of the app to a problem document; nothing is answered with a bare text or a stack trace."""

    @app.exception_handler(Refusal)
    async def _(request: Request, error: Refusal) -> JSONResponse:
        return problem(error)

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> JSONResponse:
        first = sorted(error.errors(), key=lambda e: [str(part) for part in e["loc"]])[0]
        refusal = Refusal("schema", pointer=_pointer(first["loc"]), reason=said(first))
        if first["type"] == "json_invalid":
            refusal = Refusal("not_json")
        return problem(refusal, status=400 if refusal.code == "not_json" else 422)

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> JSONResponse:
        code = _BY_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "schema")
        if code == "schema" and "json" in request.headers.get("content-type", ""):
            code = "not_json"
        refusal = Refusal(code, reason=_UNREADABLE)
        return problem(refusal, status=error.status_code, headers=dict(error.headers or {}))

    async def away(request: Request, error: Exception) -> JSONResponse:
        log.warning("%s %s: %s", request.method, route_of(request.scope), type(error).__name__)
        return problem(Refusal("behind_own_topic")) if isinstance(error, BehindOwnTopic) else unavailable()

    @app.exception_handler(Busy)
    async def _(request: Request, error: Busy) -> JSONResponse:
        return busy()

    for outage in (*OUTAGES, KafkaError):
        app.add_exception_handler(outage, away)  # type: ignore[arg-type]

    @app.exception_handler(asyncpg.CharacterNotInRepertoireError)
    async def _(request: Request, error: asyncpg.CharacterNotInRepertoireError) -> JSONResponse:
        return problem(Refusal("schema", reason=_UNREADABLE))  # a NUL, in an address or a file's name

    @app.exception_handler(asyncpg.PostgresError)
    async def _(request: Request, error: asyncpg.PostgresError) -> JSONResponse:
        log.error("%s %s", request.method, route_of(request.scope), exc_info=error)
        return problem(Refusal("internal"))

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> JSONResponse:
        log.error("%s %s", request.method, route_of(request.scope), exc_info=error)
        return problem(Refusal("internal"))


def _pointer(location: Sequence[str | int]) -> str:
    """A JSON pointer into the body, or the name of the query parameter or header."""
    where, *path = location
    if where == "body":
        return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    return f"{where}:{'/'.join(str(part) for part in path)}"
