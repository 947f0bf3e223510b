"""What is taken of a request's body: so many bytes and no more, in small pieces, and within a time, whoever sends it."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import workbooks
from shared.contracts.requests import MAX_BATCH, MAX_BYTES

MOST = 2 * 1024 * 1024
"""Bytes of JSON: the longest lists that are taken have five thousand short entries."""
MOST_VALUES = 50_000
"""Commas and opening brackets of JSON. Each may be a value: two megabytes of nothing but brackets would take a reader a
quarter of a second, during which nobody else is answered."""
MOST_OF_FORM = 512 * 1024
"""Bytes of a form without a file: its texts take three times their bytes, and are decoded in one step."""
PIECE = 64 * 1024
"""Bytes after which others have their turn."""
MOST_WITH_FILE = workbooks.MAX_BYTES + 64 * 1024
"""Of anything else, such as a list as a file, or a form around one."""
MOST_REPORTS = MAX_BATCH * MAX_BYTES
"""Of what other systems report; whose key is looked at before it is read."""
PAUSE = 15.0
"""Seconds within which more must come."""
WHOLE = 300.0
"""Seconds within which all must have come."""
_INTAKE = "/api/v1/intake"
_FORM = "application/x-www-form-urlencoded"


class BoundedBodies:
    """Lets a body through as it is read. Reading more than the bound raises HTTPException 413, at once where the length is
    told; waiting longer raises 408. Both are answered as problem documents, and end the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        most = _most(scope["path"], kind)
        # None: what is sent without a kind is read as JSON where it begins so; it may be a list as a file.
        is_json = False if scope["path"].endswith(_INTAKE) else _is_json(kind) if kind else None
        told = headers.get("content-length", "0")
        until = time.monotonic() + WHOLE
        read, values, ended, kept = 0, 0, False, b""

        async def bounded() -> Message:
            nonlocal read, values, ended, kept, most, is_json
            if kept:
                await asyncio.sleep(0)
                piece, kept = kept[:PIECE], kept[PIECE:]
                return {"type": "http.request", "body": piece, "more_body": bool(kept) or not ended}
            if ended:  # whoever waits now waits for the other side to go away, as streams do
                return await receive()
            if not told.isdecimal() or int(told) > most:
                raise HTTPException(413, headers={"Connection": "close"})
            try:
                async with asyncio.timeout(min(PAUSE, until - time.monotonic())):  # wait_for would make a task of it
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, headers={"Connection": "close"}) from None
            came = message.get("body", b"")
            read += len(came)
            ended = not message.get("more_body", False)
            if is_json is None and (begins := came.lstrip(b" \t\r\n")[:1]):
                is_json = begins in b"{["
                most = MOST if is_json else most
            if is_json:
                values += came.count(b",") + came.count(b"[") + came.count(b"{")
            if read > most or values > MOST_VALUES:
                raise HTTPException(413, headers={"Connection": "close"})
            if len(came) > PIECE:
                kept = came[PIECE:]
                return {"type": "http.request", "body": came[:PIECE], "more_body": True}
            return message

        await self._app(scope, bounded, send)


def _most(path: str, kind: str) -> int:
    if path.endswith(_INTAKE):
        return MOST_REPORTS
    if kind == _FORM:
        return MOST_OF_FORM
    return MOST if _is_json(kind) else MOST_WITH_FILE


def _is_json(kind: str) -> bool:
    return kind.endswith(("/json", "+json"))
