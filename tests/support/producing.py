"""A producing service on one test's database, without Kafka: roster events and reports in, its events and answers out."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
from aiokafka import AIOKafkaConsumer

from qingsheng.users import administering
from shared.access import accounts, keys, sessions
from shared.access.roles import Role
from shared.contracts.decoding import Decoder
from shared.contracts.envelope import Event, EventData
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.registry import of_service
from shared.contracts.requests import parse
from shared.contracts.roster import (
    AccountDisclosed,
    AccountWithdrawn,
    UnitDefined,
    VolunteerLeft,
    VolunteerRegistered,
    VolunteerTransferred,
)
from shared.delivery.broker import create_producer
from shared.delivery.intake import Arrival, Door
from shared.postgres import Connection
from shared.roster_view.storage import NEEDED
from shared.security import new_api_key
from shared.settings import Settings
from tests.support.kafka import kafka_at

SHANGHAI = ZoneInfo("Asia/Shanghai")
CITY, JIAOCHENG, XIAPU, GUTIAN = "350900", "350902", "350921", "350922"
PATIENCE = 900.0


def at(text: str) -> datetime:
    """A moment in Ningde, such as ``2014-07-01 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@dataclass
class RosterLog:
    """Makes the roster's events, with its sequences; they reach a service when a test hands them over."""

    told: list[Event] = field(default_factory=list)
    """As the roster would publish them."""
    _sequences: dict[str, int] = field(default_factory=dict)

    def unit(self, unit_id: str = JIAOCHENG, county: str | None = None) -> Any:
        code = county or unit_id[:6]
        kind = "city" if unit_id == CITY else "county"
        return self._event(UnitDefined(unit_id=unit_id, name=Names(zh=unit_id), kind=kind, county=code), code)

    def registered(self, volunteer: UUID, on: str = "2014-05-01", unit_id: str = JIAOCHENG) -> Any:
        day = date.fromisoformat(on)
        registered = VolunteerRegistered(
            volunteer_id=volunteer,
            unit_id=unit_id,
            team="county",
            category="college_volunteer",
            registered_on=day,
            consented_on=day,
        )
        return self._event(registered, unit_id[:6])

    def transferred(self, volunteer: UUID, on: str, to: str) -> Any:
        transferred = VolunteerTransferred(
            volunteer_id=volunteer,
            from_unit_id=JIAOCHENG,
            to_unit_id=to,
            from_county=JIAOCHENG,
            to_county=to[:6],
            effective_on=date.fromisoformat(on),
        )
        return self._event(transferred, to[:6])

    def left(self, volunteer: UUID, on: str) -> Any:
        data = VolunteerLeft(volunteer_id=volunteer, unit_id=JIAOCHENG, left_on=date.fromisoformat(on))
        return self._event(data, JIAOCHENG)

    def disclosed(
        self, volunteer: UUID, account: UUID, when: str = "2014-05-02 09:00", verified: str | None = None
    ) -> Any:
        disclosed = AccountDisclosed(
            volunteer_id=volunteer,
            account_id=account,
            platform="weibo",
            disclosed_at=at(when),
            verified_at=at(verified or when),
        )
        return self._event(disclosed, JIAOCHENG)

    def withdrawn(self, volunteer: UUID, account: UUID, when: str) -> Any:
        data = AccountWithdrawn(volunteer_id=volunteer, account_id=account, withdrawn_at=at(when))
        return self._event(data, JIAOCHENG)

    def _event(self, data: EventData, county: str) -> Any:
        key = str(getattr(data, data.KEY))
        sequence = self._sequences[key] = self._sequences.get(key, 0) + 1
        now = datetime.now(UTC)
        event = Event.of(
            data,
            id=uuid4(),
            time=data.own_time(SHANGHAI) or now,
            recordedtime=now,
            sequence=sequence,
            county=county,
        )
        self.told.append(event)
        decoded = Decoder("roster", NEEDED, SHANGHAI)(event.to_json())
        assert decoded is not None
        return decoded


