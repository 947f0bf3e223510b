"""Kafka as these services use it: FastStream's broker, an idempotent producer, one admin client for a short errand."""
# pyright: reportMissingTypeStubs=false

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from faststream.kafka import KafkaBroker
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLScram512

from shared import spans
from shared.settings import Settings

SEND_TIMEOUT = 5.0
"""Seconds a send may take before it counts as unknown."""


def connection_options(settings: Settings) -> dict[str, Any]:
    """What every client of aiokafka is given: where the brokers are, and as whom."""
    return {"bootstrap_servers": settings.brokers, **parse_security(_security(settings))}


def _security(settings: Settings) -> BaseSecurity | None:
    """``use_ssl`` is said each time: without it FastStream would send passwords in plain."""
    tls = settings.kafka_tls
    trusted = ssl.create_default_context(cafile=settings.kafka_ca_file) if tls else None
    if settings.kafka_user and settings.kafka_password:
        # Without TLS on this machine alone (see Settings); SCRAM proves the password to either side and tells it to none.
        password = settings.kafka_password.get_secret_value()
        return SASLScram512(settings.kafka_user, password, ssl_context=trusted, use_ssl=tls)
    return BaseSecurity(ssl_context=trusted, use_ssl=True) if tls else None


def create_broker(settings: Settings, client_id: str) -> KafkaBroker:
    return KafkaBroker(
        settings.brokers,  # as a list: FastStream takes a text with commas for the name of one host
        client_id=client_id,
        security=_security(settings),
        apply_types=False,
        allow_auto_create_topics=False,
        logger=None,
        middlewares=spans.middlewares(),
        # A closing worker first finishes the batch in hand, for as long as there is time to leave the group after it.
        graceful_timeout=8.0,
        # New intake topics are found at a metadata refresh only.
        metadata_max_age_ms=5_000,
    )


class Producer(AIOKafkaProducer):
    """A producer that asks for the partitions of every topic that it sends to.

    A producer of aiokafka 0.14 that fetched metadata before its first send, as an idempotent one does when a young broker
    refuses its first request, knows all topics and keeps none in mind. Its first send to a topic that was made since then
    narrows what it knows to that one, and what is pending for the others fails after the request's time-out.
    """

    async def send(self, topic: str, *arguments: Any, **options: Any) -> asyncio.Future[Any]:
        self._keep_in_mind(topic)
        return await cast(Any, super()).send(topic, *arguments, **options)

    async def send_batch(self, batch: Any, topic: str, **options: Any) -> asyncio.Future[Any]:
        self._keep_in_mind(topic)
        return await cast(Any, super()).send_batch(batch, topic, **options)

    def _keep_in_mind(self, topic: str) -> None:
        cast(Any, self.client).add_topic(topic)


def create_producer(
    kafka: Settings | Mapping[str, Any], *, linger_ms: int = 0, request_timeout: float = 40.0
) -> Producer:
    """A producer whose records are acknowledged by all in-sync replicas, with no copies by its own retries.

    ``kafka``: the deployment, or aiokafka's own options of a connection. ``request_timeout``: seconds until a send that was
    not acknowledged fails.
    """
    return Producer(
        **(connection_options(kafka) if isinstance(kafka, Settings) else kafka),
        acks="all",
        enable_idempotence=True,
        linger_ms=linger_ms,
        # What the relay hands over at once goes in one request; by default each 16 KiB of a partition wait for the last.
        max_batch_size=256 * 1024,
        max_request_size=1024 * 1024,
        request_timeout_ms=int(request_timeout * 1000),
        metadata_max_age_ms=5_000,
    )


@asynccontextmanager
async def admin(settings: Settings) -> AsyncGenerator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(**connection_options(settings), request_timeout_ms=10_000)
    await client.start()
    try:
        yield client
    finally:
        await client.close()
