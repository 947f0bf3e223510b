"""A mixed stream of reports over both doors, a tenth of it bad in all ways, the workers killed meanwhile: every report gets
exactly one answer, the one it should get, and what is accepted is counted once.

QINGSHENG_TEST_STREAM=50000 sends so many reports instead of 1,500.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, product
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from qingsheng.producers import issue_key
from qingsheng.topics import ensure_topics
from shared.settings import Settings
from tests.support.kafka import Put, put, read
from tests.support.producing import JIAOCHENG, RosterLog
from tests.support.running import child
from tests.support.services import client, settings_for
from tests.support.stack import Servers
from tests.support.waiting import eventually

STREAM = int(os.environ.get("QINGSHENG_TEST_STREAM", "1500"))
DEADLINE = 40 + STREAM / 100
DOORS = {"feeds": "campaign", "registers": "training", "hotline": "opinion"}
VOLUNTEERS, POSTS, SESSIONS = 30 + STREAM // 100, 20 + STREAM // 250, 10 + STREAM // 400
BY_HTTP = 10
"""Every so many reports come by HTTP, the others over Kafka."""


@dataclass
class Ground:
    """What reports may speak of."""

    settings: Settings
    keys: dict[str, str]
    volunteers: list[tuple[UUID, UUID]]
    undisclosed: tuple[UUID, UUID]
    counted: tuple[UUID, UUID]
    """Whose share of the first post and attendance of the first session are recorded already."""
    posts: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)


@dataclass
class Sent:
    """A report, and the code that answers it (None: accepted)."""

    producer: str
    event: dict[str, Any]
    code: str | None


async def test_every_report_of_a_mixed_stream_gets_its_one_answer(
    database_url: str, stack: Servers, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=2.0)
    await ensure_topics(settings)
    keys = {name: await issue_key(settings, name, [service]) for name, service in DOORS.items()}
    ground = await laid(settings, keys)
    reports = list(stream(ground))
    parts = [reports[start::3] for start in range(3)]
    began = time.monotonic()
    async with client(settings, list(DOORS.values())) as http:
        for part in parts:
            # Each third meets workers of its own; those of the third before were killed amid their work.
            with child(settings, "qingsheng", ["run", "producing-workers"]):
                await send(http, ground, part)
                if part is not parts[-1]:
                    await eventually(lambda: has_answered(database_url), deadline=60)
                else:
                    await eventually(lambda: have_answers(settings, len(reports)), deadline=DEADLINE, interval=1)
                    took = time.monotonic() - began
                    await eventually(lambda: all_sent(database_url), deadline=DEADLINE)

        told = await each_has_its_answer(http, ground, reports)
    print(f"{len(reports)} reports, as many distinct answers, {took:.1f} s with two kills: {dict(told)}")


async def each_has_its_answer(http: httpx.AsyncClient, ground: Ground, reports: list[Sent]) -> Counter[str]:
    """Holds when every report has one answer, the one it should get, on the topics and in the lists alike, and what was
    accepted is recorded once. Returns how many got which."""

    async def whole_list() -> dict[str, dict[str, Any]] | None:
        """An answer is listed when no older transaction of the whole cluster is under way."""
        found = await listed_over_http(http, ground)
        return found if len(found) >= len(reports) else None

    listed = await eventually(whole_list, deadline=60, interval=1)
    answers = [answer for name in DOORS for answer in await answered(ground.settings, name)]
    distinct = {answer["id"]: answer for answer in answers}
    assert len(distinct) == len(reports)
    assert {id: answer["data"] for id, answer in listed.items()} == {id: a["data"] for id, a in distinct.items()}
    given = {
        (told["request_source"], told["request_id"]): told.get("code")
        for told in (answer["data"] for answer in distinct.values())
        if told.get("code") != "id_reused"
    }
    assert given == {
        (sent.event["source"], sent.event["id"]): sent.code for sent in reports if sent.code != "id_reused"
    }
    told = Counter(answer["data"].get("code", "accepted") for answer in distinct.values())
    assert told == Counter(sent.code or "accepted" for sent in reports)
    assert await recorded(ground.settings.database_url) == told["accepted"] + 2
    return told


def stream(ground: Ground, count: int = STREAM) -> Iterator[Sent]:
    """So many reports, good ones of three kinds, every tenth bad in the next of all ways."""
    shares = product(ground.posts, ground.volunteers)
    attendances = product(ground.sessions, ground.volunteers)
    bad = cycle(BAD)
    first: Sent | None = None
    for number in range(count):
        if number % 10 == 9:
            producer, code, change = next(bad)
            event = {
                "feeds": lambda: share(ground, ground.posts[0], ground.counted),
                "registers": lambda: attendance(ground, ground.sessions[0], ground.counted),
                "hotline": tip,
            }[producer]()
            event |= {"id": f"bad-{number}", "source": f"/ext/{producer}"}
            change(event, ground)
            if code == "id_reused":
                assert first is not None
                event["id"], event["source"] = first.event["id"], first.event["source"]
            yield Sent(producer, event, code)
            continue
        if number % 10 < 5:
            producer, event = "feeds", share(ground, *next(shares))
        elif number % 10 < 7:
            producer, event = "registers", attendance(ground, *next(attendances))
        else:
            producer, event = "hotline", tip()
        sent = Sent(producer, event | {"id": f"r-{number}", "source": f"/ext/{producer}"}, None)
        first = first or sent
        yield sent


def share(ground: Ground, post: str, who: tuple[UUID, UUID]) -> dict[str, Any]:
    volunteer, account = who
    data = {"volunteer_id": str(volunteer), "account_id": str(account), "post_id": post, "shared_at": past()}
    return envelope("repost_reported", data)


def attendance(ground: Ground, session: str, who: tuple[UUID, UUID]) -> dict[str, Any]:
    data = {"session_id": session, "volunteer_id": str(who[0]), "venue_no": 1, "hours": 2, "held_on": "2014-07-01"}
    return envelope("attendance_reported", data)


def tip() -> dict[str, Any]:
    told = {"channel": "hotline", "kind": "need", "topic": "transport", "unit_id": JIAOCHENG}
    return envelope("tip_reported", told | {"text": "码头的路灯坏了，请修。", "reported_at": past()})


def envelope(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    told = {"specversion": "1.0", "type": f"qingsheng.intake.{kind}.v1", "time": past(), "data": data}
    return told | {"datacontenttype": "application/json"}


def past() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def _set(**changes: Any) -> Any:
    return lambda event, ground: event["data"].update(changes)


def _undisclosed(event: dict[str, Any], ground: Ground) -> None:
    volunteer, account = ground.undisclosed
    event["data"] |= {"volunteer_id": str(volunteer), "account_id": str(account)}


BAD: list[tuple[str, str, Any]] = [
    ("feeds", "unknown_type", lambda event, _: event.update(type="qingsheng.intake.like_reported.v1")),
    ("feeds", "schema", _set(likes=3)),
    ("registers", "schema", _set(hours="two")),
    ("feeds", "source_not_allowed", lambda event, _: event.update(source="/ext/another")),
    ("hotline", "time_out_of_range", _set(reported_at="1999-01-01T00:00:00+08:00")),
    ("feeds", "unknown_volunteer", _set(volunteer_id=str(uuid4()), account_id=str(uuid4()))),
    ("feeds", "unknown_post", _set(post_id=str(uuid4()))),
    ("registers", "unknown_session", _set(session_id=str(uuid4()))),
    ("feeds", "account_not_disclosed", _undisclosed),
    ("hotline", "unknown_unit", _set(unit_id="359999")),
    ("hotline", "personal_data", _set(text="请打 13805931188 找我")),
    ("hotline", "person_targeted", _set(text="请查清发帖人是谁。")),
    ("feeds", "not_cloudevents", lambda event, _: event.pop("time")),
    ("feeds", "already_logged", lambda event, _: None),
    ("registers", "already_recorded", lambda event, _: None),
    ("feeds", "unknown_report", lambda event, _: event.update(_withdrawal())),
    ("feeds", "id_reused", _set(link="https://example.org/other")),
]
"""Producer, the code that answers, and what makes a good report bad."""


def _withdrawal() -> dict[str, Any]:
    return envelope("repost_withdrawn", {"report_id": str(uuid4()), "reason": "error"})


async def laid(settings: Settings, keys: dict[str, str]) -> Ground:
    """Units, volunteers and accounts by the roster's topic; posts and sessions by their services."""
    log = RosterLog()
    log.unit()
    people = [(uuid4(), uuid4()) for _ in range(VOLUNTEERS + 2)]
    for volunteer, account in people:
        log.registered(volunteer)
        log.disclosed(volunteer, account)
    log.withdrawn(*people[-1], "2014-06-01 09:00")
    await put(settings, "qingsheng.roster.events", [Put(e.to_json(), e.partitionkey.encode()) for e in log.told])
    ground = Ground(settings, keys, people[:-2], people[-1], people[-2])
    with child(settings, "qingsheng", ["run", "producing-workers"]):
        async with client(settings, ["campaign", "training"]) as http:

            async def made(path: str, body: Any, name: str) -> str:
                async def posted() -> Any:
                    answer = await http.post(path, json=body)
                    return answer.json().get(name)

                return await eventually(posted, deadline=60)

            for number in range(POSTS):
                post = {"channel": "weibo", "unit_id": JIAOCHENG, "title": "t", "url": f"https://example.org/{number}"}
                post["published_at"] = "2014-06-01T09:00:00+08:00"
                ground.posts.append(await made("/campaign/api/v1/posts", post, "post_id"))
            for _ in range(SESSIONS):
                session = {
                    "kind": "class",
                    "title": {"zh": "培训"},
                    "starts_at": "2014-07-01T09:00:00+08:00",
                    "hours": 2,
                }
                session |= {"venue_count": 1, "organisers": [JIAOCHENG]}
                ground.sessions.append(await made("/training/api/v1/sessions", session, "session_id"))
            volunteer, account = (str(id) for id in ground.counted)
            shared = {"post_id": ground.posts[0], "volunteer_id": volunteer, "account_id": account, "shared_at": past()}
            await made("/campaign/api/v1/reposts", shared, "repost_id")
            attended = {"entries": [{"volunteer_id": volunteer, "venue_no": 1, "hours": 2, "held_on": "2014-07-01"}]}
            await made(f"/training/api/v1/sessions/{ground.sessions[0]}/attendances", attended, "rows")
        await eventually(lambda: knows_all(settings.database_url, len(people)), deadline=60)
    return ground


