"""The guard at every route: who is asking, and whether they may."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Request

from shared.access.keys import producer_of
from shared.access.roles import NOBODY, Principal, Role
from shared.access.sessions import COOKIE, PREFIX, of_subject, whose
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """A dependency that gives the Principal; raises ``unauthorized``, or ``forbidden`` without one of ``roles``."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Principal:
        try:
            who = await principal(request)
        except Refusal as refusal:
            if refusal.code != "unauthorized" or Role.PUBLIC not in self.roles:
                raise
            return NOBODY  # a key that is not known here does not close what is open to everybody
        if Role.PUBLIC in self.roles or who.is_any(self.roles):
            return who
        raise Refusal("unauthorized" if who == NOBODY else "forbidden")


def allowed(*roles: Role) -> Any:
    """The annotation of a route's parameter: ``who: Annotated[Principal, allowed(Role.OPS)]``."""
    return Depends(Guard(*roles))


Operator = Annotated[Principal, allowed(Role.COUNTY_OPERATOR, Role.CITY_OPERATOR)]
CityOperator = Annotated[Principal, allowed(Role.CITY_OPERATOR)]
READERS = (Role.COUNTY_OPERATOR, Role.CITY_OPERATOR, Role.COMMITTEE, Role.AUDITOR)
Reader = Annotated[Principal, allowed(*READERS)]


class _ReportGuard(Guard):
    """Anybody where the deployment's reports are open, else those of ``Reader``."""

    def __init__(self) -> None:
        super().__init__(Role.PUBLIC)
        self._closed = Guard(*READERS)

    async def __call__(self, request: Request) -> Principal:
        return await (super().__call__(request) if request.app.state.settings.reports_open else self._closed(request))


ReportReader = Annotated[Principal, Depends(_ReportGuard())]
Auditor = Annotated[Principal, allowed(Role.AUDITOR)]
Anyone = Annotated[Principal, allowed(Role.PUBLIC)]


async def principal(request: Request) -> Principal:
    """Who is asking, by API key, bearer token or session cookie; NOBODY without any. Raises ``unauthorized`` for one that
    is not valid (a cookie that has ended counts as none), ``forbidden`` for a write that another site sends."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = request.state.principal = await _identified(request)
    return known


async def _identified(request: Request) -> Principal:
    token = bearer(request)
    if token:
        directory = request.app.state.directory
        if directory and token.count(".") == 2:
            subject = await directory.subject(token)  # before a connection is taken: it may ask the issuer for keys
            issuer = request.app.state.settings.oidc_issuer
            found = subject and await _looked_up(request, lambda connection: of_subject(connection, issuer, subject))
        else:
            found = await _looked_up(request, lambda connection: _by_token(request, connection, token))
        if not found:
            raise Refusal("unauthorized")
        return found
    if request.method not in _SAFE and _another_site(request):
        raise Refusal("forbidden")  # also what is open to everybody: nobody writes it through the browsers of others
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return NOBODY
    found = await _looked_up(request, lambda connection: whose(connection, cookie))
    if found is not None and request.method not in _SAFE and not same_site(request):
        raise Refusal("forbidden")
    return found or NOBODY


def bearer(request: Request) -> str:
    """The token of ``Authorization: Bearer …`` or ``X-API-Key``; empty without."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def same_site(request: Request) -> bool:
    """Whether a browser says that our own page sent this; without any word of it, it is taken for another's."""
    told = request.headers.get("sec-fetch-site")
    if told is not None:
        return told in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def _another_site(request: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    says = request.headers.get("sec-fetch-site") or request.headers.get("origin")
    return says is not None and not same_site(request)


async def _looked_up(request: Request, look: Callable[[Connection], Awaitable[Principal | None]]) -> Principal | None:
    async with request.app.state.pool.acquire(timeout=request.app.state.settings.database_timeout) as connection:
        return await look(connection)


async def _by_token(request: Request, connection: Connection, token: str) -> Principal | None:
    if token.startswith(PREFIX):
        return await whose(connection, token)
    name = await producer_of(connection, token, request.app.state.service)
    return None if name is None else Principal(name, frozenset({Role.PRODUCER}))
