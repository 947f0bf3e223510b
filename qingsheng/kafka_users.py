"""Kafka's own users, who sign in by SCRAM-SHA-512, and what each may do: calls of its protocol that aiokafka does not have."""
# pyright: reportMissingTypeStubs=false

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactBytes, CompactString, Int8, Int16, Int32, Schema, TaggedFields

ITERATIONS = 4096
"""Kafka's least: passwords are random and long, so more would only make each connection slower."""
MECHANISM = "SCRAM-SHA-512"
LOGIN_DEADLINE = 20.0
"""Seconds in which the broker that is asked must know a password that the controller has taken."""

# Numbers of Kafka's protocol.
_SHA_512 = 2
_ANY, _TOPIC, _GROUP = 1, 2, 3
_LITERAL, _PREFIXED = 3, 4
_READ, _WRITE = 3, 4
_ALLOW = 3
_NO_SUCH_USER = 91


class Right(NamedTuple):
    """Of one user: an operation on a topic or on consumer groups."""

    kind: int
    name: str
    pattern: int
    operation: int


def writes(topic: str) -> Right:
    """May write to this topic, and ask where its partitions are."""
    return Right(_TOPIC, topic, _LITERAL, _WRITE)


def reads(topic: str) -> Right:
    """May read this topic, and ask where its partitions are."""
    return Right(_TOPIC, topic, _LITERAL, _READ)


def in_groups(beginning: str) -> Right:
    """May join consumer groups whose names begin so."""
    return Right(_GROUP, beginning, _PREFIXED, _READ)


async def admit(options: Mapping[str, Any], user: str, password: str, rights: Sequence[Right] = ()) -> None:
    """Gives the user these rights and this password, in place of an earlier one; returns when it can sign in.

    ``options``: how a client of aiokafka connects as somebody who may do that. Raises KafkaError, such as
    ClusterAuthorizationFailedError for others.
    """
    with _unsaid("in the clear"):  # the embedded node's own password, which leaves no machine
        await _admit(options, user, password, rights)
    with _unsaid("Unable connect", "in the clear"):  # until the broker knows the password
        await _can_sign_in({**options, "sasl_mechanism": MECHANISM, **credentials(user, password)})


async def _admit(options: Mapping[str, Any], user: str, password: str, rights: Sequence[Right]) -> None:
    async with _connected(options) as client:
        for right in rights:
            made: Any = await _ask(
                client,
                CreateAclsRequest(right.kind, right.name, right.pattern, f"User:{user}", "*", *right[3:], _ALLOW),
            )
            _raise_for((answer[0], answer[1]) for answer in made.creation_responses)
        salt = os.urandom(32)
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
        altered = await _ask(client, _AlterCredentials([], [(user, _SHA_512, ITERATIONS, salt, salted, {})]))
        _raise_for((answer[1], answer[2]) for answer in altered.results)


async def dismiss(options: Mapping[str, Any], users: Sequence[str]) -> None:
    """Takes every right and the password of these users, at once also where they are connected. Raises KafkaError."""
    async with _connected(options) as client:
        for user in users:
            gone: Any = await _ask(client, DeleteAclsRequest(_ANY, None, _ANY, f"User:{user}", None, _ANY, _ANY))  # type: ignore[arg-type]
            _raise_for((answer[0], answer[1]) for answer in gone.filter_responses)
            altered = await _ask(client, _AlterCredentials([(user, _SHA_512, {})], []))
            _raise_for((answer[1], answer[2]) for answer in altered.results if answer[1] != _NO_SUCH_USER)


def credentials(user: str, password: str) -> dict[str, str]:
    """As clients of aiokafka take them."""
    return {"sasl_plain_username": user, "sasl_plain_password": password}


@contextmanager
def _unsaid(*warnings: str) -> Generator[None]:
    """Keeps these warnings of aiokafka's out of the log."""

    def said(record: logging.LogRecord) -> bool:
        return not any(warning in record.msg for warning in warnings)

    logs = [logging.getLogger(name) for name in ("aiokafka", "aiokafka.conn")]
    for log in logs:
        log.addFilter(said)
    try:
        yield
    finally:
        for log in logs:
            log.removeFilter(said)


@asynccontextmanager
async def _connected(options: Mapping[str, Any]) -> AsyncGenerator[AIOKafkaClient]:
    client = AIOKafkaClient(**options, request_timeout_ms=10_000)
    try:
        await client.bootstrap()
        yield client
    finally:
        await client.close()


async def _ask(client: AIOKafkaClient, request: Request[Any]) -> Any:
    """Any broker hands it on to the controller."""
    return await client.send(client.get_random_node(), request)


async def _can_sign_in(options: Mapping[str, Any]) -> None:
    deadline = time.monotonic() + LOGIN_DEADLINE
    while True:
        try:
            async with _connected(options):
                return
        except KafkaError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


def _raise_for(answers: Any) -> None:
    for code, message in answers:
        if code:
            raise for_code(code)(message or "")


class _CredentialsAltered(Response):
    API_KEY = 51  # pyright: ignore[reportAssignmentType]
    API_VERSION = 0  # pyright: ignore[reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            CompactArray(
                ("user", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterCredentials_v0(RequestStruct):
    """``AlterUserScramCredentials`` as Kafka's protocol guide has it."""

    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _CredentialsAltered
    SCHEMA = Schema(
        (
            "deletions",
            CompactArray(("name", CompactString("utf-8")), ("mechanism", Int8), ("tags", TaggedFields)),
        ),
        (
            "upsertions",
            CompactArray(
                ("name", CompactString("utf-8")),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _AlterCredentials(Request[_AlterCredentials_v0]):
    API_KEY = 51

    def __init__(self, deletions: list[Any], upsertions: list[Any]) -> None:
        self._deletions, self._upsertions = deletions, upsertions

    def build(self, request_struct_class: type[_AlterCredentials_v0]) -> _AlterCredentials_v0:
        return request_struct_class(self._deletions, self._upsertions, {})
