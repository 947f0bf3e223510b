"""Every request in its trace, with a log line for each write and each failure. Reads are in the proxy's log."""

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import spans, tracing

log = logging.getLogger(__name__)

_READS = ("GET", "HEAD", "OPTIONS")


def route_of(scope: Scope) -> str:
    """What the log tells of where a request went: the route's pattern below its service, such as
    ``/opinion/status/{token}``; the service alone where no route took it. Paths may hold a private link's token, or what
    somebody entered."""
    return f"/{scope['app'].state.service}{getattr(scope.get('route'), 'path', '')}"


class Traced:
    """Continues the trace of the ``traceparent`` header, or begins one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        began = time.perf_counter()
        status = 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracing.within(spans.current() or tracing.continued(caller)):
            await self._app(scope, receive, sent)
            if status >= 500 or scope["method"] not in _READS:
                told: dict[str, Any] = {
                    "method": scope["method"],
                    "route": route_of(scope),
                    "status": status,
                    "seconds": round(time.perf_counter() - began, 4),
                }
                log.log(logging.WARNING if status >= 500 else logging.INFO, "answered", extra=told)
