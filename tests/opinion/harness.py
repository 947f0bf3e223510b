"""Opinion on one test's database, without Kafka; the rest is as in the tests of training."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx

from services.opinion.consumers import take_roster_events
from services.opinion.intake import create_door
from services.opinion.retention import Retention
from shared.access.roles import Role
from shared.access.sessions import COOKIE, begin
from shared.clock import Clock
from shared.postgres import open_pool
from tests.support import services
from tests.training.harness import JIAOCHENG, Service, at, report

API = "/opinion/api/v1"


@asynccontextmanager
async def opinion_at(database_url: str, **more: Any) -> AsyncIterator[Service]:
    settings = services.settings_for(database_url, **more)
    pool = await open_pool(settings, "opinion")
    try:
        async with services.client(settings, ["opinion"]) as http:
            yield Service("opinion", settings, pool, http, create_door(settings), take_roster_events)
    finally:
        pool.terminate()


def tip_body(**change: Any) -> dict[str, Any]:
    return {
        "channel": "weibo_message",
        "kind": "need",
        "topic": "social",
        "unit_id": JIAOCHENG,
        "text": "单身青年多、圈子小，盼望办一次交友联谊活动。",
        "reported_at": at("2014-07-28 10:00").isoformat(),
        **change,
    }


def tip_report(**change: Any) -> dict[str, Any]:
    envelope = {name: change.pop(name) for name in ("id", "producer") if name in change}
    return report("tip_reported", tip_body(**change), **envelope)


def correction_body(**change: Any) -> dict[str, Any]:
    return {
        "unit_id": JIAOCHENG,
        "claim_published_at": at("2014-07-10 08:00").isoformat(),
        "source_kind": "media",
        "opened_at": at("2014-07-10 15:00").isoformat(),
        **change,
    }


def closing_body(**change: Any) -> dict[str, Any]:
    return {
        "outcome": "clarified",
        "evidence": ["https://news.example/2014/07/12/reply"],
        "official_source": "https://www.ningde.example/notice/20140712",
        "media_met": True,
        "closed_at": at("2014-07-12 17:00").isoformat(),
        **change,
    }


async def tip_of(opinion: Service, **change: Any) -> str:
    """The id of a tip of Jiaocheng, reported over HTTP."""
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/tips", tip_body(**change))
    assert answer.status_code == 201, answer.text
    return answer.json()["tip_id"]


async def correction_of(opinion: Service, **change: Any) -> str:
    """The id of a correction of Jiaocheng."""
    await opinion.know(opinion.roster.unit())
    answer = await opinion.post("/corrections", correction_body(**change))
    assert answer.status_code == 201, answer.text
    return answer.json()["case_id"]


def retention_of(opinion: Service) -> Retention:
    """The jobs, on the service's settings."""
    return Retention(opinion.settings, Clock(opinion.settings.zone, opinion.settings.story_mode))


@asynccontextmanager
async def signed_in(
    opinion: Service, *roles: Role, county: str | None = None, name: str = ""
) -> AsyncIterator[Service]:
    """The same service as somebody else sees it who has these roles; without any, as somebody not signed in."""
    cookies: dict[str, str] = {}
    if roles:
        name = name or (f"desk-{county}" if county else f"{roles[0]}-desk".replace("_", "-"))
        cookies[COOKIE] = await session_of(opinion.settings.database_url, name, roles, county)
    transport = opinion.http._transport
    own = {"Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=own, cookies=cookies) as http:
        yield replace(opinion, http=http)


async def session_of(database_url: str, name: str, roles: Sequence[Role], county: str | None = None) -> str:
    """The token of a session of an account, made when there is none of this name."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            """insert into access.account (name, roles, county, made_by) values ($1, $2, $3, 'tests')
               on conflict (name) do nothing""",
            name,
            list(roles),
            county,
        )
        return await begin(connection, name)
    finally:
        await connection.close()
