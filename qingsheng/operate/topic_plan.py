"""The difference between the cluster's topics and the contract, and the way there: growing only, deleting nothing."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import UnknownTopicOrPartitionError, for_code

from qingsheng.topics import create_topics, topics_of_contract, topics_of_producers
from shared.access import keys
from shared.delivery.broker import admin
from shared.postgres import connect
from shared.settings import Settings

SET_FOR_THE_TOPIC = 1
"""What Kafka calls DYNAMIC_TOPIC_CONFIG: set for this topic, not inherited."""
FOR_EVER = -1
SETTLE = 15.0
"""Seconds in which every broker should know of a change."""


@dataclass(frozen=True)
class Difference:
    """``applies``: ``apply`` makes it; else ``mend`` says what a person does."""

    topic: str
    what: str
    present: str
    wanted: str
    applies: bool
    mend: str = "qingsheng topics apply"


async def differences(settings: Settings, *, replication: int | None = None) -> list[Difference]:
    """Of all topics that the deployment and its registered producers should have."""
    async with admin(settings) as client:
        return await _differences(client, await _wanted(settings), replication)


async def apply(settings: Settings, *, replication: int | None = None) -> list[Difference]:
    """Makes what can be made. Returns what was done."""
    wanted = await _wanted(settings)
    async with admin(settings) as client:
        done = [each for each in await _differences(client, wanted, replication) if each.applies]
        by_name = {topic.name: topic for topic in wanted}
        await create_topics(client, [by_name[each.topic] for each in done if each.what == "topic"], replication)
        growing = {each.topic: NewPartitions(int(each.wanted)) for each in done if each.what == "partitions"}
        if growing:
            await client.create_partitions(growing)
        for name in sorted({each.topic for each in done if each.what in by_name[each.topic].topic_configs}):
            changed = {each.what: each.wanted for each in done if each.topic == name}
            # The broker sets what it is told and forgets the rest: what was set for this topic is told again.
            kept = {
                key: value
                for key, (value, source) in (await configs_of(client, name)).items()
                if source == SET_FOR_THE_TOPIC
            }
            await _alter(client, name, kept | changed)
    return done


async def left_over(
    settings: Settings, made: Sequence[Difference], *, replication: int | None = None
) -> list[Difference]:
    """What differs after ``apply``. Brokers tell of what was ``made`` a moment later: they are given that."""
    names = {(each.topic, each.what) for each in made}
    give_up = time.monotonic() + SETTLE
    while True:
        left = await differences(settings, replication=replication)
        if time.monotonic() > give_up or not any((each.topic, each.what) in names for each in left):
            return left
        await asyncio.sleep(0.2)


async def _wanted(settings: Settings) -> list[Any]:
    connection = await connect(settings, search_path="access")
    try:
        producers = {
            each["producer"]: await keys.services_of(connection, each["producer"])
            for each in await keys.all_keys(connection)
            if each["revoked_at"] is None
        }
    finally:
        connection.terminate()
    return topics_of_contract(settings) + [
        topic for producer, services in producers.items() for topic in topics_of_producers(settings, producer, services)
    ]


async def _differences(client: Any, wanted: list[Any], replication: int | None) -> list[Difference]:
    existing = set(await client.list_topics())
    brokers = len((await client.describe_cluster())["brokers"])
    copies = replication or min(3, brokers)
    present = [topic.name for topic in wanted if topic.name in existing]
    answers = await client.describe_topics(present) if present else []
    described = {each["topic"]: each for each in answers if each["partitions"]}  # none: deleted since it was listed
    configs = {name: told for name in described if (told := await _configs_if_there(client, name))}
    found: list[Difference] = []
    for topic in wanted:
        if topic.name not in configs:
            found.append(Difference(topic.name, "topic", "missing", f"{topic.num_partitions} partitions", True))
            continue
        partitions = described[topic.name]["partitions"]
        if len(partitions) != topic.num_partitions:
            grows = len(partitions) < topic.num_partitions
            mend = Difference.mend if grows else "more than the contract has do no harm: nothing to do"
            if grows:
                found.append(
                    Difference(topic.name, "partitions", str(len(partitions)), str(topic.num_partitions), True, mend)
                )
        fewest = min(len(each["replicas"]) for each in partitions)
        if fewest < copies:
            mend = "kafka-reassign-partitions.sh with the brokers to copy to (docs/operating.md, topics)"
            found.append(Difference(topic.name, "copies", str(fewest), str(copies), False, mend))
        for name, value in topic.topic_configs.items():
            is_now = configs[topic.name][name][0]
            if is_now != value:
                found.append(_setting(topic.name, name, is_now, value))
    return found


def _setting(topic: str, name: str, present: str, wanted: str) -> Difference:
    """Retention is made longer, never shorter: records would be deleted."""
    if name.startswith("retention.") and int(wanted) != FOR_EVER and not 0 <= int(present) <= int(wanted):
        mend = f"kafka-configs.sh --alter --topic {topic} --add-config {name}={wanted}, which deletes what is older"
        return Difference(topic, name, present, wanted, False, mend)
    return Difference(topic, name, present, wanted, True)


async def _configs_if_there(client: Any, topic: str) -> dict[str, tuple[str, int]] | None:
    try:
        return await configs_of(client, topic)
    except UnknownTopicOrPartitionError:
        return None


async def configs_of(client: Any, topic: str) -> dict[str, tuple[str, int]]:
    """By name: the value, and where it was set."""
    [answer] = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    [(code, message, _, _, entries)] = answer.resources
    if code:
        raise for_code(code)(message)
    return {entry[0]: (entry[1], entry[3]) for entry in entries}


async def _alter(client: Any, topic: str, configs: dict[str, str]) -> None:
    for answer in await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs)]):
        for code, message, *_ in answer.resources:
            if code:
                raise for_code(code)(f"{topic}: {message}")
