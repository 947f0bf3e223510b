"""The appraisal over HTTP with people signed in, on a database whose events were taken in without Kafka."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from qingsheng import users
from shared.access import accounts, sessions
from shared.access.roles import Role
from shared.postgres import connect
from shared.settings import Settings
from tests.support.engine import Engine, engine
from tests.support.event_log import encode, service_of
from tests.support.kafka import Put, put
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

API = "/appraisal/api/v1"


@dataclass
class People:
    """``headers`` of whoever asks, by name: ``committee``, ``city``, ``auditor``, or a county's code."""

    http: httpx.AsyncClient
    running: Engine
    settings: Settings
    headers: dict[str, dict[str, str]]

    async def ask(self, method: str, path: str, who: str = "", **more: Any) -> httpx.Response:
        return await self.http.request(method, API + path, headers=self.headers.get(who, {}), **more)

    async def get(self, path: str, who: str = "") -> Any:
        answer = await self.ask("GET", path, who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, who: str = "committee", status: int = 200) -> Any:
        answer = await self.ask("POST", path, who, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def take(self, events: Sequence[dict[str, Any]], now: datetime) -> None:
        """Events as the worker would take them in, at the next offsets of partition 0 of their topics."""
        await self.running.take(events, now)
        async with self.reading() as connection:
            for service in ("roster", "training", "opinion", "campaign"):
                await connection.execute(
                    """insert into appraisal.consumer_offset (topic, "partition", next_offset, recorded_until, caught_up_at)
                       values ($1, 0, $2, now(), now())
                       on conflict (topic, "partition") do update set next_offset = excluded.next_offset""",
                    f"qingsheng.{service}.events",
                    self.running.offset,
                )

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[Any]:
        """A connection with every right, to look at what is stored and to harm it."""
        connection: Any = await connect(self.settings, search_path="appraisal")
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def people(database_url: str, counties: Sequence[str], **settings: Any) -> AsyncGenerator[People]:
    chosen = settings_for(database_url, **settings)
    async with engine(database_url) as running, client(chosen, ["appraisal"]) as http:
        http.cookies.clear()
        headers = {
            "committee": await signed_in(chosen, "committee", Role.COMMITTEE),
            "city": await signed_in(chosen, "city", Role.CITY_OPERATOR),
            "auditor": await signed_in(chosen, "auditor", Role.AUDITOR),
        }
        for county in counties:
            headers[county] = await signed_in(chosen, f"of-{county}", Role.COUNTY_OPERATOR, county)
        yield People(http, running, chosen, headers)


async def signed_in(settings: Settings, name: str, role: Role, county: str | None = None) -> dict[str, str]:
    async with users.administering(settings) as connection:
        await accounts.add(connection, "tests", name, [role], county)
        return {"Authorization": f"Bearer {await sessions.begin(connection, name)}"}


async def tell(settings: Settings, events: Sequence[dict[str, Any]]) -> None:
    """Puts events on their topics, by their keys."""
    topics: dict[str, list[Put]] = {}
    for event in events:
        record = Put(encode(event), event["partitionkey"].encode())
        topics.setdefault(f"qingsheng.{service_of(event)}.events", []).append(record)
    for topic, records in topics.items():
        await put(settings, topic, records)


async def taken_in(settings: Settings, events: Sequence[dict[str, Any]]) -> None:
    """Waits until the worker has read as many records of the sources' topics as there are events."""
    connection: Any = await connect(settings, search_path="appraisal")

    async def all_read() -> bool:
        read = await connection.fetchval("select sum(next_offset)::bigint from consumer_offset")
        return (read or 0) >= len(events)

    try:
        await eventually(all_read, deadline=60)
    finally:
        await connection.close()
