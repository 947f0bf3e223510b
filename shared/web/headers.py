"""What browsers are told with every answer, whoever made it: pages, problem documents, files, the framework's own words."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing from elsewhere, nothing inline, in nobody's frame."""
SECRET_PARAMETERS: Final = frozenset({"token", "link", "code"})
"""Parameters, of paths and queries, that open something by themselves: private links, invitations, a sign-in's return."""


class SecurityHeaders:
    """Adds those that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if _tells_a_secret(scope):
                    # What such a page loads, and where its links lead, is asked for without its address. Not
                    # `no-referrer`: forms would tell no Origin either, by which their own site is known.
                    headers.setdefault("Referrer-Policy", "strict-origin")
                for name, value in SECURITY.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, dressed)


def _tells_a_secret(scope: Scope) -> bool:
    """Whether the address of a request that was taken by a route holds one of ``SECRET_PARAMETERS``."""
    told = {*scope.get("path_params", ()), *QueryParams(scope.get("query_string", b""))}
    return not told.isdisjoint(SECRET_PARAMETERS)
