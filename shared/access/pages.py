"""Signing in and out, and choosing a password by a one-time link; served by the roster for all services."""

from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Request
from fastapi.responses import Response
from starlette.middleware.sessions import SessionMiddleware

from shared.access import accounts, audit, devices, sessions
from shared.access.attempts import Attempts, TooMany, place
from shared.access.guard import Anyone, same_site
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction
from shared.security import derived_key
from shared.settings import Settings
from shared.web.pages import SIGN_IN, after_post, render, words_of
from shared.web.reads import reading

router = APIRouter(include_in_schema=False)
HOME = "/roster/"
Text = Annotated[str, Form(max_length=1000)]


@router.get("/sign-in")
async def sign_in_page(request: Request, who: Anyone, next: str = "") -> Response:
    return _sign_in_page(request, _own(next))


@router.get("/directory")
async def to_directory(request: Request, who: Anyone, next: str = "") -> Response:
    """Signing in with the city's own accounts."""
    directory = _directory(request)
    request.session["next"] = _own(next)
    here = request.app.state.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/").removesuffix(
        "/roster"
    )
    return await directory.send_there(request, f"{here}/roster/directory/return")


@router.get("/directory/return")
async def from_directory(request: Request, who: Anyone) -> Response:
    subject, found = await _directory(request).returned(request)

    from shared.access import oidc

    issuer = request.app.state.settings.oidc_issuer

    async def work(connection: Connection) -> str:
        return await sessions.begin(connection, await oidc.remember(connection, issuer, subject, found))

    token = await in_transaction(request.app.state.pool, work)
    response = after_post(request, _own(request.session.pop("next", "")))
    _keep(request, response, token)
    return response


def install(app: FastAPI, settings: Settings) -> None:
    """Adds these pages to a service's app."""
    app.state.attempts = Attempts()
    app.include_router(router)
    if settings.oidc_issuer:
        app.add_middleware(
            SessionMiddleware,  # between the way to the directory and the way back
            secret_key=derived_key(settings.secret_key.get_secret_value(), "directory-state").hex(),
            session_cookie="qingsheng_directory",
            max_age=600,
            same_site="lax",
            https_only=settings.public_url.startswith("https:"),
        )


def _directory(request: Request) -> Any:
    directory = request.app.state.directory
    if directory is None:
        raise Refusal("not_found")
    return directory


def _sign_in_page(
    request: Request, next: str, status: int = 200, problem: str | None = None, name: str = ""
) -> Response:
    directory = request.app.state.directory is not None
    return render(request, "sign_in.html", status=status, next=next, problem=problem, name=name, directory=directory)


@router.post("/sign-in")
async def sign_in(request: Request, who: Anyone, name: Text, password: Text, next: Text = "") -> Response:
    _refuse_other_sites(request)
    words = words_of(request)
    attempts: Attempts = request.app.state.attempts
    address = place(request.client.host if request.client else "")
    account = name.strip().lower()
    device = devices.known(request, account)
    source = device or f"{address} {account}"

    async def work(connection: Connection) -> str | None:
        found = await accounts.sign_in(connection, account, password)
        return await sessions.begin(connection, found.name) if found else None

    try:
        if device is None:
            attempts.from_addresses.count(address)
        attempts.of_sources.count(source)
        if device is None:
            attempts.of_names.count(account)
        async with attempts.turn():
            token = await in_transaction(request.app.state.pool, work)
    except TooMany as wait:
        page = _sign_in_page(request, _own(next), 429, words("access.sign_in.locked"), name)
        page.headers["Retry-After"] = str(wait.seconds)
        return page
    if token is None:
        return _sign_in_page(request, _own(next), 401, words("access.sign_in.wrong"), name)
    attempts.of_sources.forget(source)
    if device is None:
        attempts.from_addresses.take_back(address)
        attempts.of_names.take_back(account)
    response = after_post(request, _own(next))
    _keep(request, response, token)
    devices.remember(request, response, account)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, who: Anyone) -> Response:
    _refuse_other_sites(request)
    token = request.cookies.get(sessions.COOKIE)
    if token:
        await in_transaction(request.app.state.pool, lambda connection: sessions.end(connection, token))
    response = after_post(request, SIGN_IN)
    response.delete_cookie(sessions.COOKIE, path="/")
    return response


@router.get("/invitation")
async def invitation_page(request: Request, who: Anyone, token: str = "") -> Response:
    async with reading(request) as connection:
        name = await accounts.invited(connection, token)
    return render(request, "invitation.html", status=200 if name else 404, name=name, token=token, problem=None)


@router.post("/invitation")
async def choose_password(request: Request, who: Anyone, token: Text, password: Text, again: Text) -> Response:
    _refuse_other_sites(request)
    words = words_of(request)

    async def work(connection: Connection) -> tuple[str, str]:
        name = await accounts.choose_password(connection, token, password)
        await audit.record(connection, name, "account.password_chosen", f"account/{name}", log="access.audit")
        return name, await sessions.begin(connection, name)

    problem = words("access.invitation.differ") if password != again else None
    if problem is None:
        try:
            account, session = await in_transaction(request.app.state.pool, work)
        except Refusal as refusal:
            if refusal.code == "not_found":
                return render(request, "invitation.html", status=404, name=None, token=token, problem=None)
            problem = words("access.invitation.length")
        else:
            response = after_post(request, HOME)
            _keep(request, response, session)
            devices.remember(request, response, account)
            return response
    async with reading(request) as connection:
        name = await accounts.invited(connection, token)
    return render(request, "invitation.html", status=422, name=name, token=token, problem=problem)


def _own(path: str) -> str:
    """Where to go after signing in: a path of ours, never another site's address."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if fine else HOME


def _keep(request: Request, response: Response, token: str) -> None:
    response.set_cookie(
        sessions.COOKIE,
        token,
        max_age=int(sessions.LASTS.total_seconds()),
        path="/",
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )


def _refuse_other_sites(request: Request) -> None:
    if not same_site(request):
        raise Refusal("forbidden")
