"""Makes the topics of the contract: event topics kept for ever, and the topics of each registered producer."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.contracts.topics import PRODUCER, PRODUCER_TOPICS, TOPICS, answers_topic, intake_topic
from shared.delivery.broker import admin
from shared.settings import Settings

KNOWN_WITHIN = 30.0
"""Seconds."""


async def ensure_topics(settings: Settings, *, replication: int | None = None) -> list[str]:
    """Creates the services' event topics that are missing; returns their names. ``replication``: copies of each
    partition, by default one on each broker and 3 at most."""
    async with admin(settings) as client:
        return await create_topics(client, topics_of_contract(settings), replication)


async def ensure_producer_topics(
    settings: Settings, producer: str, services: Iterable[str], *, replication: int | None = None
) -> list[str]:
    """Creates a producer's intake topic for each service and its answers topic; returns those that were missing."""
    async with admin(settings) as client:
        return await create_topics(client, topics_of_producers(settings, producer, services), replication)


def topics_of_contract(settings: Settings) -> list[NewTopic]:
    """The event topics that every deployment has."""
    return [_topic(settings, topic.name, topic.partitions, topic.retention) for topic in TOPICS]


def topics_of_producers(settings: Settings, producer: str, services: Iterable[str]) -> list[NewTopic]:
    """A producer's intake topic for each service, and its answers topic."""
    wanted = {intake_topic(service, PRODUCER) for service in services} | {answers_topic(PRODUCER)}
    return [
        _topic(settings, topic.name.replace(PRODUCER, producer), topic.partitions, topic.retention)
        for topic in PRODUCER_TOPICS
        if topic.name in wanted
    ]


def _topic(settings: Settings, name: str, partitions: int, retention: timedelta | None) -> NewTopic:
    milliseconds = -1 if retention is None else int(retention.total_seconds() * 1000)
    return NewTopic(
        settings.topic_prefix + name,
        partitions,
        1,
        topic_configs={"retention.ms": str(milliseconds), "cleanup.policy": "delete", "retention.bytes": "-1"},
    )


async def create_topics(client: AIOKafkaAdminClient, topics: list[NewTopic], replication: int | None) -> list[str]:
    """Creates those that are missing, and waits until the broker that was asked knows them; returns their names."""
    existing = set(await client.list_topics())
    missing = [topic for topic in topics if topic.name not in existing]
    if not missing:
        return []
    brokers = len((await client.describe_cluster())["brokers"])
    for topic in missing:
        topic.replication_factor = replication or min(3, brokers)
    response: Any = await client.create_topics(missing)
    for name, code, *_ in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"topic {name} cannot be made")
    made: list[str] = [topic.name for topic in missing]
    async with asyncio.timeout(KNOWN_WITHIN):
        # The controller answers first; until the broker has heard of it, a topic is missing to whoever asks.
        while True:
            if set(made) <= set(await client.list_topics()):
                return made
            await asyncio.sleep(0.05)
