"""The event topics read from the beginning, each event once: what is counted without asking any service."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import events_topic
from shared.delivery.broker import connection_options
from shared.settings import Settings

Event = dict[str, Any]
PRODUCING = ("roster", "training", "opinion", "campaign")


class Log:
    """Events by id, as plain CloudEvents; a copy on the topic changes nothing."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        self._consumer = consumer
        self._partitions = list(partitions)
        self._events: dict[str, Event] = {}

    @property
    def events(self) -> list[Event]:
        return list(self._events.values())

    def by_type(self) -> Counter[str]:
        """How many of each type, as ``campaign.repost_logged``."""
        return Counter(type_of(event) for event in self._events.values())

    def has(self, event_ids: Iterable[str]) -> bool:
        return self._events.keys() >= set(event_ids)

    async def read(self) -> None:
        """Reads on to where the topics end now."""
        ends = await self._consumer.end_offsets(self._partitions)
        behind = {p for p in self._partitions if await self._consumer.position(p) < ends[p]}
        while behind:
            for records in (await self._consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    event = json.loads(record.value or b"")
                    self._events.setdefault(event["id"], event)
            behind = {p for p in behind if await self._consumer.position(p) < ends[p]}


@asynccontextmanager
async def event_log(settings: Settings) -> AsyncIterator[Log]:
    """The events of the producing services, nothing read yet."""
    topics = [settings.topic_prefix + events_topic(service) for service in PRODUCING]
    async with AIOKafkaConsumer(
        *topics, **connection_options(settings), group_id=None, auto_offset_reset="earliest"
    ) as consumer:
        yield Log(consumer, consumer.assignment())


def type_of(event: Event) -> str:
    return event["type"].removeprefix("qingsheng.").removesuffix(".v1")
