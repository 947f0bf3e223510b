"""A service's database against its own topic: whether events were published that this database does not know.

That is so when the database was put back to an older state than what it had already published. New events would then
repeat sequences that others have seen, and be ignored by them; so commands are refused until an operator reconciles.
"""
# pyright: reportMissingTypeStubs=false

import json
from dataclasses import dataclass
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import events_topic
from shared.delivery.broker import admin, connection_options
from shared.postgres import Connection
from shared.settings import Settings

OF_OUTBOX = "outbox"
"""The header by which a relay's record is known: others who write to the topic, in a test, say, do not put us behind."""


class BehindOwnTopic(ConnectionError):
    """This database lacks events that its service has published. An outage: commands answer 503, consumers wait."""


@dataclass(frozen=True)
class Published:
    """An event on the service's own topic that its database does not know. ``recordedtime`` as RFC 3339."""

    id: str
    type: str
    subject: str
    key: str
    sequence: int
    recordedtime: str


@dataclass(frozen=True)
class Compared:
    """``unknown``: in the order of partition and offset; ``ends``: how far the topic was read, by partition."""

    unknown: list[Published]
    ends: dict[int, int]


async def compare(connection: Connection, settings: Settings, service: str) -> Compared:
    """Reads the service's own topic from where its acknowledged events end. Raises what a consumer raises."""
    topic = settings.topic_prefix + events_topic(service)
    async with admin(settings) as client:
        known: list[str] = await client.list_topics()
    if topic not in known:
        return Compared([], {})
    waiting = await _waiting(connection, events_topic(service))
    rows = await connection.fetch('select "partition", next_offset from published where topic = $1', topic)
    marks = {row["partition"]: row["next_offset"] for row in rows}
    consumer: Any = AIOKafkaConsumer(
        topic,
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        places: list[TopicPartition] = sorted(consumer.assignment())
        ends = cast(dict[TopicPartition, int], await consumer.end_offsets(places))
        left: set[TopicPartition] = set()
        for place in places:
            mark = marks.get(place.partition, 0)
            # Beyond the end, the topic was made anew: then all of it is held against the database.
            mark = mark if mark <= ends[place] else 0
            if mark < ends[place]:
                consumer.seek(place, mark)
                left.add(place)
            else:
                consumer.pause(place)
        unknown: list[Published] = []
        while left:
            for records in (await consumer.getmany(timeout_ms=200, max_records=5_000)).values():
                ours = [r.value for r in records if any(name == OF_OUTBOX for name, _ in r.headers)]
                unknown += await _unknown(connection, ours, waiting)
            for place in sorted(left):
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
                    consumer.pause(place)
        return Compared(unknown, {place.partition: end for place, end in ends.items()})
    finally:
        await consumer.stop()


async def note_published(connection: Connection, reached: dict[tuple[str, int], int]) -> None:
    """How far acknowledged events reach, by full topic name and partition; never goes back."""
    if reached:
        await connection.execute(
            """insert into published as p (topic, "partition", next_offset)
               select * from unnest($1::text[], $2::int[], $3::bigint[]) as d (topic, "partition", next) order by 1, 2
               on conflict (topic, "partition") do update set next_offset = greatest(p.next_offset, excluded.next_offset)""",
            [topic for topic, _ in reached],
            [partition for _, partition in reached],
            list(reached.values()),
        )


async def _waiting(connection: Connection, topic: str) -> dict[tuple[str, int], str]:
    """Ids of the events in the outbox, by key and sequence: one recorded since an older state was put back has the
    sequence of a published one."""
    rows = await connection.fetch("select key, value from outbox where topic = $1", topic)
    events = [(row["key"], json.loads(row["value"])) for row in rows]
    return {(key, int(event["sequence"])): str(event["id"]) for key, event in events}


async def _unknown(
    connection: Connection, values: list[bytes | None], waiting: dict[tuple[str, int], str]
) -> list[Published]:
    """Of these records, the events with a sequence that the database has not given yet, or has given to another."""
    events: list[Published] = []
    for value in values:
        try:
            event: dict[str, Any] = json.loads(value or b"")
            events.append(
                Published(
                    str(event["id"]),
                    str(event["type"]),
                    str(event["subject"]),
                    str(event["partitionkey"]),
                    int(event["sequence"]),
                    str(event["recordedtime"]),
                )
            )
        except (ValueError, KeyError, TypeError):
            continue  # not an event of ours: its readers make a dead letter of it
    rows = await connection.fetch(
        "select key, sequence from stream where key = any($1::text[])", sorted({event.key for event in events})
    )
    given = {row["key"]: row["sequence"] for row in rows}
    return [
        event
        for event in events
        if event.sequence > given.get(event.key, 0) or waiting.get((event.key, event.sequence), event.id) != event.id
    ]
