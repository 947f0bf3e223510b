"""A consumer's stored offset set back on purpose: its service reads those records once more, and they count once."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka import TopicPartition

from qingsheng.operate.standing import read_by, reader
from shared.access import audit
from shared.postgres import connect, role_of, use_json
from shared.settings import Settings

ALIVE = 10
"""Seconds without a heartbeat after which a worker is taken to have ended; it writes one every second."""


class CannotRewind(Exception):
    """Why nothing was changed, and what to do first."""


@dataclass(frozen=True)
class Rewound:
    """One partition: where the service stood, and from where it reads now."""

    partition: int
    before: int
    now: int


async def rewind(
    settings: Settings, service: str, topic: str, since: int | datetime | None, partition: int | None = None
) -> list[Rewound]:
    """Sets the stored offsets of a topic back; ``since``: an offset, a moment by the records' own timestamps, or None for
    the beginning. ``topic`` is a full name. Raises CannotRewind: while a worker of the service runs, or for a way forward
    that would skip records.

    A worker that starts meanwhile is fenced: its next batch finds another offset than it read, and it reads anew.
    """
    if topic not in (await read_by(settings)).get(service, []):
        raise CannotRewind(f"{service} does not read {topic}, or it does not exist")
    async with reader(settings, [topic]) as consumer:
        places = sorted(
            TopicPartition(topic, number)
            for number in consumer.partitions_for_topic(topic)
            if partition in (None, number)
        )
        if not places:
            raise CannotRewind(f"{topic} has no partition {partition}")
        beginnings = await consumer.beginning_offsets(places)
        ends = await consumer.end_offsets(places)
        wanted = await _wanted(consumer, places, since, beginnings, ends)
    connection: Any = await connect(settings, search_path=service, role=role_of(service))
    await use_json(connection)
    try:
        async with connection.transaction():
            if await connection.fetchval(
                "select exists (select from worker_state where at > now() - make_interval(secs => $1))", ALIVE
            ):
                raise CannotRewind(
                    f"{service}'s worker runs: stop it (docker compose stop {service}-worker), then again"
                )
            rows = await connection.fetch(
                'select "partition", next_offset from consumer_offset where topic = $1 for update', topic
            )
            stored = {row["partition"]: row["next_offset"] for row in rows}
            done = _steps(wanted, stored, beginnings, ends)
            await connection.executemany(
                """update consumer_offset set next_offset = $3, caught_up_at = null
                   where topic = $1 and "partition" = $2""",
                [(topic, each.partition, each.now) for each in done],
            )
            who = f"cli:{getpass.getuser()}"
            details = {str(each.partition): [each.before, each.now] for each in done}
            await audit.record(connection, who, "replay", f"topic/{topic}", {"offsets": details})
    finally:
        connection.terminate()
    return done


async def _wanted(
    consumer: Any,
    places: list[TopicPartition],
    since: int | datetime | None,
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> dict[TopicPartition, int]:
    if isinstance(since, datetime):
        found = await consumer.offsets_for_times({place: int(since.timestamp() * 1000) for place in places})
        return {place: found[place].offset if found.get(place) else ends[place] for place in places}
    wanted = {place: beginnings[place] if since is None else since for place in places}
    for place, offset in wanted.items():
        if not beginnings[place] <= offset <= ends[place]:
            raise CannotRewind(f"partition {place.partition} holds offsets {beginnings[place]} to {ends[place]}")
    return wanted


def _steps(
    wanted: Mapping[TopicPartition, int],
    stored: Mapping[int, int],
    beginnings: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> list[Rewound]:
    """Back, or out of where nothing can be read: before the log's beginning or beyond its end. Else records would be
    skipped. Partitions that were never read begin at their beginning anyway."""
    steps: list[Rewound] = []
    for place, offset in sorted(wanted.items()):
        before = stored.get(place.partition)
        if before is None or before == offset:
            continue
        if before < offset and before >= beginnings[place]:
            continue
        steps.append(Rewound(place.partition, before, min(offset, ends[place])))
    return steps
