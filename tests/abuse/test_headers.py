"""What browsers are told with every answer of all five services, by walking the routes; and that pages keep to it."""

import re
from html.parser import HTMLParser

import httpx
import pytest

from services.appraisal import live
from services.opinion import queries
from shared.web.headers import SECURITY
from tests.access.routes import routes
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "headers of every answer")

HTML = {"Accept": "text/html"}
SAMPLES = {"unit_id": "350902", "county": "350902", "team": "county", "year": "2014", "period": "2014", "venue_no": "1"}
SAMPLES |= {"indicator": "training", "step": "register", "name": "default"}
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def path_of(route: str) -> str:
    return _PARAMETER.sub(lambda found: SAMPLES.get(found[1], "0198c0de-0000-7000-8000-000000000000"), route)


class Strict(HTMLParser):
    """Finds what the policy would not let run, and whatever would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "b1nk":
            self.wrong.append("what was told as a text")
        data = told.get("type") in ("application/ld+json", "application/json")
        if (tag == "script" and "src" not in told and not data) or tag in (
            "style",
            "iframe",
            "object",
            "embed",
            "base",
        ):
            self.wrong.append(f"<{tag}>")
        for name, value in attrs:
            elsewhere = name in ("src", "action", "formaction", "poster", "data", "srcset")
            elsewhere |= tag == "link" and name == "href" and told.get("rel") != "alternate"
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"{name}= on <{tag}>")
            elif elsewhere and value and (value.startswith("//") or not value.startswith(("/", "#", "?"))):
                self.wrong.append(f"{name}={value}")
            elif name == "href" and not re.match(r"(/|#|\?|https?://|mailto:)", value or "/"):
                self.wrong.append(f"href={value}")


def faults(answer: httpx.Response) -> list[str]:
    found = [name for name in SECURITY if name not in answer.headers]
    policy = answer.headers.get("content-security-policy", "")
    found += [word for word in ("unsafe-inline", "unsafe-eval", "data:", "*", "http:") if word in policy]
    found += [word for word in ("default-src 'self'", "frame-ancestors 'none'") if word not in policy]
    if answer.headers.get("x-content-type-options") != "nosniff":
        found.append("sniffing")
    if answer.headers.get("content-type", "").startswith("text/html"):
        page = Strict()
        page.feed(answer.text)
        found += page.wrong
    found += [name for name in ("server", "x-powered-by") if name in answer.headers]
    return found


async def test_every_answer_has_them_and_no_page_needs_more(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LONGEST", 0.0)
    wrong: dict[str, list[str]] = {}
    pages = 0
    async with client(settings_for(database_url)) as http:
        for signed_in in (True, False):
            if not signed_in:
                http.cookies.clear()
            for route in routes():
                if route.method != "GET":
                    continue
                answer = await http.get(path_of(route.path), headers=HTML)
                pages += answer.headers.get("content-type", "").startswith("text/html")
                if found := faults(answer):
                    wrong[f"{route.name} {answer.status_code}"] = found
    assert wrong == {}
    assert pages > 60


async def test_errors_have_them_too(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(database_url, database_timeout=1.0)
    async with client(settings) as http:

        async def broken(*_: object) -> None:
            raise ValueError("broken on purpose")

        monkeypatch.setattr(queries, "units", broken)
        for method, path, status in (
            ("GET", "/opinion/tell", 500),
            ("GET", "/opinion/nothing/here", 404),
            ("GET", "/nothing", 404),
            ("GET", "/opinion/static/nothing.css", 404),
            ("GET", "/opinion/corrections/no-id", 422),
            ("GET", "/appraisal/reports/no-period", 404),
            ("DELETE", "/opinion/tell", 405),
            ("POST", "/opinion/desk/tips/0198c0de-0000-7000-8000-000000000000/triage", 404),
            ("GET", "/opinion/openapi.json", 200),
            ("GET", "/opinion/static/qingsheng.css", 200),
            ("GET", "/", 307),
        ):
            for accept in ("text/html", "*/*"):
                answer = await http.request(
                    method, path, headers={"Accept": accept}, data={} if method == "POST" else None
                )
                assert answer.status_code == status, (path, accept, answer.status_code, answer.text[:200])
                assert faults(answer) == [], (path, accept)
                assert "broken on purpose" not in answer.text
                assert "Traceback" not in answer.text
    away = settings_for("postgresql://127.0.0.1:1/none", database_timeout=1.0)
    async with client(away, ["opinion"]) as http:
        answer = await http.get("/opinion/tell", headers=HTML)
        assert (answer.status_code, faults(answer)) == (503, [])


async def test_what_is_personal_is_kept_by_no_browser_or_proxy(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages may be kept by the visitor's own browser only, and are asked for anew; see tests/roster for contacts."""
    monkeypatch.setattr(live, "_LONGEST", 0.0)
    async with client(settings_for(database_url)) as http:
        for route in routes():
            if route.method != "GET" or "/api/" in route.path or route.roles is None:
                continue
            answer = await http.get(path_of(route.path), headers=HTML)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            kept = answer.headers.get("cache-control", "")
            assert kept == "no-store" or {"no-cache", "private"} <= set(kept.split(", ")), (route.name, kept)


async def test_static_files_are_of_their_folder(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        for path in (
            "../pages.py",
            "..%2fpages.py",
            "%2e%2e/pages.py",
            "..%5cpages.py",
            "%2fetc/passwd",
            "/etc/passwd",
            "....//pages.py",
            "vendor/../../pages.py",
            "%00",
            "qingsheng.css%00.html",
            "a" * 5000,
        ):
            request = http.build_request("GET", "http://test/roster/static/x")
            request.url = httpx.URL("http://test").copy_with(raw_path=f"/roster/static/{path}".encode())
            answer = await http.send(request)
            assert answer.status_code in (404, 405), (path, answer.status_code)
            assert "import" not in answer.text
            assert "root:" not in answer.text
