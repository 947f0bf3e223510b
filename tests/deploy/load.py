"""Load on a composed deployment through nginx: another system's reports, an operator's commands, a reader; and what came of it."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from aiokafka import AIOKafkaConsumer

from tests.deploy.composed import Composed
from tests.support import oracle
from tests.support.waiting import eventually

COUNTIES = ("350902", "350921", "350922")
EVENTS = [f"qingsheng.{service}.events" for service in ("roster", "training", "opinion", "campaign")]
SESSION = """
import asyncio
from qingsheng.users import operator_session
from shared.settings import Settings
print(asyncio.run(operator_session(Settings(), "load")))
"""


@dataclass
class Phase:
    """What happened to requests between two moments. An error: no answer, or a status of 500 and above."""

    name: str
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    asked: int = 0
    errors: int = 0
    longest_gap: float = 0.0
    """Longest time without any request that was answered."""
    _answered: float = field(default_factory=time.monotonic)

    def note(self, good: bool) -> None:
        now = time.monotonic()
        self.asked += 1
        if good:
            self.longest_gap = max(self.longest_gap, now - self._answered)
            self._answered = now
        else:
            self.errors += 1

    def end(self) -> None:
        now = time.monotonic()
        self.seconds = now - self.began
        self.longest_gap = max(self.longest_gap, now - self._answered)

    def row(self) -> str:
        rate = 100 * self.errors / self.asked if self.asked else 0.0
        return (
            f"{self.name:36} {self.seconds:7.1f} {self.asked:7d} {self.errors:6d} {rate:7.2f} % {self.longest_gap:7.1f}"
        )


HEAD = f"{'phase':36} {'seconds':>7} {'asked':>7} {'errors':>6} {'rate':>9} {'gap s':>7}"


class Load:
    """``acknowledged``: ids of the events that an answer named."""

    def __init__(self, project: Composed) -> None:
        self.kafka = f"127.0.0.1:{project.ports['kafka']}"
        self.acknowledged: set[str] = set()
        self.commands = 0
        self.phases: list[Phase] = []
        self._phase = Phase("start")
        token = project.compose("exec", "-T", "roster-api", "python", "-c", SESSION).strip()
        self._operator = {"Authorization": f"Bearer {token}"}
        told = project.compose(
            "exec", "-T", "roster-api", "qingsheng", "keys", "issue", "load", "--services", "opinion", "--json"
        )
        self._producer = {"Authorization": f"Bearer {json.loads(told)['key']}"}
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{project.ports['http']}", timeout=15)
        self._stopping = False

    def phase(self, name: str) -> None:
        self._phase.end()
        self._phase = Phase(name)
        self.phases.append(self._phase)

    async def prepare(self) -> None:
        for county in COUNTIES:
            unit = {"unit_id": county, "name": {"zh": county}, "kind": "county", "county": county}
            answer = await self._http.post("/roster/api/v1/units", json=unit, headers=self._operator)
            assert answer.status_code == 201, answer.text
            quota = f"/roster/api/v1/units/{county}/quotas/county/{datetime.now(UTC).year}"
            answer = await self._http.put(quota, json={"quota": 1000}, headers=self._operator)
            assert answer.status_code == 200, answer.text

        # The unit is on its way to the service; a rejected report is said again with a new id.
        async def first() -> bool:
            return await self._taken(_tip(f"first-{time.time_ns()}"))

        await eventually(first, deadline=60, interval=0.5)

    async def reports(self) -> None:
        number = 0
        while not self._stopping:
            number += 1
            report = _tip(f"load-{number}")
            # Said again, the same, until it is answered, as other systems do.
            while not (await self._taken(report) or self._stopping):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.05)

    async def _taken(self, report: dict[str, Any]) -> bool:
        answer = await self._ask("POST", "/opinion/api/v1/intake", headers=self._producer, json=report)
        if answer is None or answer.status_code != 200:
            return False
        [told] = answer.json()
        if told.get("type") != "qingsheng.intake.accepted.v1":
            return False
        self.acknowledged |= set(told["data"]["event_ids"])
        return True

    async def volunteers(self) -> None:
        number = 0
        while not self._stopping:
            number += 1
            while not (await self.volunteer(f"load-{number}") or self._stopping):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.05)

    async def volunteer(self, name: str) -> bool:
        """One command; said again under the same name it is done once. Returns whether it was answered."""
        body = {"unit_id": COUNTIES[sum(name.encode()) % 3], "team": "county", "category": "reviewer"}
        headers = self._operator | {"Idempotency-Key": name}
        answer = await self._ask("POST", "/roster/api/v1/volunteers", headers=headers, json=body)
        done = answer is not None and answer.status_code == 201
        self.commands += done
        return done

    async def readings(self) -> None:
        while not self._stopping:
            await self._ask("GET", f"/appraisal/api/v1/reports/{self.period}", headers=self._operator)
            await asyncio.sleep(0.1)

    @property
    def period(self) -> str:
        return str(datetime.now(ZoneInfo("Asia/Shanghai")).year)

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError:
            self._phase.note(False)
            return None
        self._phase.note(answer.status_code < 500)
        return answer

    async def events(self) -> list[dict[str, Any]]:
        """Everything on the event topics up to their present ends."""
        consumer: Any = AIOKafkaConsumer(*EVENTS, bootstrap_servers=self.kafka, auto_offset_reset="earliest")
        async with consumer:
            ends = await consumer.end_offsets(consumer.assignment())
            found: list[dict[str, Any]] = []
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += [json.loads(record.value) for record in records]
            return found

    async def settle(self) -> tuple[int, int]:
        """Ends the load; waits until the report is the oracle's and nothing acknowledged is missing. Returns the number of
        events, and of copies among them."""
        self._stopping = True
        self._phase.end()
        last: dict[str, Any] = {}

        async def agreed() -> Any:
            answer = await self._ask("GET", f"/appraisal/api/v1/reports/{self.period}", headers=self._operator)
            if answer is None or answer.status_code != 200:
                return None
            events = await self.events()
            expected = oracle.report(events, self.period, now=datetime.now(UTC))
            missing = self.acknowledged - {event["id"] for event in events}
            last.update(reported=answer.json()["counties"], expected=expected["counties"], missing=len(missing))
            same = answer.json()["counties"] == json.loads(json.dumps(expected["counties"]))
            return events if same and not missing else None

        try:
            events = await eventually(agreed, deadline=180, interval=1)
        except AssertionError:
            raise AssertionError(f"report, oracle and acknowledgements do not agree: {last}") from None
        return len(events), len(events) - len({event["id"] for event in events})

    def told(self, events: int, copies: int) -> str:
        """The table of phases, and what was counted."""
        counted = f"{len(self.acknowledged)} reports acknowledged, {self.commands} commands, {events} events ({copies} copies)"
        return "\n".join(["", HEAD, *(phase.row() for phase in self.phases), f"{counted}; the report is the oracle's"])

    async def close(self) -> None:
        await self._http.aclose()


def _tip(name: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    county = COUNTIES[sum(name.encode()) % len(COUNTIES)]
    tip = {"channel": "phone", "kind": "need", "topic": "transport", "unit_id": county, "reported_at": now}
    event = {"specversion": "1.0", "id": name, "source": "/ext/load", "time": now}
    return event | {"type": "qingsheng.intake.tip_reported.v1", "data": tip | {"text": "路灯坏了，请修。"}}


@asynccontextmanager
async def loaded(project: Composed) -> AsyncGenerator[Load]:
    """The deployment with load running."""
    load = Load(project)
    await load.prepare()
    load.phase("nothing happens")
    tasks = [asyncio.create_task(part()) for part in (load.reports, load.volunteers, load.readings)]
    try:
        yield load
        # Each ends by itself; what it failed with is raised here.
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await load.close()
