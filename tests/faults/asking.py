"""The ground of a trial of intake: reports of other systems by both doors, and that each has its one answer in the end."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx

from qingsheng.producers import issue_key
from qingsheng.topics import ensure_topics
from shared.settings import Settings
from tests.end_to_end.test_mixed_stream import (
    DOORS,
    Ground,
    Sent,
    all_sent,
    each_has_its_answer,
    have_answers,
    laid,
    one,
    send,
    stream,
)
from tests.support.kafka import Put, ends, expel, members, put
from tests.support.running import child
from tests.support.services import client
from tests.support.waiting import eventually

WORKERS = ["run", "producing-workers"]
TOPICS = {name: f"qingsheng.intake.{service}.{name}" for name, service in DOORS.items()}
SERVICES = tuple(DOORS.values())


@dataclass
class Asking:
    """``reports``: all that are to be sent; ``parts`` deals them out."""

    settings: Settings
    ground: Ground
    http: httpx.AsyncClient
    reports: list[Sent]

    def parts(self, count: int) -> list[list[Sent]]:
        """Of each kind some in each."""
        places = [len(self.reports) * number // count for number in range(count + 1)]
        return [self.reports[start:end] for start, end in pairwise(places)]

    async def send(self, reports: Sequence[Sent]) -> None:
        await send(self.http, self.ground, list(reports))

    async def put(self, reports: Sequence[Sent]) -> None:
        """Over Kafka alone: what HTTP would refuse as a whole, or what is to lie there."""
        for name, topic in TOPICS.items():
            values = [(json.dumps(each.event).encode(), each.event["id"]) for each in reports if each.producer == name]
            await put(self.settings, topic, [Put(value, id.encode()) for value, id in values])

    async def answers(self) -> int:
        """Reports of which the services know an answer."""
        asked = [f"(select count(*) from {service}.intake_request where answer is not null)" for service in SERVICES]
        return await one(self.settings.database_url, f"select {' + '.join(asked)}")

    async def goes_on(self, since: int, deadline: float = 60.0) -> None:
        """Waits until more reports have answers than ``since``."""

        async def more() -> bool:
            return await self.answers() > since

        await eventually(more, deadline=deadline, interval=0.1)

    async def all_read(self, deadline: float = 60.0) -> None:
        await eventually(self.has_read_all, deadline=deadline, interval=0.2)

    async def has_read_all(self) -> bool:
        """Whether stored offsets lie behind all that stands on the topics of reports."""
        return await self.read() >= sum((await ends(self.settings, list(TOPICS.values()))).values())

    async def read(self) -> int:
        """Records of these topics that stored offsets lie behind."""
        asked = [
            f"(select coalesce(sum(next_offset), 0) from {service}.consumer_offset where topic like '%.intake.%')"
            for service in SERVICES
        ]
        return int(await one(self.settings.database_url, f"select {' + '.join(asked)}"))

    async def owned(self) -> bool:
        """Whether every partition of the topics of reports has had an owner."""
        partitions = len(await ends(self.settings, list(TOPICS.values())))
        asked = [
            f"(select count(*) from {service}.consumer_offset where topic like '%.intake.%')" for service in SERVICES
        ]
        return await one(self.settings.database_url, f"select {' + '.join(asked)}") >= partitions

    async def expel(self) -> None:
        """As the broker does when the sessions of the dead end, ten seconds later; the living join anew."""
        for service in SERVICES:
            await expel(self.settings, service, await members(self.settings, service))

    async def ends_well(self) -> None:
        """Workers of whom nothing is asked finish all; then nothing may be missing, and nothing there twice."""
        with child(self.settings, "qingsheng", WORKERS):
            await self.all_answered()
        await self.holds()

    async def all_answered(self) -> None:
        await self.all_read(120)
        await eventually(lambda: have_answers(self.settings, len(self.reports)), deadline=120, interval=1)
        await eventually(lambda: all_sent(self.settings.database_url), deadline=60)

    async def holds(self) -> None:
        await each_has_its_answer(self.http, self.ground, self.reports)


@asynccontextmanager
async def asking(settings: Settings, count: int, *, in_order: bool = True) -> AsyncIterator[Asking]:
    """``in_order`` False: they may come in any order, so that none is among them under an id that another one has used."""
    await ensure_topics(settings)
    ground = await laid(settings, {name: await issue_key(settings, name, [of]) for name, of in DOORS.items()})
    reports = [each for each in stream(ground, count) if in_order or each.code != "id_reused"]
    async with client(settings, list(SERVICES)) as http:
        yield Asking(settings, ground, http, reports)


def sent(number: int, producer: str, event: dict[str, Any], code: str | None) -> Sent:
    return Sent(producer, event | {"id": f"more-{number}", "source": f"/ext/{producer}"}, code)
