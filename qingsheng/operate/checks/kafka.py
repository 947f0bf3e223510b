"""Kafka: reachable, of a version we know, its topics as the contract has them."""

from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import ApiVersionRequest

from qingsheng.operate import topic_plan
from qingsheng.operate.finding import Finding
from shared.delivery.broker import admin
from shared.settings import Settings

FETCH = 1
"""The number of Kafka's fetch request; 4.0 and later no longer take its versions below 4."""


async def kafka(settings: Settings) -> list[Finding]:
    """Whether the brokers answer, and which they are."""
    try:
        async with admin(settings) as client:
            answer: Any = await client._send_request(ApiVersionRequest())  # pyright: ignore[reportPrivateUsage]
            cluster: Any = await client.describe_cluster()
    except (KafkaError, OSError, TimeoutError) as error:
        what = f"Kafka cannot be reached at {settings.kafka_bootstrap_servers}: {type(error).__name__}"
        mend = (
            "docker compose up -d kafka; then docker compose logs kafka, and look at QINGSHENG_KAFKA_BOOTSTRAP_SERVERS"
        )
        return [Finding("kafka-unreachable", "error", what, mend)]
    found: list[Finding] = []
    oldest = {key: lowest for key, lowest, *_ in answer.api_versions}
    if oldest.get(FETCH, 0) < 4:
        mend = "upgrade the brokers to Apache Kafka 4.3 (docs/operating.md, upgrade)"
        found.append(Finding("kafka-version", "warning", "the brokers are older than Apache Kafka 4.0", mend))
    if len(cluster["brokers"]) == 2:
        mend = "add a third broker: with two, the loss of either stops all writes or all safety"
        found.append(Finding("kafka-brokers", "warning", "the cluster has two brokers", mend))
    return found


async def topics(settings: Settings) -> list[Finding]:
    """How the topics differ from the contract. Needs the database as well: it knows the producers."""
    return [
        Finding(
            "topic-missing" if each.what == "topic" else f"topic-{each.what.split('.')[0]}",
            "error" if each.applies else "warning",
            f"{each.topic}: {each.what} is {each.present}, the contract has {each.wanted}",
            each.mend,
        )
        for each in await topic_plan.differences(settings)
    ]
