"""Registers systems that report to the front door: topics of their own, and API keys that are shown once."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka.errors import ClusterAuthorizationFailedError

from qingsheng import kafka_users
from qingsheng.registry import INTAKE, SERVICES
from qingsheng.topics import ensure_producer_topics
from qingsheng.users import administering
from shared.access import audit, keys
from shared.contracts.schemas import PRODUCER_NAME
from shared.contracts.topics import answers_topic, intake_topic
from shared.delivery.broker import connection_options
from shared.security import new_api_key
from shared.settings import Settings

DOORS = tuple(name for name, service in SERVICES.items() if INTAKE in service.migrations)
BY = "qingsheng keys"
"""The actor in the audit log."""


class Issued(NamedTuple):
    """A new key. ``kafka_user``: whose password it is in Kafka; "" where Kafka asks for none, None where its users are made
    otherwise."""

    key: str
    kafka_user: str | None


async def issue_key(settings: Settings, producer: str, services: Sequence[str]) -> str:
    """The key alone of ``issue``."""
    return (await issue(settings, producer, services)).key


async def issue(settings: Settings, producer: str, services: Sequence[str]) -> Issued:
    """Registers the producer for these services, or gives it one more key; its earlier keys go on until they are revoked.
    The key is the password of a user of Kafka's, which is its own, so that both change without a gap. Raises ValueError."""
    if not re.fullmatch(PRODUCER_NAME, producer):
        raise ValueError("a producer's name is 3 to 40 of a-z, 0-9 and -, beginning with a letter")
    unknown = sorted(set(services) - set(DOORS))
    if unknown or not services:
        raise ValueError(f"services that take reports are {', '.join(DOORS)}; not {', '.join(unknown) or 'none'}")
    await ensure_producer_topics(settings, producer, services)
    key = new_api_key()
    # Before the key counts, and outside the transaction: others must not wait for Kafka to leave their audit lines.
    user = await _admit_to_kafka(settings, producer, services, key)
    async with administering(settings) as connection:
        named = await keys.store(connection, producer, services, key)
        await _note(connection, "key.issued", producer, {"key": named, "services": sorted(set(services))})
    return Issued(key, user)


def way_in(settings: Settings, producer: str, services: Sequence[str], issued: Issued) -> dict[str, Any]:
    """All that the producer needs, as JSON: ``source``, ``key``, ``topics`` by service, ``answers`` (a topic) and, unless
    Kafka's users are made otherwise, ``kafka``: how clients of aiokafka connect."""
    prefix = settings.topic_prefix
    told: dict[str, Any] = {
        "source": f"/ext/{producer}",
        "key": issued.key,
        "topics": {name: prefix + intake_topic(name, producer) for name in services},
        "answers": prefix + answers_topic(producer),
    }
    return told if issued.kafka_user is None else told | {"kafka": kafka_of(settings, issued)}


def consumer_groups(settings: Settings, producer: str) -> str:
    """What the names of the producer's consumer groups begin with."""
    return f"{settings.topic_prefix}{producer}."


def kafka_of(settings: Settings, issued: Issued) -> dict[str, str]:
    """How the producer connects to Kafka, as clients of aiokafka take it."""
    protocol = ("SASL_" if issued.kafka_user else "") + ("SSL" if settings.kafka_tls else "PLAINTEXT")
    address = {"bootstrap_servers": settings.kafka_bootstrap_servers, "security_protocol": protocol}
    if not issued.kafka_user:
        return address
    mechanism = {"sasl_mechanism": kafka_users.MECHANISM}
    return address | mechanism | kafka_users.credentials(issued.kafka_user, issued.key)


def properties_of(kafka: Mapping[str, str]) -> dict[str, str]:
    """The same as properties of a client in Java."""
    properties = {name.replace("_", "."): value for name, value in kafka.items() if "sasl_plain" not in name}
    if "sasl_plain_username" in kafka:
        properties["sasl.jaas.config"] = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{kafka["sasl_plain_username"]}" password="{kafka["sasl_plain_password"]}";'
        )
    return properties


def kafka_user_of(settings: Settings, producer: str, key_name: str) -> str:
    """By the deployment, as several may share a Kafka; the dot is in no name of the deployment's own users."""
    return f"{settings.topic_prefix}{producer}.{key_name}"


async def _admit_to_kafka(settings: Settings, producer: str, services: Sequence[str], key: str) -> str | None:
    if not settings.kafka_user:
        return ""
    user = kafka_user_of(settings, producer, keys.name_of(key))
    prefix = settings.topic_prefix
    rights = [
        *(kafka_users.writes(prefix + intake_topic(service, producer)) for service in services),
        kafka_users.reads(prefix + answers_topic(producer)),
        kafka_users.in_groups(consumer_groups(settings, producer)),
    ]
    try:
        await kafka_users.admit(connection_options(settings), user, key, rights)
    except ClusterAuthorizationFailedError:
        return None
    return user


async def services_of(settings: Settings, producer: str) -> list[str]:
    """What the producer's living keys are for."""
    async with administering(settings) as connection:
        return await keys.services_of(connection, producer)


async def listed(settings: Settings) -> list[dict[str, Any]]:
    async with administering(settings) as connection:
        return await keys.all_keys(connection)


async def revoke(settings: Settings, producer: str, key: str | None = None) -> list[str]:
    """Ends all keys of the producer, or the one that ``listed`` names ``key``: from the next request on. Returns the
    names of those that ended. Their users of Kafka's end after that; where Kafka did not answer, ask again."""
    async with administering(settings) as connection:
        ended = await keys.revoke(connection, producer, key)
        if ended:
            await _note(connection, "key.revoked", producer, {"keys": ended})
        revoked = [
            each["key"]
            for each in await keys.all_keys(connection)
            if each["producer"] == producer and each["revoked_at"] and key in (None, each["key"])
        ]
    if settings.kafka_user and revoked:
        users = [kafka_user_of(settings, producer, name) for name in revoked]
        with suppress(ClusterAuthorizationFailedError):  # made by an operator of Kafka, and ended by one
            await kafka_users.dismiss(connection_options(settings), users)
    return ended


async def _note(connection: Any, action: str, producer: str, details: dict[str, Any]) -> None:
    """Charter C11: every change of a permission leaves a line."""
    await audit.record(connection, BY, action, f"producer/{producer}", details, log="access.audit")
