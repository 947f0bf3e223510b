"""Texts that would be something else: markup, a query, another line. Told through every door, seen on every page."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import asyncpg
import httpx
import pytest

from qingsheng.registry import SERVICES
from services.appraisal import live
from tests.abuse.test_headers import HTML, Strict, path_of
from tests.access.routes import routes
from tests.roster.harness import sheet
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "markup, queries and addresses in texts; links, which nobody fetches")

MARKUP = """"'></title></textarea></script><b1nk onmouseover=alert(1)><script src=//x.example></script>{{7*7}}${7*7}"""
QUERY = "'; drop table unit; -- \\' or 1=1 %' _ %s $1"
TEXT = f"{MARKUP} {QUERY}"
COUNTY = "350902"
_LINK = re.compile(r'href="(/[^"#]*)')


class Story:
    """Things told with TEXT wherever a text is taken. ``fetched``: connections to the address that all links name."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self.http = http
        self.link = f"http://127.0.0.1:{port}/canary"
        self.fetched: list[object] = []

    async def ask(self, method: str, path: str, body: Any, status: int = 201) -> dict[str, Any]:
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code == status, (path, answer.text)
        return answer.json()

    async def when_known(self, path: str, body: Any) -> dict[str, Any]:
        async def taken() -> dict[str, Any] | None:
            answer = await self.http.post(path, json=body)
            assert answer.status_code == 201 or answer.json()["code"].startswith(
                ("unknown_", "account_", "volunteer_")
            ), answer.text
            return answer.json() if answer.status_code == 201 else None

        return await eventually(taken, 60) or {}

    async def tell(self) -> None:
        name = {"zh": TEXT, "en": TEXT}
        unit = {"unit_id": COUNTY, "kind": "county", "county": COUNTY, "name": name}
        await self.ask("POST", "/roster/api/v1/units", unit)
        member = {"unit_id": COUNTY, "team": "county", "category": "reviewer"}
        contact = {"name": MARKUP[:90], "phone": "13800138000", "email": "a@b.example"}
        made = await self.ask("POST", "/roster/api/v1/volunteers", member | {"contact": contact})
        volunteer = made["volunteer_id"]
        days = {"registered_on": "2014-05-01", "consented_on": "2014-05-01"}
        await self.ask("POST", f"/roster/api/v1/volunteers/{volunteer}/register", days, 200)
        moment = "2014-05-02T08:00:00+08:00"
        account = {"platform": "weibo", "disclosed_at": moment, "verified_at": moment, "disclosure_url": self.link}
        account_id = (await self.ask("POST", f"/roster/api/v1/volunteers/{volunteer}/accounts", account))["account_id"]
        session = {"kind": "class", "title": name, "starts_at": "2014-06-01T09:00:00+08:00", "hours": 2}
        session |= {"organisers": [COUNTY], "joint_with": TEXT, "venues": [{"name": TEXT[:190]}]}
        await self.when_known("/training/api/v1/sessions", session)
        column = {"title": name, "opened_on": "2014-05-01", "unit_id": COUNTY}
        column_id = (await self.when_known("/campaign/api/v1/columns", column))["column_id"]
        post = {
            "channel": "weibo",
            "unit_id": COUNTY,
            "title": TEXT,
            "url": f"{self.link}?'><b1nk>",
            "published_at": moment,
        }
        post_id = (await self.ask("POST", "/campaign/api/v1/posts", post | {"column_id": column_id}))["post_id"]
        share = {"post_id": post_id, "volunteer_id": volunteer, "account_id": account_id, "link": self.link}
        await self.when_known("/campaign/api/v1/reposts", share | {"shared_at": "2014-05-03T08:00:00+08:00"})
        tip = {
            "channel": "phone",
            "kind": "need",
            "topic": "jobs",
            "unit_id": COUNTY,
            "text": f"路灯坏了，请修。{TEXT}",
        }
        tip_id = (await self.when_known("/opinion/api/v1/tips", tip))["tip_id"]
        await self.ask("POST", f"/opinion/api/v1/tips/{tip_id}/triage", {"responsible_unit_id": COUNTY}, 200)
        await self.ask("POST", f"/opinion/api/v1/tips/{tip_id}/answer", {"answer": TEXT}, 200)
        case = {"unit_id": COUNTY, "claim_published_at": moment, "source_kind": "media", "opened_at": moment}
        case |= {"claim": TEXT, "claim_link": self.link}
        case_id = (await self.ask("POST", "/opinion/api/v1/corrections", case))["case_id"]
        https = self.link.replace("http:", "https:")
        case_path = f"/opinion/api/v1/corrections/{case_id}"
        evidence = [{"link": https, "title": MARKUP}]
        await self._accepted(f"{case_path}/evidence", {"evidence": evidence})
        await self._accepted(f"{case_path}/timeline", {"text": TEXT})
        closing = {"outcome": "clarified", "official_source": https, "media_met": True, "finding": TEXT}
        await self._accepted(f"{case_path}/close", closing)
        rows = sheet([["单位代码", "队伍", "类别", "登记日期", "同意日期", "序号"], [COUNTY, *[TEXT] * 5]])
        files = {"file": (f"{MARKUP}\r\n.xlsx", rows)}
        kept = await self.http.post("/roster/ledgers", data={"unit_id": COUNTY}, files=files)
        assert kept.status_code == 303, kept.text

    async def _accepted(self, path: str, body: Any) -> None:
        answer = await self.http.post(path, json=body)
        assert answer.status_code in (200, 201), (path, answer.text)

    async def crawl(self) -> dict[str, str]:
        """All pages and files that links lead to, from the services' first pages on, in both languages."""
        seen: dict[str, str] = {}
        waiting = [f"/{service}/?lang={language}" for service in SERVICES for language in ("zh", "en")]
        waiting += [
            "/opinion/corrections",
            "/opinion/desk/tips",
            "/appraisal/periods",
            "/appraisal/schemes",
            "/training/plan",
        ]
        while waiting and len(seen) < 200:
            path = waiting.pop(0)
            if path in seen or "/static/" in path or "/live" in path:
                continue
            answer = await self.http.get(path, headers=HTML, follow_redirects=True)
            assert answer.status_code < 500, (path, answer.text[:300])
            html = answer.headers.get("content-type", "").startswith("text/html")
            seen[path] = answer.text if html else ""
            if html:
                waiting += [unescape(link) for link in _LINK.findall(answer.text)]
        return seen


