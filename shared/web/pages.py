"""What every service's pages share: layout, languages, static files, errors as pages."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import WebSocketRequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.access.roles import NOBODY
from shared.contracts.refusals import CODES, Refusal
from shared.settings import Settings
from shared.web import problems
from shared.web.i18n import LANGUAGES, Catalogue, catalogue, preferred

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_COOKIE = "qingsheng_language"
_COMMAND = re.compile("`([^`]+)`")
_YEAR = 365 * 24 * 3600
SIGN_IN = "/roster/sign-in"
_Response = TypeVar("_Response", bound=Response)


def install(app: FastAPI, templates: Path) -> None:
    """Gives an app made by ``create_app`` its pages' templates and static files, and turns its errors into pages for
    browsers. ``/api/`` keeps answering with problem documents."""
    environment = Environment(
        loader=FileSystemLoader([templates, _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "number": number,
        "signed": signed,
        "padding": padding,
        "commands": commands,
    }
    environment.filters.update(filters)  # pyright: ignore[reportUnknownMemberType]
    app.state.pages = environment
    app.mount("/static", _Static(directory=_STATIC), name="static")
    for error, handler in list(app.exception_handlers.items()):
        if error is not WebSocketRequestValidationError:
            app.add_exception_handler(error, _as_page(handler))


def render(request: Request, template: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """A page in the visitor's language. Besides ``content`` and what the layout needs, templates get ``words`` (the
    catalogue) and ``local`` (a moment as the local clock shows it)."""
    words = words_of(request)
    settings: Settings = request.app.state.settings

    def local(moment: datetime) -> str:
        return moment.astimezone(settings.zone).strftime("%Y-%m-%d %H:%M")

    html = request.app.state.pages.get_template(template).render(
        words=words,
        local=local,
        who=getattr(request.state, "principal", NOBODY),
        service=request.app.state.service,
        static=f"/{request.app.state.service}/static",
        version=STATIC_VERSION,
        languages=[(code, name, _in_language(request, code)) for code, name in LANGUAGES.items()],
        **content,
    )
    return _dressed(request, HTMLResponse(html, status, {"Content-Language": words.language}))


def redirect(request: Request, path: str) -> RedirectResponse:
    """To another page of ours, for now; a language that was asked for goes with it."""
    return _dressed(request, RedirectResponse(f"{path}{asked(lang=_asked_language(request))}", 302))


def after_post(request: Request, path: str) -> RedirectResponse:
    """To the page that shows what a form has done, so that loading it again does not send the form again."""
    return _dressed(request, RedirectResponse(path, 303))


def failure(request: Request, refusal: Refusal, *, status: int | None = None, hint: str | None = None) -> HTMLResponse:
    """The page that says what is wrong and what to do; ``hint`` takes the place of the refusal's own message."""
    message = hint or refusal.message[words_of(request).language]
    return _failure(request, status or CODES[refusal.code].status, refusal.code, message)


def words_of(request: Request) -> Catalogue:
    """The catalogue of ``?lang=``, else of the language chosen before, else of what the browser prefers."""
    chosen = _asked_language(request) or request.cookies.get(_COOKIE)
    return catalogue(chosen if chosen in LANGUAGES else preferred(request.headers.get("accept-language", "")))


def asked(**parameters: str | None) -> str:
    """A query string with its question mark, without what is None or empty; empty where nothing is left."""
    told = {name: value for name, value in parameters.items() if value}
    return f"?{urlencode(told)}" if told else ""


def wants_page(request: Request) -> bool:
    """Whether a browser asks, for something that is not the API."""
    api = request.url.path.startswith(f"/{request.app.state.service}/api/")
    return not api and "text/html" in request.headers.get("accept", "")


def number(told: float | None) -> str:
    """Exactly as it stands in the API's JSON."""
    return "" if told is None else json.dumps(told)


def signed(told: float) -> str:
    """A change: ``number`` with its sign, a minus as wide as the plus."""
    return f"+{number(told)}" if told > 0 else number(told).replace("-", "−")


def padding(told: float) -> str:
    """What ``number`` lacks of two decimals: put behind it unseen, it brings decimal points below each other."""
    decimals = number(told).partition(".")[2]
    return "00"[len(decimals) :] if decimals else ".00"


def commands(told: str) -> Markup:
    """The text with what stands in `backticks` set as code."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(told))))


def _asked_language(request: Request) -> str | None:
    told = request.query_params.get("lang")
    return told if told in LANGUAGES else None


def _in_language(request: Request, code: str) -> str:
    """The address of the present page in a language. What a form was answered with has none: there it is the form's page."""
    if request.method in ("GET", "HEAD"):
        return asked(**{**request.query_params, "lang": code})
    return f"{_page_of_form(request)}{asked(lang=code)}"


def _page_of_form(request: Request) -> str:
    """The page that a form was sent from: the address that it was sent to where that is a page as well, else the page
    that the browser names, else the nearest page above."""
    path = request.url.path
    home = f"/{request.app.state.service}/"
    named = urlsplit(request.headers.get("referer", ""))
    parts = path.removeprefix(home).split("/")
    above = [home + "/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
    for place in (path, named.path if named.netloc == request.headers.get("host") else "", *above):
        if place.startswith(home) and _is_page(request, place):
            return place
    return home


def _is_page(request: Request, path: str) -> bool:
    scope = {**request.scope, "method": "GET", "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def _dressed(request: Request, response: _Response) -> _Response:
    response.headers["Cache-Control"] = "no-cache, private"
    response.headers["Vary"] = "Accept, Accept-Language, Cookie"
    if language := _asked_language(request):
        response.set_cookie(_COOKIE, language, max_age=_YEAR, path="/", httponly=True, samesite="lax")
    return response


def _failure(request: Request, status: int, code: str, message: str) -> HTMLResponse:
    titles = {404: "not_found", 503: "unavailable", 500: "internal"}
    title = f"layout.error.title.{titles.get(status, 'refused')}"
    return render(request, "error.html", status=status, title=title, code=code, message=message)


def _as_page(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The same answer, as a page where a browser asks for one."""

    async def answer(request: Request, error: Exception) -> Response:
        response: Response = await handler(request, error)
        if response.media_type != problems.MEDIA_TYPE or not wants_page(request):
            return response
        told: dict[str, Any] = json.loads(bytes(response.body))
        if told["code"] == "unauthorized" and request.method == "GET":
            there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return _dressed(request, RedirectResponse(f"{SIGN_IN}{asked(next=there)}", 303))
        page = _failure(request, told["status"], told["code"], told["message"][words_of(request).language])
        for name in ("Retry-After", "WWW-Authenticate", "Allow", "Connection"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    return answer


def _version() -> str:
    """Changes with the content of the static files, so that browsers may keep them."""
    content = b"".join(file.read_bytes() for file in sorted(_STATIC.rglob("*")) if file.is_file())
    return hashlib.sha256(content).hexdigest()[:12]


STATIC_VERSION = _version()


class _Static(StaticFiles):
    """Kept by browsers for ever under the version in the address, else asked for anew each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = scope["query_string"] == f"v={STATIC_VERSION}".encode()
        response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable" if versioned else "no-cache"
        return response
