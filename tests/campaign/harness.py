"""The campaign on one test's database, without Kafka."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.campaign.consumers import take_roster_events
from services.campaign.intake import create_door
from shared.clock import Clock
from shared.postgres import Pool, open_pool
from shared.settings import Settings
from tests.support import services
from tests.support.producing import (
    CITY,
    GUTIAN,
    JIAOCHENG,
    PATIENCE,
    SHANGHAI,
    XIAPU,
    Service,
    at,
    codes,
    key_of,
    refused,
    report,
    session_of,
)

__all__ = [
    "CITY",
    "GUTIAN",
    "JIAOCHENG",
    "PATIENCE",
    "SHANGHAI",
    "XIAPU",
    "Campaign",
    "at",
    "campaign_at",
    "codes",
    "key_of",
    "post_body",
    "post_report",
    "refused",
    "report",
    "repost",
    "session_of",
    "subject",
    "withdrawal",
]


class Campaign(Service):
    """One campaign: its doors and what comes out of it."""

    def __init__(self, settings: Settings, pool: Pool, http: httpx.AsyncClient) -> None:
        self.clock = Clock(settings.zone, settings.story_mode)
        take = partial(_take_roster_events, self.clock)
        super().__init__("campaign", settings, pool, http, create_door(settings), take)

    async def sharer(self, unit_id: str = JIAOCHENG) -> tuple[UUID, UUID]:
        """A volunteer registered since May 2014 and the account disclosed then, known to the campaign."""
        volunteer, account = uuid4(), uuid4()
        await self.know(
            self.roster.unit(unit_id),
            self.roster.registered(volunteer, unit_id=unit_id),
            self.roster.disclosed(volunteer, account),
        )
        return volunteer, account

    async def published(self, published: str = "2014-07-01 08:00", **more: Any) -> str:
        """The id of a post of Jiaocheng, published over HTTP."""
        await self.know(self.roster.unit())
        answer = await self.http.post("/campaign/api/v1/posts", json=post_body(published, **more))
        assert answer.status_code == 201, answer.text
        return answer.json()["post_id"]

    async def counted(self) -> list[UUID]:
        """The shares that count."""
        rows = await self.pool.fetch("select repost_id from repost where voided_at is null order by repost_id")
        return [row["repost_id"] for row in rows]

    async def someone_waits(self) -> bool:
        """Whether a transaction waits for the lock under which the roster is held still."""
        return await self.pool.fetchval(
            """select exists (select from pg_locks where locktype = 'advisory' and not granted
                              and database = (select oid from pg_database where datname = current_database()))"""
        )


async def _take_roster_events(clock: Clock, connection: Any, events: Sequence[Any]) -> None:
    await take_roster_events(connection, clock, events)


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


def repost(
    volunteer: Any, account: Any, post: Any = None, when: str = "2014-07-01 09:00", **more: Any
) -> dict[str, Any]:
    envelope = {name: more.pop(name) for name in ("id", "producer") if name in more}
    data = {"volunteer_id": volunteer, "account_id": account, "post_id": post, "shared_at": at(when), **more}
    return report("repost_reported", {name: value for name, value in data.items() if value is not None}, **envelope)


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


def subject(answers: Sequence[dict[str, Any]]) -> str:
    """The id of the one subject of an accepted report."""
    [answer] = answers
    [found] = answer["data"]["subjects"]
    return found.partition("/")[2]
