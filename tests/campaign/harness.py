"""The campaign on one test's database, without Kafka: roster events and reports in, its events and answers out."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx

from services.campaign.consumers import take_roster_events
from services.campaign.intake import create_door
from shared.clock import Clock
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
from shared.delivery.intake import Arrival
from shared.postgres import Connection, Pool, open_pool
from shared.roster_view.storage import NEEDED
from shared.settings import Settings
from tests.support import services

SHANGHAI = ZoneInfo("Asia/Shanghai")
JIAOCHENG, XIAPU = "350902", "350921"
PATIENCE = 900.0


def at(text: str) -> datetime:
    """A moment in Ningde, such as ``2014-07-01 09:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@dataclass
class RosterLog:
    """Makes the roster's events, with its sequences; they reach the campaign when a test hands them over.

    ``told``: all of them, as they would stand on the roster's topic.
    """

    told: list[Event] = field(default_factory=list)
    _sequences: dict[str, int] = field(default_factory=dict)

    def unit(self, unit_id: str = JIAOCHENG, county: str | None = None) -> Any:
        defined = UnitDefined(unit_id=unit_id, name=Names(zh=unit_id), kind="county", county=county or unit_id[:6])
        return self._event(defined, county or unit_id[:6])

    def registered(self, volunteer: UUID, on: str = "2014-05-01", unit_id: str = JIAOCHENG) -> Any:
        day = date.fromisoformat(on)
        return self._event(
            VolunteerRegistered(
                volunteer_id=volunteer,
                unit_id=unit_id,
                team="county",
                category="college_volunteer",
                registered_on=day,
                consented_on=day,
            ),
            unit_id[:6],
        )

    def transferred(self, volunteer: UUID, on: str, unit_id: str) -> Any:
        return self._event(
            VolunteerTransferred(
                volunteer_id=volunteer,
                from_unit_id=JIAOCHENG,
                to_unit_id=unit_id,
                from_county=JIAOCHENG,
                to_county=unit_id[:6],
                effective_on=date.fromisoformat(on),
            ),
            unit_id[:6],
        )

    def left(self, volunteer: UUID, on: str) -> Any:
        data = VolunteerLeft(volunteer_id=volunteer, unit_id=JIAOCHENG, left_on=date.fromisoformat(on))
        return self._event(data, JIAOCHENG)

    def disclosed(
        self, volunteer: UUID, account: UUID, when: str = "2014-05-02 09:00", verified: str | None = None
    ) -> Any:
        return self._event(
            AccountDisclosed(
                volunteer_id=volunteer,
                account_id=account,
                platform="weibo",
                disclosed_at=at(when),
                verified_at=at(verified or when),
            ),
            JIAOCHENG,
        )

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
class Campaign:
    """One campaign: its doors and what comes out of it."""

    settings: Settings
    pool: Pool
    http: httpx.AsyncClient
    roster: RosterLog = field(default_factory=RosterLog)

    def __post_init__(self) -> None:
        self.clock = Clock(self.settings.zone, self.settings.story_mode)
        self.door = create_door(self.settings)

    # -- in --------------------------------------------------------------------------------------------------------

    async def know(self, *events: Any) -> None:
        """Hands roster events over, as one batch."""
        async with self.transaction() as connection:
            await take_roster_events(connection, self.clock, events)

    async def volunteer(self, unit_id: str = JIAOCHENG) -> tuple[UUID, UUID]:
        """A volunteer registered since May 2014 and the account disclosed then, known to the campaign."""
        volunteer, account = uuid4(), uuid4()
        await self.know(
            self.roster.unit(unit_id),
            self.roster.registered(volunteer, unit_id=unit_id),
            self.roster.disclosed(volunteer, account),
        )
        return volunteer, account

    async def post(self, published: str = "2014-07-01 08:00", **more: Any) -> str:
        """The id of a post of Jiaocheng, published over HTTP."""
        await self.know(self.roster.unit())
        body = post_body(published, **more)
        answer = await self.http.post("/campaign/api/v1/posts", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["post_id"]

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
        """The campaign's events of that type (such as ``repost_logged``), decoded as any reader of its topic would."""
        decoder = Decoder("campaign", list(of_service("campaign").values()), SHANGHAI)
        rows = await self.pool.fetch(
            "select key, value from outbox where topic = 'qingsheng.campaign.events' order by id"
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

    async def counted(self) -> list[UUID]:
        """The shares that count."""
        rows = await self.pool.fetch("select repost_id from repost where voided_at is null order by repost_id")
        return [row["repost_id"] for row in rows]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection

    async def someone_waits(self) -> bool:
        """Whether a transaction waits for the lock under which the roster is held still."""
        return await self.pool.fetchval(
            """select exists (select from pg_locks where locktype = 'advisory' and not granted
                              and database = (select oid from pg_database where datname = current_database()))"""
        )


@asynccontextmanager
async def campaign_at(database_url: str, **more: Any) -> AsyncIterator[Campaign]:
    settings = services.settings_for(database_url, **more)
    pool = await open_pool(settings, "campaign")
    try:
        async with services.client(settings, ["campaign"]) as http:
            yield Campaign(settings, pool, http)
    finally:
        pool.terminate()


# -- reports and bodies ------------------------------------------------------------------------------------------------


def report(kind: str, data: dict[str, Any], *, id: str | None = None, producer: str = "feeds") -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": id or f"r-{uuid4()}",
        "source": f"/ext/{producer}",
        "type": f"qingsheng.intake.{kind}.v1",
        "time": "2014-07-02T01:00:00Z",
        "data": {name: _json(value) for name, value in data.items() if value is not None},
    }


def repost(
    volunteer: Any, account: Any, post: Any = None, when: str = "2014-07-01 09:00", **more: Any
) -> dict[str, Any]:
    envelope = {name: more.pop(name) for name in ("id", "producer") if name in more}
    data = {"volunteer_id": volunteer, "account_id": account, "post_id": post, "shared_at": at(when), **more}
    return report("repost_reported", data, **envelope)


def withdrawal(of: str, reason: str = "volunteer_request", **envelope: Any) -> dict[str, Any]:
    return report("repost_withdrawn", {"report_id": of, "reason": reason}, **envelope)


def post_report(url: str = "https://weibo.example/1", **more: Any) -> dict[str, Any]:
    envelope = {name: more.pop(name) for name in ("id", "producer") if name in more}
    return report("post_reported", post_body(url=url, **more), **envelope)


def post_body(published: str = "2014-07-01 08:00", **more: Any) -> dict[str, Any]:
    return {
        "channel": "weibo",
        "unit_id": JIAOCHENG,
        "title": "青年志愿者在行动",
        "url": f"https://weibo.example/{uuid4()}",
        "published_at": at(published).isoformat(),
        **more,
    }


def codes(answers: Sequence[Sequence[dict[str, Any]]]) -> list[str]:
    """For each report: ``accepted``, ``waiting``, or the codes it was refused with."""

    def said(answer: dict[str, Any]) -> str:
        return answer["data"].get("code", "accepted")

    return ["+".join(map(said, each)) or "waiting" for each in answers]


def subject(answers: Sequence[dict[str, Any]]) -> str:
    """The id of the one subject of an accepted report."""
    [answer] = answers
    [found] = answer["data"]["subjects"]
    return found.partition("/")[2]


def _arrival(told: dict[str, Any], producer: str) -> Arrival:
    try:
        return Arrival(producer, parse(json.dumps(told).encode()))
    except Refusal as refusal:
        return Arrival(producer, refusal)


def _json(value: Any) -> Any:
    convert: dict[type, Callable[[Any], Any]] = {UUID: str, datetime: datetime.isoformat}
    return convert.get(type(value), lambda same: same)(value)