async def knows_all(database_url: str, people: int) -> bool:
    return all(
        [
            await one(database_url, f"select count(*) = {people} from {service}.movement")
            for service in ("campaign", "training")
        ]
    )


async def send(http: httpx.AsyncClient, ground: Ground, reports: list[Sent]) -> None:
    """Over Kafka, every tenth by HTTP in batches."""
    for producer, service in DOORS.items():
        own = [sent.event for sent in reports if sent.producer == producer]
        by_http, by_kafka = own[::BY_HTTP], [event for place, event in enumerate(own) if place % BY_HTTP]
        topic = f"qingsheng.intake.{service}.{producer}"
        await put(ground.settings, topic, [Put(json.dumps(event).encode(), event["id"].encode()) for event in by_kafka])
        for start in range(0, len(by_http), 100):
            batch = by_http[start : start + 100]
            answer = await http.post(
                f"/{service}/api/v1/intake", json=batch, headers={"X-API-Key": ground.keys[producer]}
            )
            assert answer.status_code == 200, answer.text
            assert len(answer.json()) >= len(batch)


async def one(database_url: str, query: str) -> Any:
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def has_answered(database_url: str) -> bool:
    return await one(database_url, "select exists (select from campaign.intake_request where answer is not null)")


async def have_answers(settings: Settings, reports: int) -> bool:
    found = [answer["id"] for name in DOORS for answer in await answered(settings, name)]
    return len(set(found)) >= reports


async def all_sent(database_url: str) -> bool:
    left = [await one(database_url, f"select count(*) from {service}.outbox") for service in DOORS.values()]
    return sum(left) == 0


async def recorded(database_url: str) -> int:
    """What the services made of accepted reports."""
    queries = ("campaign.repost", "training.attendance", "opinion.tip")
    return sum([await one(database_url, f"select count(*) from {table}") for table in queries])


async def answered(settings: Settings, producer: str) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in await read(settings, f"qingsheng.intake.answers.{producer}")]


async def listed_over_http(http: httpx.AsyncClient, ground: Ground) -> dict[str, dict[str, Any]]:
    """A producer's answers as the list of each door gives them, page by page."""
    found: dict[str, dict[str, Any]] = {}
    for producer, service in DOORS.items():
        cursor: str | None = None
        while True:
            path = f"/{service}/api/v1/intake/answers?limit=1000" + (f"&cursor={cursor}" if cursor else "")
            page = (await http.get(path, headers={"X-API-Key": ground.keys[producer]})).json()
            found |= {answer["id"]: answer for answer in page["items"]}
            if not page["items"]:
                break
            cursor = page["next_cursor"]
    return found
