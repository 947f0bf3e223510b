"""No request and no record holds an event loop for 50 ms: every route and every consumer with the worst that a search
finds. Best of three, by the CPU time of the loop's thread."""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from uuid_utils.compat import uuid7

from qingsheng.collecting import collect_seldom
from qingsheng.operate.standing import standings
from qingsheng.registry import SERVICES
from qingsheng.topics import ensure_producer_topics, ensure_topics
from qingsheng.users import operator_session
from services.appraisal import live
from shared.access.sessions import COOKIE
from shared.contracts.broken import Broken
from shared.contracts.intake import INTAKE_TYPES
from shared.contracts.topics import INTAKE_SERVICES, events_topic, intake_topic
from shared.delivery.subscription import Subscription
from shared.delivery.worker import Worker
from shared.settings import Settings
from shared.web.bodies import MOST, MOST_OF_FORM, MOST_WITH_FILE
from tests.abuse import worst_cases
from tests.abuse.worst_cases import Case
from tests.access.routes import routes
from tests.access.test_matrix import SAMPLES
from tests.contracts.examples import EXAMPLES
from tests.support.events import records, shares
from tests.support.kafka import Put, put
from tests.support.loop_watch import Held, watched
from tests.support.producing import key_of
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

pytestmark = [pytest.mark.xdist_group("loop"), pytest.mark.slow, pytest.mark.fault(24, "worst cases on the event loop")]

MOST_HELD = 0.05
"""Seconds of CPU in one callback."""
TRIES = 3
SEED = 20140701
OF_EACH = 25
"""Tries for each type of event or report, by what reads it; the worst is sent to the consumers."""
COPIES = 10
"""Of each of the worst."""
PRODUCER = "feeds"
GOOD = 10_000
"""Shares that wait on a topic, so that batches are as large as they may be."""
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
    random = Random(SEED)
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
    assert {name: round(took, 3) for name, (took, _, _) in worst.items() if took > MOST_HELD} == {}


async def worst_of(worker: Worker, random: Random) -> dict[str, list[dict[str, Any]]]:
    """By topic, without the deployment's prefix: of each type of event or report the worst that is found for what reads it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for subscription in worker.subscriptions:
        topic = intake_topic(worker.service, PRODUCER) if subscription.is_pattern else subscription.topic
        for name, example in EXAMPLES.items():
            if not (name in INTAKE_TYPES if subscription.is_pattern else name.startswith(topic.removesuffix("events"))):
                continue
            told = example | ({"source": f"/ext/{PRODUCER}"} if subscription.is_pattern else {})

            async def measure(
                case: Case, told: dict[str, Any] = told, topic: str = topic, reads: Subscription[Any] = subscription
            ) -> float:
                record: Any = SimpleNamespace(
                    topic=topic,
                    partition=0,
                    offset=0,
                    key=b"",
                    headers=(),
                    value=_written(worst_cases.letter(told, case)),
                )
                began = time.thread_time()
                with contextlib.suppress(Broken):
                    content: Any = reads.decode(record)
                    if reads.is_pattern:
                        worker._door.foresee([content])  # pyright: ignore[reportOptionalMemberAccess, reportPrivateUsage]
                return time.thread_time() - began

            _, case = await worst_cases.longest(measure, OF_EACH, [], random)
            found.setdefault(topic, []).append(worst_cases.letter(told, case))
    return found


def _written(letter: dict[str, Any]) -> bytes:
    return json.dumps(letter, ensure_ascii=False).encode()


async def test_no_record_holds_it(stack: Servers, database_url: str, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await key_of(settings, PRODUCER)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, PRODUCER, INTAKE_SERVICES)
    letters: dict[str, list[dict[str, Any]]] = {}
    for made in SERVICES.values():
        letters |= await worst_of(made.create_worker(settings), Random(SEED))
    async with workers(settings, *SERVICES):
        await eventually(lambda: _are_caught_up(settings), 60, 0.5)  # what is done once is no part of a record
    longest: list[list[tuple[float, str]]] = []
    for _ in range(TRIES):
        for topic, worst in letters.items():
            copies = [Put(_written(letter | {"id": str(uuid7())}), b"", 0) for letter in worst for _ in range(COPIES)]
            await put(settings, topic, copies)
        await put(settings, events_topic("campaign"), records(shares(GOOD), partition=1))
        collect_seldom()
        with watched() as held:
            async with workers(settings, *SERVICES):
                await eventually(lambda: _are_caught_up(settings), 120, 0.5)
        if held.seconds < MOST_HELD:
            return
        longest.append(sorted(held.longer, reverse=True)[:20])
    raise AssertionError(longest)


async def _are_caught_up(settings: Settings) -> bool:
    """Looked at on a loop of its own, which nobody watches."""
    found = await asyncio.to_thread(lambda: asyncio.run(standings(settings)))
    return bool(found) and all((each.stored or 0) == each.end for each in found)