@pytest.fixture
async def story(
    database_url: str, stack: Servers, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Story]:
    monkeypatch.setattr(live, "_LONGEST", 0.0)
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    fetched: list[object] = []

    def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fetched.append(writer)
        writer.close()

    listener = await asyncio.start_server(heard, "127.0.0.1", 0)
    async with workers(settings, *SERVICES), client(settings) as http:
        made = Story(http, listener.sockets[0].getsockname()[1])
        made.fetched = fetched
        await made.tell()
        yield made
    listener.close()


@pytest.mark.slow
async def test_markup_stays_text_on_every_page_and_no_link_is_fetched(story: Story, database_url: str) -> None:
    pages = await story.crawl()
    wrong: dict[str, list[str]] = {}
    for path, page in pages.items():
        strict = Strict()
        strict.feed(page)
        if strict.wrong:
            wrong[path] = strict.wrong
        assert "49$" not in page, f"a template ran what was told: {path}"
    assert wrong == {}
    shown = [path for path, page in pages.items() if "b1nk" in page]
    for service in ("roster", "training", "campaign", "opinion", "appraisal"):
        assert any(path.startswith(f"/{service}/") for path in shown), f"{service} shows what was told, as text"
    assert len(pages) > 60
    assert story.fetched == [], "addresses are stored, never fetched"
    connection = await asyncpg.connect(database_url)
    assert await connection.fetchval("select count(*) from roster.unit") == 1
    await connection.close()


