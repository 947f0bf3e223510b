"""The front door: reports of shares that wait in Kafka, decided by the campaign, answered, published and counted.

    python -m bench.intake [--reports 50000]

Measured from the first committed batch of reports until all answers are on the producer's topic and the appraisal has counted
all shares; the campaign's worker (door and relay) and the appraisal's run side by side. 2,200 volunteers share up to 100 posts.
"""

import argparse
import asyncio
import json
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from uuid_utils.compat import uuid7

from bench.catch_up import COUNTIES, SHANGHAI, VOLUNTEERS, cpu_seconds
from bench.commands import process
from bench.stack import empty_stack
from qingsheng.migrations import amigrate
from qingsheng.producers import issue_key
from qingsheng.topics import ensure_topics
from shared.contracts.envelope import Event, EventData
from shared.contracts.fields import Names
from shared.contracts.roster import AccountDisclosed, UnitDefined, VolunteerRegistered
from shared.contracts.topics import answers_topic, events_topic, intake_topic
from shared.delivery.broker import connection_options, create_producer
from shared.settings import Settings

PRODUCER = "bench"
_BEGUN = datetime(2014, 1, 1, tzinfo=UTC)
Message = tuple[str, bytes]
"""Key, value."""


def roster(people: list[tuple[Any, str, Any]]) -> list[Message]:
    """What the roster tells: counties, volunteers, an account of each."""

    def told(data: EventData, sequence: int, county: str) -> Message:
        event = Event.of(
            data,
            id=uuid7(),
            time=data.own_time(SHANGHAI) or _BEGUN,
            recordedtime=_BEGUN,
            sequence=sequence,
            county=county,
        )
        return event.partitionkey, event.to_json()

    day = date(2014, 1, 1)
    found = [
        told(UnitDefined(unit_id=county, name=Names(zh=county), kind="county", county=county), 1, county)
        for county in COUNTIES
    ]
    for volunteer, county, account in people:
        registered = VolunteerRegistered(
            volunteer_id=volunteer,
            unit_id=county,
            team="county",
            category="college_volunteer",
            registered_on=day,
            consented_on=day,
        )
        disclosed = AccountDisclosed(
            volunteer_id=volunteer, account_id=account, platform="weibo", disclosed_at=_BEGUN, verified_at=_BEGUN
        )
        found += [told(registered, 1, county), told(disclosed, 2, county)]
    return found


def report(kind: str, number: int, data: dict[str, Any], at: datetime) -> Message:
    id = f"{kind}-{number}"
    return id, json.dumps(
        {
            "specversion": "1.0",
            "id": id,
            "source": f"/ext/{PRODUCER}",
            "type": f"qingsheng.intake.{kind}.v1",
            "time": at.isoformat(),
            "data": data,
        }
    ).encode()


def url(number: int) -> str:
    return f"https://posts.example/{number}"


async def send(settings: Settings, topic: str, messages: list[Message]) -> None:
    producer = create_producer(settings, linger_ms=5)
    await producer.start()
    for key, value in messages:
        await producer.send(topic, value, key.encode())
    await producer.flush()
    await producer.stop()


async def measure(settings: Settings, reports: int, seconds: int = 300) -> dict[str, Any]:
    await amigrate(settings.database_url)
    await ensure_topics(settings)
    await issue_key(settings, PRODUCER, ["campaign"])
    people = [(uuid7(), COUNTIES[n % len(COUNTIES)], uuid7()) for n in range(VOLUNTEERS)]
    posts = -(-reports // VOLUNTEERS)
    await send(settings, events_topic("roster"), roster(people))
    of_posts = [
        {
            "channel": "weibo",
            "unit_id": COUNTIES[number % len(COUNTIES)],
            "title": f"第 {number} 篇",
            "url": url(number),
            "published_at": (_BEGUN + timedelta(days=2)).isoformat(),
        }
        for number in range(posts)
    ]
    intake = intake_topic("campaign", PRODUCER)
    connection: Any = await asyncpg.connect(settings.database_url)
    try:
        with process(settings, "qingsheng", "run", "campaign-worker"):
            await _until(connection, "select count(*) from campaign.account_movement", len(people), 120)
            await send(settings, intake, [report("post_reported", n, d, _BEGUN) for n, d in enumerate(of_posts)])
            await _until(
                connection, "select count(*) from campaign.intake_request where answer is not null", posts, 120
            )
        if posts != await connection.fetchval("select count(*) from campaign.post"):
            raise SystemExit(
                str(await connection.fetchval("select convert_from(answer, 'UTF8') from campaign.intake_request"))
            )
        messages: list[Message] = []
        for number in range(reports):
            volunteer, _, account = people[number % VOLUNTEERS]
            at = _BEGUN + timedelta(days=3, seconds=number)
            data = {
                "volunteer_id": str(volunteer),
                "account_id": str(account),
                "post_url": url(number // VOLUNTEERS),
                "shared_at": at.isoformat(),
            }
            messages.append(report("repost_reported", number, data, at))
        await send(settings, intake, messages)
        with (
            process(settings, "qingsheng", "run", "campaign-worker") as campaign,
            process(settings, "qingsheng", "run", "appraisal-worker") as appraisal,
        ):
            begun, at_first, last, samples = await _all(settings, connection, reports, posts, seconds)
            spent = {"campaign": cpu_seconds([campaign.pid]), "appraisal": cpu_seconds([appraisal.pid])}
        accepted = await connection.fetchval("select count(*) from campaign.repost")
        counted = await connection.fetchval("select coalesce(sum(n), 0) from appraisal.person_count where grain = 12")
    finally:
        await connection.close()
    return {
        "reports": reports,
        "bytes_each": len(messages[0][1]),
        "per_second": (reports - at_first) / (last - begun),
        "right": accepted == counted == reports,
        "cpu_us_per_report": {name: round(one / reports * 1e6, 1) for name, one in spent.items()},
        "samples": samples,
    }


async def _until(connection: Any, query: str, n: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (found := await connection.fetchval(query)) < n:
        if time.monotonic() > deadline:
            raise SystemExit(f"{found} of {n} after {seconds} s")
        await asyncio.sleep(0.05)


async def _all(
    settings: Settings, connection: Any, reports: int, posts: int, seconds: int
) -> tuple[float, int, float, list[tuple[float, int]]]:
    """When the first reports were seen answered, how many they were, and when all was answered and counted."""
    consumer: Any = AIOKafkaConsumer(answers_topic(PRODUCER), **connection_options(settings), enable_auto_commit=False)
    await consumer.start()
    begun, at_first, samples = 0.0, 0, []
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            ends = await consumer.end_offsets(consumer.assignment())
            answered = sum(ends.values()) - posts
            counted = await connection.fetchval(
                "select coalesce(sum(n), 0)::bigint from appraisal.person_count where grain = 12"
            )
            done = min(answered, counted)
            if done > 0 and not begun:
                begun, at_first = time.monotonic(), done
            if begun and (not samples or done > samples[-1][1]):
                samples.append((round(time.monotonic() - begun, 2), done))
            if done >= reports:
                return begun, at_first, time.monotonic(), samples
            await asyncio.sleep(0.02)
    finally:
        await consumer.stop()
    raise SystemExit(f"{done} of {reports} in time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reports", type=int, default=50_000)
    told = parser.parse_args()
    with empty_stack() as settings:
        found = asyncio.run(measure(settings, told.reports))
    found.pop("samples")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
