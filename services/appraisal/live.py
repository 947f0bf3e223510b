"""Tells open pages that figures have changed: server-sent events.

One look at the database every few seconds and process, however many pages are open, and none while nobody listens; the
worker does nothing for it. A stream ends when the process is told to stop, and after a while by itself: browsers come
again on their own.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.access.guard import ReportReader
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

router = APIRouter(include_in_schema=False)
EVERY = 2.0
"""Seconds between two looks."""
MOST = 200
"""Streams a process holds open at once."""
_PATIENCE = 3.0
"""Seconds for a connection; in the meantime what was seen last is told."""
_LONGEST = 300.0
"""Seconds until a stream ends, to be opened anew."""


async def version(connection: Connection) -> str:
    """Changes whenever a batch was taken in, or a period was closed or reopened."""
    row = await connection.fetchrow(
        """select (select coalesce(sum(next_offset), 0) from consumer_offset) as read,
                  (select count(*) + count(reopened_at) from closing) as closings"""
    )
    return hashlib.sha256(repr(tuple(row or ())).encode()).hexdigest()[:16]


class _Watch:
    """What the streams of one process share. ``looked`` is when the database was asked last."""

    def __init__(self) -> None:
        self.streams = 0
        self.version = ""
        self.looked = 0.0
        self._looking = asyncio.Lock()

    async def see(self, app: Any) -> str:
        """At most one look every ``EVERY`` seconds; while the database is away, what was seen last."""
        async with self._looking:
            if time.monotonic() - self.looked >= EVERY:
                self.looked = time.monotonic()
                try:
                    async with app.state.pool.acquire(timeout=_PATIENCE) as connection:
                        self.version = await version(connection)
                except (OSError, TimeoutError):
                    pass
            return self.version


def _watch(app: Any) -> _Watch:
    if not hasattr(app.state, "live"):
        app.state.live = _Watch()
    return app.state.live


@router.get("/live")
async def live(request: Request, who: ReportReader) -> StreamingResponse:
    """``event: figures`` with the present version, at first and whenever it changes. Refuses with 503 above ``MOST``."""
    watch = _watch(request.app)
    if watch.streams >= MOST:
        raise Refusal("unavailable")
    return _Counted(request, watch)


class _Counted(StreamingResponse):
    """A stream that is counted from when it is promised, so that many at once are not more than ``MOST``."""

    def __init__(self, request: Request, watch: _Watch) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_stream(request, watch), media_type="text/event-stream", headers=headers)
        self._watch = watch
        watch.streams += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.streams -= 1


async def _stream(request: Request, watch: _Watch) -> AsyncGenerator[str]:
    stopping: asyncio.Event = getattr(request.app.state, "stopping", None) or asyncio.Event()
    until = time.monotonic() + _LONGEST
    told = ""
    yield "retry: 5000\n\n"
    while time.monotonic() < until and not stopping.is_set():
        found = await watch.see(request.app)
        # A comment now and then shows a proxy that the stream lives, and us that the browser is gone.
        yield f"event: figures\ndata: {found}\n\n" if found and found != told else ": .\n\n"
        told = found or told
        try:
            await asyncio.wait_for(stopping.wait(), EVERY)
        except TimeoutError:
            continue