async def test_no_parameter_breaks_a_query_or_a_page(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LONGEST", 0.0)
    wrong: list[str] = []
    odd = (
        "%00",
        "%27%3B%20drop%20table%20unit%3B--",
        "%F0%9F%92%A3",
        "%ED%A0%80",
        "a%0D%0ASet-Cookie:%20x=1",
        "%2e%2e%2f",
    )
    names = ("cursor", "unit_id", "county", "q", "lang", "next", "state", "period", "as_of", "limit", "year", "token")
    async with client(settings_for(database_url)) as http:
        for route in routes():
            if route.method != "GET" or route.path.endswith("/readyz"):  # without a worker they are not
                continue
            paths = [f"{path_of(route.path)}?{'&'.join(f'{name}={value}' for name in names)}" for value in odd]
            if "{" in route.path:
                paths += [re.sub(r"\{[^}]*\}", value, route.path) for value in odd]
            for path in paths:
                request = http.build_request("GET", "http://test/", headers=HTML)
                request.url = httpx.URL("http://test").copy_with(raw_path=path.encode())
                answer = await http.send(request)
                told = [value for name, value in answer.headers.items() if "\r" in value or "\n" in value]
                planted = any(each.startswith("x=1") for each in answer.headers.get_list("set-cookie"))
                if answer.status_code >= 500 or told or planted:
                    wrong.append(f"{path}: {answer.status_code}")
    assert wrong == []


async def test_no_scheme_but_the_webs_is_taken_as_an_address(story: Story) -> None:
    http = story.http
    addresses = (
        "javascript:alert(1)",
        "JaVaScRiPt://x/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//x.example/",
    )
    addresses += (
        "vbscript:x",
        "http:",
        "http://",
        " javascript:alert(1)",
        "java\nscript:x",
        "ftp://x.example/",
        "http:/\\x",
    )
    column = (await http.get("/campaign/api/v1/columns")).json()["items"][0]["column_id"]
    volunteer = (await http.get("/roster/api/v1/volunteers")).json()["items"][0]["volunteer_id"]
    case = (await http.get("/opinion/api/v1/corrections")).json()["items"][0]["case_id"]
    moment = "2014-05-02T08:00:00+08:00"
    post = {"channel": "weibo", "unit_id": COUNTY, "title": "x", "published_at": moment, "column_id": column}
    account = {"platform": "weibo", "disclosed_at": moment, "verified_at": moment}
    opening = {"unit_id": COUNTY, "claim_published_at": moment, "source_kind": "media", "claim": "x"}
    wrong: list[str] = []
    for address in addresses:
        for path, body in (
            ("/campaign/api/v1/posts", post | {"url": address}),
            (f"/roster/api/v1/volunteers/{volunteer}/accounts", account | {"disclosure_url": address}),
            ("/opinion/api/v1/corrections", opening | {"claim_link": address}),
            (f"/opinion/api/v1/corrections/{case}/evidence", {"evidence": [{"link": address}]}),
            (
                f"/opinion/api/v1/corrections/{case}/close",
                {"outcome": "clarified", "media_met": True, "official_source": address, "evidence": [address]},
            ),
        ):
            answer = await http.post(path, json=body)
            if answer.status_code != 422:
                wrong.append(f"{path} took {address!r}: {answer.status_code}")
    assert wrong == []
    assert story.fetched == []


async def test_a_line_in_what_was_asked_is_no_line_of_the_log() -> None:
    """The database is away, and that is logged with the route that was asked for."""
    asking = """
import asyncio
from shared import telemetry
from tests.support.services import client, settings_for

async def ask():
    async with client(settings_for("postgresql://127.0.0.1:1/none", database_timeout=1.0), ["opinion"]) as http:
        for line in ("%0a", "%0d%0a", "%e2%80%a8", "%1b[31m"):
            await http.get("/opinion/status/x" + line + '{"event": "forged", "level": "info"}')

telemetry.set_up_logging()
asyncio.run(ask())
"""
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", asking], capture_output=True, timeout=120)
    lines = [json.loads(line) for line in done.stderr.decode().split("\n") if line]
    told = [line for line in lines if line["event"].startswith("GET /opinion/status/{token}: ")]
    assert len(told) == 2, "those with a line feed in it are the address of nothing"
    assert b"forged" not in done.stderr
    assert b"\x1b" not in done.stderr
