"""Kafka as these services use it: FastStream's broker, an idempotent producer, one admin client for a short errand."""
# pyright: reportMissingTypeStubs=false

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

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
    return {"bootstrap_servers": _brokers(settings), **parse_security(_security(settings))}


def _brokers(settings: Settings) -> list[str]:
    """As a list: FastStream takes a text with commas for the name of one host."""
    return [address.strip() for address in settings.kafka_bootstrap_servers.split(",")]


def _security(settings: Settings) -> BaseSecurity | None:
    """``use_ssl`` is said each time: without it FastStream would send passwords in plain."""
    if not settings.kafka_tls:
        return None
    trusted = ssl.create_default_context(cafile=settings.kafka_ca_file)
    if settings.kafka_user and settings.kafka_password:
        password = settings.kafka_password.get_secret_value()
        return SASLScram512(settings.kafka_user, password, ssl_context=trusted, use_ssl=True)
    return BaseSecurity(ssl_context=trusted, use_ssl=True)


def create_broker(settings: Settings, client_id: str) -> KafkaBroker:
    return KafkaBroker(
        _brokers(settings),
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


def create_producer(settings: Settings) -> AIOKafkaProducer:
    """Acknowledged by all in-sync replicas, no copies by its own retries."""
    return AIOKafkaProducer(
        **connection_options(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        # What the relay hands over at once goes in one request; by default each 16 KiB of a partition wait for the last.
        max_batch_size=256 * 1024,
        max_request_size=1024 * 1024,
        request_timeout_ms=int(SEND_TIMEOUT * 1000),
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
