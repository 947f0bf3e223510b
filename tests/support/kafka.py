"""Kafka beside the services' own ways: records put and read back, a group's offsets and members looked at and changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.protocol.group import LeaveGroupRequest

from shared.delivery.broker import admin, connection_options, create_producer
from shared.settings import Settings


@dataclass(frozen=True)
class Put:
    """A record as any client might write it. ``partition`` None: by the key."""

    value: bytes | None
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, Any]] = ()


def kafka_at(bootstrap_servers: str) -> dict[str, Any]:
    """How a client of aiokafka reaches the broker there, as the user that the environment names."""
    return connection_options(
        Settings(database_url="", kafka_bootstrap_servers=bootstrap_servers, secret_key="unused by any client")  # type: ignore[arg-type]
    )


async def put(settings: Settings, topic: str, records: Sequence[Put]) -> list[int]:
    """Writes records in order; ``topic`` is without the deployment's prefix. Returns their offsets."""
    producer = create_producer(settings, linger_ms=5)
    async with producer:
        sent = [
            await producer.send(
                settings.topic_prefix + topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
            for record in records
        ]
        return [(await future).offset for future in sent]


async def read(settings: Settings, topic: str) -> list[ConsumerRecord[Any, Any]]:
    """All records that stand on a topic now, partition by partition."""
    # Without a group a consumer gets all partitions of the topic it names.
    consumer: Any = AIOKafkaConsumer(
        settings.topic_prefix + topic,
        **connection_options(settings),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=50,
    )
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        records: list[ConsumerRecord[Any, Any]] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
        return sorted(records, key=lambda record: (record.partition, record.offset))


async def ends(settings: Settings, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The offset behind the last record of each partition."""
    consumer: Any = AIOKafkaConsumer(
        *(settings.topic_prefix + topic for topic in topics), **connection_options(settings)
    )
    async with consumer:
        return await consumer.end_offsets(consumer.assignment())


def group_of(settings: Settings, service: str) -> str:
    return f"{settings.topic_prefix}qingsheng.{service}"


async def committed(settings: Settings, service: str, topic: str) -> dict[int, int]:
    """Kafka's committed offsets of a service's group, by partition."""
    async with admin(settings) as client:
        offsets = await client.list_consumer_group_offsets(group_of(settings, service))
    name = settings.topic_prefix + topic
    return {place.partition: found.offset for place, found in offsets.items() if place.topic == name}


async def commit(settings: Settings, service: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Sets Kafka's committed offsets of a group that has no members."""
    consumer = AIOKafkaConsumer(
        **connection_options(settings),
        group_id=group_of(settings, service),
        enable_auto_commit=False,
    )
    places = {TopicPartition(settings.topic_prefix + topic, number): offset for number, offset in offsets.items()}
    async with consumer:
        consumer.assign(list(places))
        await consumer.commit(places)


async def members(settings: Settings, service: str, *, settled: bool = False) -> list[str]:
    """The members of a service's group; with ``settled`` none while it is being put together."""
    group = group_of(settings, service)
    async with admin(settings) as client:
        found: Any = await client.describe_consumer_groups([group])
    [(_, _, state, _, _, described, *_)] = found[0].groups
    return [member[0] for member in described] if state == "Stable" or not settled else []


async def expel(settings: Settings, service: str, ids: Sequence[str]) -> None:
    """Takes members out of a service's group, as the broker does when their session ends."""
    group = group_of(settings, service)
    async with admin(settings) as client:
        node = await client.find_coordinator(group)
        for id in ids:
            await client._send_request(LeaveGroupRequest(group, id), node)  # pyright: ignore[reportPrivateUsage]