@dataclass
class Service:
    """One service: its doors and what comes out of it."""

    name: str
    settings: Settings
    pool: Any
    http: httpx.AsyncClient
    door: Door
    take_roster_events: Callable[[Connection, Sequence[Any]], Awaitable[None]]
    """The service's reading of the roster's topic."""
    roster: RosterLog = field(default_factory=RosterLog)

    # -- in --------------------------------------------------------------------------------------------------------

    async def know(self, *events: Any) -> None:
        """Hands roster events over, as one batch."""
        async with self.transaction() as connection:
            await self.take_roster_events(connection, events)

    async def volunteer(self, unit_id: str = JIAOCHENG) -> UUID:
        """A volunteer registered since May 2014, known to the service."""
        volunteer = uuid4()
        await self.know(self.roster.unit(unit_id), self.roster.registered(volunteer, unit_id=unit_id))
        return volunteer

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post(f"/{self.name}/api/v1{path}", json=body, headers=told)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(f"/{self.name}/api/v1{path}", params=query)

    async def as_county(self, county: str) -> dict[str, str]:
        """The header of an operator of that county."""
        return await session_of(self.settings, Role.COUNTY_OPERATOR, county=county)

    async def take(self, *reports: dict[str, Any], producer: str = "feeds") -> list[list[dict[str, Any]]]:
        """Reports as one batch; the answers to each, none for one that waits."""
        async with self.transaction() as connection:
            return await self.take_in(connection, *reports, producer=producer)

    async def take_in(
        self, connection: Connection, *reports: dict[str, Any], producer: str = "feeds"
    ) -> list[list[dict[str, Any]]]:
        replies = await self.door.take(connection, [_arrival(report, producer) for report in reports])
        return [[json.loads(answer) for answer in reply.answers] for reply in replies]

    async def settle(self) -> int:
        async with self.transaction() as connection:
            return await self.door.settle(connection, PATIENCE)

    async def let_waits_end(self) -> None:
        """As if all that is parked had waited to the end of its time."""
        await self.pool.execute("update parked set clock_from = now() - make_interval(secs => $1)", PATIENCE + 1)

    # -- out -------------------------------------------------------------------------------------------------------

    async def events(self, type_name: str = "") -> list[Any]:
        """The service's events of that type (such as ``tip_reported``), decoded as any reader of its topic would."""
        decoder = Decoder(self.name, list(of_service(self.name).values()), SHANGHAI)
        rows = await self.pool.fetch(
            "select key, value from outbox where topic = $1 order by id", f"qingsheng.{self.name}.events"
        )
        decoded = [(row["key"], decoder(row["value"])) for row in rows]
        assert all(event and key == event.partitionkey for key, event in decoded)
        return [event for _, event in decoded if event and type_name in event.type]

    async def answers(self, producer: str = "feeds") -> dict[str, dict[str, Any]]:
        """The last answer event sent for each report, by the report's id."""
        rows = await self.pool.fetch(
            "select value from outbox where topic = $1 order by id", f"qingsheng.intake.answers.{producer}"
        )
        answers = [json.loads(row["value"]) for row in rows]
        return {answer["data"]["request_id"]: answer for answer in answers}

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def someone_waits(self) -> bool:
        """Whether a transaction waits for another one's end."""
        return await self.pool.fetchval(
            "select exists (select from pg_locks where locktype = 'transactionid' and not granted)"
        )


# -- who is asking -----------------------------------------------------------------------------------------------------


async def session_of(settings: Settings, *roles: Role, county: str | None = None) -> dict[str, str]:
    """The header of somebody signed in with these roles."""
    name = "-".join([*sorted(roles), county or "all"]).replace("_", "-")
    async with administering(settings) as connection:
        if not await connection.fetchval("select true from access.account where name = $1", name):
            await accounts.add(connection, "tests", name, roles, county)
        return {"Authorization": f"Bearer {await sessions.begin(connection, name)}"}


async def key_of(settings: Settings, producer: str, *services: str) -> dict[str, str]:
    """The header of a producer registered for these services, by default all; its topics are not made."""
    key = new_api_key()
    async with administering(settings) as connection:
        await keys.store(connection, producer, services or ("training", "opinion", "campaign"), key)
    return {"X-API-Key": key}


# -- Kafka -------------------------------------------------------------------------------------------------------------


async def publish(bootstrap_servers: str, topic: str, *records: bytes) -> None:
    async with create_producer(kafka_at(bootstrap_servers)) as producer:
        for record in records:
            await producer.send_and_wait(topic, record)


async def answers_on(bootstrap_servers: str, topic: str, count: int) -> dict[str, str]:
    """What that many reports were answered on a topic, by their ids: ``accepted`` or a code."""
    consumer = AIOKafkaConsumer(topic, **kafka_at(bootstrap_servers), auto_offset_reset="earliest")
    answers: dict[str, str] = {}
    async with consumer:
        while len(answers) < count:
            record = await asyncio.wait_for(consumer.getone(), 30)
            answer = json.loads(record.value or b"")
            answers[answer["data"]["request_id"]] = codes([[answer]])[0]
    return answers


# -- reports and what is said to them ----------------------------------------------------------------------------------


def report(kind: str, data: dict[str, Any], *, id: str | None = None, producer: str = "feeds") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id or f"r-{uuid4()}",
        "source": f"/ext/{producer}",
        "type": f"qingsheng.intake.{kind}.v1",
        "time": "2014-07-02T01:00:00Z",
        "data": {name: _json(value) for name, value in data.items()},
    }


def codes(answers: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """For each report: ``accepted``, ``waiting``, or the codes it was refused with."""

    def said(answer: dict[str, Any]) -> str:
        return answer["data"].get("code", "accepted")

    return ["+".join(map(said, each)) or "waiting" for each in answers]


def pointers(answers: Sequence[Sequence[dict[str, Any]]]) -> list[str | None]:
    return [each[0]["data"].get("pointer") for each in answers]


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert set(problem["message"]) == {"zh", "en"}
    return answer.status_code, problem["code"], problem.get("pointer")


def _arrival(told: dict[str, Any], producer: str) -> Arrival:
    try:
        return Arrival(producer, parse(json.dumps(told).encode()))
    except Refusal as refusal:
        return Arrival(producer, refusal)


def _json(value: Any) -> Any:
    convert: dict[type, Callable[[Any], Any]] = {UUID: str, datetime: datetime.isoformat}
    return convert.get(type(value), lambda same: same)(value)
