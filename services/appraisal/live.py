"""Tells open pages that figures have changed: server-sent events.

One look at the database every few seconds and process, however many pages are open, and none while nobody listens; the
worker does nothing for it. A stream ends when the process is told to stop, and after a while by itself: browsers come
again on their own. No account and no address takes them all: a page that is refused a stream asks for the version itself,
now and then.
"""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from shared.access.attempts import place
from shared.access.guard import ReportReader
from shared.access.roles import NOBODY, Principal
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web import problems

router = APIRouter(include_in_schema=False)
EVERY = 2.0
"""Seconds between two looks."""
MOST = 200
"""Streams a process holds open at once."""
MOST_OF_ACCOUNT = 3
"""Of one account, by however many sessions."""
MOST_OF_ADDRESS = 50
"""Of one address: a whole office may have one."""
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
        self.streams: Counter[str] = Counter()
        """Open ones by account and by address, and all."""
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
async def live(request: Request, who: ReportReader) -> Response:
    """``event: figures`` with the present version, at first and whenever it changes. Refuses with 503 above ``MOST``, with
    429 above what an account or an address may hold open."""
    watch = _watch(request.app)
    of_client = _bounds(request, who)
    if watch.streams[_ALL] >= MOST:
        return problems.unavailable()
    if any(watch.streams[key] >= most for key, most in of_client.items()):
        return problems.problem(Refusal("rate_limited"), headers={"Retry-After": "30"})
    return _Counted(request, watch, [_ALL, *of_client])


@router.get("/live/version")
async def current(request: Request, who: ReportReader) -> JSONResponse:
    """``{version}``, as the stream tells it: for pages that are refused one."""
    found = await _watch(request.app).see(request.app)
    return JSONResponse({"version": found}, headers={"Cache-Control": "no-store"})


_ALL = "all"


def _bounds(request: Request, who: Principal) -> dict[str, int]:
    """How many streams may be open, by what is counted."""
    address = place(request.client.host if request.client else "")
    of_account = {} if who == NOBODY else {f"account {who.name}": MOST_OF_ACCOUNT}
    return of_account | {f"address {address}": MOST_OF_ADDRESS}


class _Counted(StreamingResponse):
    """A stream that is counted from when it is promised, so that many at once are not more than there may be."""

    def __init__(self, request: Request, watch: _Watch, counted: list[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_stream(request, watch), media_type="text/event-stream", headers=headers)
        self._watch = watch
        self._counted = counted
        watch.streams.update(counted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._watch.streams.subtract(self._counted)
            self._watch.streams = +self._watch.streams  # keeps no address that has none open


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
