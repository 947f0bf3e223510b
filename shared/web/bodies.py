"""What is taken of a request's body: so many bytes and no more, and within a time, whoever sends it."""

import asyncio
import time

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import workbooks
from shared.contracts.requests import MAX_BATCH, MAX_BYTES

MOST = 2 * 1024 * 1024
"""Bytes of JSON or of a form without a file: the longest lists that are taken have a thousand entries."""
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
        most = _most(scope["path"], headers.get("content-type", ""))
        told = headers.get("content-length", "0")
        until = time.monotonic() + WHOLE
        read, ended = 0, False

        async def bounded() -> Message:
            nonlocal read, ended
            if ended:  # whoever waits now waits for the other side to go away, as streams do
                return await receive()
            if not told.isdecimal() or int(told) > most:
                raise HTTPException(413, headers={"Connection": "close"})
            try:
                async with asyncio.timeout(min(PAUSE, until - time.monotonic())):  # wait_for would make a task of it
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, headers={"Connection": "close"}) from None
            read += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if read > most:
                raise HTTPException(413, headers={"Connection": "close"})
            return message

        await self._app(scope, bounded, send)


def _most(path: str, kind: str) -> int:
    if path.endswith(_INTAKE):
        return MOST_REPORTS
    plain = kind.partition(";")[0].strip().lower()
    return MOST if plain == _FORM or plain.endswith(("/json", "+json")) else MOST_WITH_FILE
