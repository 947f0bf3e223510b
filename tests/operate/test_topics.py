"""The plan shows how topics differ from the contract; applying it makes them grow and deletes nothing."""

from typing import Any

from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from qingsheng.producers import issue_key
from shared.contracts.topics import events_topic
from shared.delivery.broker import admin
from shared.settings import Settings
from tests.operate.asking import qingsheng
from tests.support.kafka import Put, put
from tests.support.kafka import read as read_topic
from tests.support.waiting import eventually

MESSAGES = "max.message.bytes"


async def set_topic(settings: Settings, name: str, **configs: str) -> None:
    told = {key.replace("_", "."): value for key, value in configs.items()}
    async with admin(settings) as client:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic_prefix + name, told)])


async def setting(settings: Settings, name: str, key: str) -> str:
    async with admin(settings) as client:
        answers: Any = await client.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, settings.topic_prefix + name)]
        )
    entries = answers[0].resources[0][4]
    return next(entry[1] for entry in entries if entry[0] == key)


async def planned(settings: Settings) -> list[tuple[str, str]]:
    told = await qingsheng(settings, "topics", "plan", "--json")
    assert told.code == (1 if told.json else 0)
    return [(row["topic"].removeprefix(settings.topic_prefix), row["what"]) for row in told.json]


async def _gone(client: Any, names: list[str]) -> bool:
    return not set(names) & set(await client.list_topics())


async def comes_to(settings: Settings, expected: list[tuple[str, str]]) -> None:
    """The plan, once the broker knows of what was done to the topics."""

    async def agrees() -> bool:
        return sorted(await planned(settings)) == sorted(expected)

    await eventually(agrees)


async def test_topics_alone_makes_what_is_missing(settings: Settings) -> None:
    async with admin(settings) as client:
        await client.delete_topics([settings.topic_prefix + events_topic("training")])
    await comes_to(settings, [(events_topic("training"), "topic")])
    assert "Made: " in (await qingsheng(settings, "topics")).err
    await comes_to(settings, [])
    assert "All topics exist" in (await qingsheng(settings, "topics")).err


async def test_what_differs_is_planned_and_applied(settings: Settings) -> None:
    roster, training, opinion, campaign = (events_topic(name) for name in ("roster", "training", "opinion", "campaign"))
    async with admin(settings) as client:
        names = [settings.topic_prefix + name for name in (roster, opinion)]
        await client.delete_topics(names)
        await eventually(lambda: _gone(client, names))
        await client.create_topics([NewTopic(names[0], 2, 1, topic_configs={"retention.ms": "-1"})])
    await put(settings, roster, [Put(b"kept", b"key", 0)])
    await set_topic(settings, training, retention_ms="1000", retention_bytes="-1", max_message_bytes="2000000")
    await set_topic(settings, campaign, cleanup_policy="compact", retention_ms="-1")
    await comes_to(
        settings,
        [(roster, "partitions"), (training, "retention.ms"), (opinion, "topic"), (campaign, "cleanup.policy")],
    )

    assert (await qingsheng(settings, "topics", "apply")).code == 0
    await comes_to(settings, [])

    async def kept() -> bool:
        return [record.value for record in await read_topic(settings, roster)] == [b"kept"]

    await eventually(kept)
    # What was set for the topic by others stays.
    assert await setting(settings, training, MESSAGES) == "2000000"


async def test_nothing_is_made_shorter(settings: Settings) -> None:
    await issue_key(settings, "city-press", ["opinion"])
    intake = "qingsheng.intake.opinion.city-press"
    await comes_to(settings, [])
    month = str(30 * 24 * 3600 * 1000)
    await set_topic(settings, intake, retention_ms=month)
    await comes_to(settings, [(intake, "retention.ms")])
    applied = await qingsheng(settings, "topics", "apply")
    assert (applied.code, "kafka-configs.sh" in applied.err) == (1, True)
    assert await setting(settings, intake, "retention.ms") == month
