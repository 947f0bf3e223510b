"""Topics read into files and written back, every record at the partition and offset it had."""

import asyncio
import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete

from qingsheng.operate.archive.manifest import ArchiveError, Manifest, Part, sha256_of
from qingsheng.operate.standing import reader
from qingsheng.operate.topic_plan import SET_FOR_THE_TOPIC, configs_of
from shared.delivery.broker import admin, create_producer
from shared.settings import Settings

CHUNK = 2_000
PATIENCE = 60.0


async def topics_here(settings: Settings) -> list[str]:
    """Full names of all topics of this deployment."""
    async with admin(settings) as client:
        start = settings.topic_prefix + "qingsheng."
        return sorted(name for name in await client.list_topics() if name.startswith(start))


async def read_out(
    settings: Settings,
    folder: Path,
    manifest: Manifest,
    until: Callable[[TopicPartition, int], int],
    progress: Callable[[int, int], None],
) -> None:
    """Every topic, each partition from its beginning to ``until(partition, present end)``."""
    (folder / "topics").mkdir()
    topics = await topics_here(settings)
    async with admin(settings) as client:
        for topic in topics:
            manifest.configs[topic.removeprefix(settings.topic_prefix)] = {
                key: value
                for key, (value, source) in (await configs_of(client, topic)).items()
                if source == SET_FOR_THE_TOPIC
            }
    async with reader(settings, topics) as consumer:
        places = sorted(TopicPartition(t, p) for t in topics for p in consumer.partitions_for_topic(t))
        beginnings = await consumer.beginning_offsets(places)
        present = await consumer.end_offsets(places)
        ends = {place: max(beginnings[place], min(present[place], until(place, present[place]))) for place in places}
        total, read = sum(ends[place] - beginnings[place] for place in places), 0
        for place in places:
            consumer.pause(place)
        for place in places:
            name = place.topic.removeprefix(settings.topic_prefix)
            part = Part(f"topics/{name}-{place.partition}.jsonl.gz", 0, "", beginnings[place], ends[place])
            with gzip.open(folder / part.file, "wt", compresslevel=3) as packed:
                if part.beginning < part.end:
                    consumer.seek(place, part.beginning)
                    consumer.resume(place)
                    next_offset = part.beginning
                    while next_offset < part.end:
                        async with asyncio.timeout(PATIENCE):
                            found = (await consumer.getmany(place, timeout_ms=1000, max_records=CHUNK)).get(place, [])
                        for record in found:
                            if record.offset < part.end:
                                packed.write(_line(record))
                                part.rows += 1
                        if found:
                            next_offset = found[-1].offset + 1
                        elif await consumer.position(place) >= part.end:
                            break
                        read += len(found)
                        progress(read, total)
                    consumer.pause(place)
            part.sha256 = sha256_of(folder / part.file)
            manifest.partitions.setdefault(name, []).append(part)


async def make_topics(settings: Settings, manifest: Manifest, replication: int | None) -> None:
    """Those that are missing. Raises ArchiveError where one holds records, or has another number of partitions."""
    async with admin(settings) as client:
        brokers = len((await client.describe_cluster())["brokers"])
        existing = set(await client.list_topics())
        missing = [
            NewTopic(
                settings.topic_prefix + name,
                len(parts),
                replication or min(3, brokers),
                topic_configs=manifest.configs[name],
            )
            for name, parts in manifest.partitions.items()
            if settings.topic_prefix + name not in existing
        ]
        if missing:
            await client.create_topics(missing)
        for _ in range(300):  # until the broker knows of them
            if {topic.name for topic in missing} <= set(await client.list_topics()):
                break
            await asyncio.sleep(0.1)
    names = [settings.topic_prefix + name for name in manifest.partitions]
    async with reader(settings, names) as consumer:
        for name, parts in manifest.partitions.items():
            places = [TopicPartition(settings.topic_prefix + name, number) for number in range(len(parts))]
            if consumer.partitions_for_topic(places[0].topic) != set(range(len(parts))):
                raise ArchiveError(f"{places[0].topic} has another number of partitions than the archive")
            if any((await consumer.end_offsets(places)).values()):
                raise ArchiveError(
                    f"{places[0].topic} is not empty: restore to an empty broker, or set another QINGSHENG_TOPIC_PREFIX"
                )


async def write_back(
    settings: Settings, folder: Path, manifest: Manifest, progress: Callable[[int, int], None]
) -> None:
    """Every record at its offset. Where the log began later than 0, fillers take the offsets before and are deleted then;
    a gap within is filled with a copy of the record before it, which readers ignore as they do every copy."""
    producer: Any = create_producer(settings)
    await producer.start()
    total, written = sum(part.end for parts in manifest.partitions.values() for part in parts), 0
    shortened: dict[TopicPartition, int] = {}
    try:
        for name, parts in manifest.partitions.items():
            for number, part in enumerate(parts):
                place = TopicPartition(settings.topic_prefix + name, number)
                if part.beginning:
                    shortened[place] = part.beginning
                sender = _Sender(producer, place)
                for _ in range(part.beginning):
                    await sender.put({"v": b64encode(b"{}").decode()})
                with gzip.open(folder / part.file, "rt") as packed:
                    before: dict[str, Any] | None = None
                    for line in packed:
                        record = json.loads(line)
                        while sender.next < record["o"]:
                            await sender.put(before or record)
                        await sender.put(record)
                        before = record
                while sender.next < part.end:
                    await sender.put(before or {"v": b64encode(b"{}").decode()})
                await sender.settle()
                written += part.end
                progress(written, total)
    finally:
        await producer.stop()
    if shortened:
        async with admin(settings) as client:
            await client.delete_records({place: RecordsToDelete(before_offset=at) for place, at in shortened.items()})


class _Sender:
    """Writes one partition in order, and sees that each record gets the offset it should have."""

    def __init__(self, producer: Any, place: TopicPartition) -> None:
        self._producer = producer
        self._place = place
        self._sent: list[Any] = []
        self.next = 0

    async def put(self, record: Mapping[str, Any]) -> None:
        self._sent.append(
            await self._producer.send(
                self._place.topic,
                value=_bytes(record.get("v")),
                key=_bytes(record.get("k")),
                partition=self._place.partition,
                timestamp_ms=record.get("t"),
                headers=[(name, _bytes(value)) for name, value in record.get("h", [])],
            )
        )
        self.next += 1
        if len(self._sent) >= CHUNK:
            await self.settle()

    async def settle(self) -> None:
        first = self.next - len(self._sent)
        for offset, future in enumerate(self._sent, first):
            found = (await future).offset
            if found != offset:
                raise ArchiveError(
                    f"{self._place.topic}-{self._place.partition}: offset {found}, not {offset}: someone else writes to it"
                )
        self._sent.clear()


def _line(record: Any) -> str:
    kept: dict[str, Any] = {"o": record.offset, "t": record.timestamp, "k": _text(record.key), "v": _text(record.value)}
    if record.headers:
        kept["h"] = [[name, _text(value)] for name, value in record.headers]
    return json.dumps(kept, separators=(",", ":")) + "\n"


def _text(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode()


def _bytes(content: str | None) -> bytes | None:
    return None if content is None else b64decode(content)
