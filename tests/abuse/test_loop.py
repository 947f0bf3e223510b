"""No request and no record holds an event loop for 50 ms: every route and every consumer with the worst that a search
finds. Best of three, by the CPU time of the loop's thread."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from qingsheng.collecting import collect_seldom
from qingsheng.registry import SERVICES
from qingsheng.users import operator_session
from services.appraisal import live
from shared.access.sessions import COOKIE
from shared.settings import Settings
from shared.web.bodies import MOST, MOST_OF_FORM, MOST_WITH_FILE
from tests.abuse import worst_cases
from tests.abuse.worst_cases import Case
from tests.access.routes import routes
from tests.access.test_matrix import SAMPLES
from tests.support.loop_watch import Held, watched
from tests.support.producing import key_of
from tests.support.services import client, settings_for

pytestmark = [pytest.mark.xdist_group("loop"), pytest.mark.slow, pytest.mark.fault(24, "worst cases on the event loop")]

MOST_HELD = 0.05
"""Seconds of CPU in one callback."""
TRIES = 3
FIELDS = tuple(
    sorted(
        {
            name
            for folder in ("services", "shared")
            for page in (Path(__file__).parents[2] / folder).rglob("*.html")
            for name in re.findall(r'name="([a-z_]+)"', page.read_text(encoding="utf-8"))
        }
    )
)
"""Of all forms of all pages."""
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


class Http:
    """The services' APIs, asked on the loop that is watched, by somebody with every role and by a producer."""

    def __init__(self, http: httpx.AsyncClient, key: Mapping[str, str], settings: Settings, held: Held) -> None:
        self._http = http
        self._key = key
        self._settings = settings
        self._held = held
        self._asked = 0

    async def held_by(self, method: str, path: str, query: str, content: bytes, kind: str) -> float:
        headers = {"Content-Type": kind, "If-Match": "*", "Accept": "*/*", "Content-Length": str(len(content))}
        if path.endswith("/intake"):
            headers |= self._key
        self._asked += 1
        # An address of its own each time, so that no limit of an address keeps it out.
        transport: Any = self._http._transport
        transport.client = (f"10.{self._asked >> 16}.{self._asked >> 8 & 255}.{self._asked & 255}", 1)
        request = self._http.build_request(
            method, f"{path}?{query}" if query else path, content=content, headers=headers
        )
        await asyncio.sleep(0)  # what was made up to here is no part of the request
        self._held.clear()
        answer = await self._http.send(request)
        assert answer.status_code < 500 or answer.status_code == 503, (method, path, answer.text[:300])
        return self._held.seconds

    async def sign_in(self) -> None:
        self._http.cookies.set(COOKIE, await operator_session(self._settings, "tester"))


@pytest.fixture
def held() -> Iterator[Held]:
    collect_seldom()
    with watched() as held:
        yield held


async def best_of_three(measure: Callable[[Case], Awaitable[float]], case: Case) -> float:
    return min([await measure(case) for _ in range(3)])


def bodies_of(settings: Settings) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """By method and path, the schema of a route's JSON body, and the schemas it speaks of."""
    found: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for service, made in SERVICES.items():
        document = made.create_api(settings).openapi()
        known = document.get("components", {}).get("schemas", {})
        for path, methods in document["paths"].items():
            for method, told in methods.items():
                for kind, content in told.get("requestBody", {}).get("content", {}).items():
                    if kind.endswith("json"):
                        found[f"{method.upper()} /{service}{path}"] = content["schema"], known
    return found


async def test_no_request_holds_it(database_url: str, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LONGEST", 0.0)  # a stream that would stay open for minutes
    settings = settings_for(database_url)
    schemas = bodies_of(settings)
    random = Random(20140701)
    elite: list[tuple[float, Case]] = []
    worst: dict[str, tuple[float, Case, str]] = {}
    async with client(settings) as http:
        ours = Http(http, await key_of(settings, "feeds"), settings, held)
        for route in routes():
            path = _PARAMETER.sub(
                lambda found: SAMPLES.get(found[1], "0198c0de-0000-7000-8000-000000000000"), route.path
            )

            async def measure(
                case: Case, method: str = route.method, path: str = path, name: str = route.name
            ) -> float:
                query, content, kind = "", b"", "application/json"
                if method == "GET":
                    query = "&".join(
                        f"{n}={case.text[:300]}" for n in ("cursor", "q", "county", "as_of", "from", "limit")
                    )
                elif name in schemas:
                    content = worst_cases.body(*schemas[name], case, MOST)
                elif "/api/" in path:
                    content, kind = worst_cases.listed(case, MOST_WITH_FILE), "text/csv"
                elif case.whole:
                    content = worst_cases.multipart(FIELDS, case, MOST_WITH_FILE)
                    kind = "multipart/form-data; boundary=x"
                else:
                    content, kind = worst_cases.form(FIELDS, case, MOST_OF_FORM), "application/x-www-form-urlencoded"
                return await ours.held_by(method, path, query, content, kind)

            tries = 2 if route.method == "GET" else TRIES
            took, case = await worst_cases.longest(measure, tries, [case for _, case in elite[:2]], random)
            worst[route.name] = took, case, held.by
            if route.method != "GET":
                elite = sorted([*elite, (took, case)], key=lambda each: each[0], reverse=True)[:4]
            if took > MOST_HELD:
                worst[route.name] = await best_of_three(measure, case), case, held.by
            if "sign-out" in route.path:
                await ours.sign_in()
    for name, (took, case, by) in sorted(worst.items(), key=lambda each: -each[1][0])[:60]:
        print(
            f"{took * 1000:8.1f} ms {name} {case.alphabet[:8]!r} {case.length} {case.count} {case.depth} {case.whole} {by}"
        )
    assert {name: round(took, 3) for name, (took, _, _) in worst.items() if took > MOST_HELD} == {}
