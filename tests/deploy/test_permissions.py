"""The secure deployment against docs/permissions.md: every principal on every topic and group, every role on every table."""

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from shared.contracts.topics import PRODUCER, PRODUCER_TOPICS, TOPICS
from shared.delivery.broker import create_producer
from tests.deploy.composed import DEPLOY, Composed, composed
from tests.deploy.matrix import grid

pytestmark = pytest.mark.fault(
    24, "the secured deployment: every principal on every topic and group, every role on every table"
)

SERVICES = ("roster", "training", "opinion", "campaign", "appraisal")
OPERATOR = "qingsheng-operator"
PRODUCERS = ("city-feeds", "class-registers")


def test_the_page_agrees_with_the_topics_of_the_contract() -> None:
    topics = grid("topic")
    for topic in (*TOPICS, *PRODUCER_TOPICS):
        row = topics[topic.name.replace(PRODUCER, "<p>")]
        writers = {who for who, may in row.items() if "W" in may}
        readers = {who for who, may in row.items() if may == "R"}
        named = {name: f"qingsheng-{name}" for name in SERVICES} | {PRODUCER: "<p>"}
        assert writers == {named[name] for name in topic.owner.split(", ")}, topic.name
        assert readers == {named[name] for name in topic.consumers}, topic.name
    assert len(topics) == len(TOPICS) + len(PRODUCER_TOPICS)


@pytest.fixture(scope="module")
def secure() -> Iterator[Composed]:
    with composed("secure", ["secure"]) as project:
        project.up("postgres", "kafka")
        project.compose("run", "--rm", "-T", "topics")  # and the principals before it
        project.compose("run", "--rm", "-T", "logins")
        yield project


class Principals:
    """Who may sign in to the brokers, with their passwords, and how."""

    def __init__(self, project: Composed) -> None:
        self.address = f"127.0.0.1:{project.ports['kafka']}"
        self.passwords = {
            f"qingsheng-{name}": (DEPLOY / "secrets" / f"kafka_password_{name}").read_text()
            for name in (*SERVICES, "operator")
        }
        for name in PRODUCERS:
            told = project.compose("run", "--rm", "-T", "principals", "producer", name, "campaign,training,opinion")
            self.passwords[name] = told.split("once): ")[1].splitlines()[0]

    def options(self, who: str) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.address,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cafile=DEPLOY / "secrets" / "tls_ca.crt"),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": who,
            "sasl_plain_password": self.passwords[who],
        }

    async def may_write(self, who: str, topic: str) -> bool:
        async with create_producer(self.options(who)) as producer:
            try:
                await asyncio.wait_for(producer.send_and_wait(topic, b"x", partition=0), 20)
            except TopicAuthorizationFailedError:
                return False
            return True

    async def may_read(self, who: str, topic: str) -> bool:
        consumer: Any = AIOKafkaConsumer(**self.options(who), auto_offset_reset="earliest", enable_auto_commit=False)
        async with consumer:
            consumer.assign([TopicPartition(topic, 0)])
            try:
                return bool(await asyncio.wait_for(consumer.getone(), 3))
            except (TopicAuthorizationFailedError, TimeoutError):
                # Where it may not even describe the topic, the client goes on asking; the record is there: see the fixture.
                return False

    async def may_join(self, who: str, group: str) -> bool:
        consumer: Any = AIOKafkaConsumer(**self.options(who), group_id=group, enable_auto_commit=False)
        async with consumer:
            partition = TopicPartition("qingsheng.roster.events", 0)
            consumer.assign([partition])
            try:
                await asyncio.wait_for(consumer.committed(partition), 20)
            except GroupAuthorizationFailedError:
                return False
            except KafkaError as error:
                # The group was open to it, the topic was not.
                if "TopicAuthorizationFailedError" not in str(error):
                    raise
            return True


@pytest.fixture(scope="module")
def principals(secure: Composed) -> Principals:
    made = Principals(secure)

    async def fill() -> None:
        admin = AIOKafkaAdminClient(**made.options(OPERATOR))
        await admin.start()
        names = [topic.name.replace(PRODUCER, p) for p in PRODUCERS for topic in PRODUCER_TOPICS]
        await admin.create_topics([NewTopic(name, 1, 1) for name in names])
        await admin.close()
        for topic in [*(topic.name for topic in TOPICS), *names]:
            assert await made.may_write(OPERATOR, topic)

    asyncio.run(fill())
    return made


def _expected(row: dict[str, str], who: str, named: str) -> str:
    if who in PRODUCERS:
        return row["<p>"] if named == who or named == "" else ""
    return row[who]


@pytest.mark.containers
async def test_every_principal_on_every_topic(principals: Principals) -> None:
    wrong: list[str] = []
    checked = 0
    for pattern, row in grid("topic").items():
        for named in PRODUCERS if "<p>" in pattern else ("",):
            topic = pattern.replace("<p>", named)
            everybody = list(principals.passwords)
            writing = await asyncio.gather(*(principals.may_write(who, topic) for who in everybody))
            reading = await asyncio.gather(*(principals.may_read(who, topic) for who in everybody))
            for who, *found in zip(everybody, writing, reading, strict=True):
                may = _expected(row, who, named)
                checked += 1
                if found != [may in ("W", "RW", "All"), may in ("R", "RW", "All")]:
                    wrong.append(f"{who} on {topic}: {may or 'nothing'} written; writes, reads: {found}")
    assert not wrong, "\n".join(wrong)
    assert checked == (5 + 4 * len(PRODUCERS)) * (6 + len(PRODUCERS))


@pytest.mark.containers
async def test_every_principal_in_every_group(principals: Principals) -> None:
    wrong: list[str] = []
    for pattern, row in grid("group").items():
        for named in PRODUCERS if "<p>" in pattern else ("",):
            group = pattern.replace("<p>", named).replace("…", "one")
            for who in principals.passwords:
                found = await principals.may_join(who, group)
                if found != bool(_expected(row, who, named)):
                    wrong.append(f"{who} in {group}: {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.containers
async def test_brokers_answer_nothing_in_plain_nor_without_a_principal(principals: Principals) -> None:
    encrypted = {name: principals.options(OPERATOR)[name] for name in ("bootstrap_servers", "ssl_context")}
    attempts: list[dict[str, Any]] = [
        {"bootstrap_servers": principals.address},
        {**encrypted, "security_protocol": "SSL"},
        {**principals.options(OPERATOR), "sasl_plain_password": "wrong"},
    ]
    for options in attempts:
        client = AIOKafkaAdminClient(**options, request_timeout_ms=4000)
        with pytest.raises((KafkaError, OSError, TimeoutError)):
            await asyncio.wait_for(client.start(), 15)
        await client.close()


@pytest.mark.containers
def test_every_role_on_every_table(secure: Composed) -> None:
    written = grid("tables")
    roles = list(next(iter(written.values())))
    tables = secure.psql(
        """select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where c.relkind in ('r', 'v', 'm', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"""
    )
    checks = ", ".join(
        f"(case when has_table_privilege('{{role}}', t::regclass, '{right}') then '{right[0]}' else '' end)"
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
    )
    wrong: list[str] = []
    for role in roles:
        listed = ",".join(f"'{table}'" for (table,) in tables)
        rights = secure.psql(f"select t, concat({checks.format(role=role)}) from unnest(array[{listed}]) t")
        for table, found in rights:
            row = written.get(table) or written.get(table.split(".")[0] + ".*")
            may = row[role] if row else "(no line)"
            if found != may:
                wrong.append(f"{role} on {table}: {may or 'nothing'} written, has {found or 'nothing'}")
    assert not wrong, "\n".join(wrong)
    owners = secure.psql(
        "select distinct r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname ~ '^qingsheng_'"
    )
    assert owners == []
    powers = secure.psql(
        "select rolname from pg_roles where rolname ~ '^qingsheng_' and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls)"
    )
    assert powers == []


@pytest.mark.containers
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_signs_in_encrypted_and_as_itself_only(secure: Composed, service: str) -> None:
    password = (DEPLOY / "secrets" / f"database_password_{service}").read_text()
    other = "opinion" if service != "opinion" else "campaign"

    def asked(query: str, user: str, mode: str) -> str:
        url = f"postgresql://{user}:{password}@postgres/qingsheng?sslmode={mode}"
        return secure.compose("exec", "-T", "postgres", "psql", url, "-Atc", query, check=False)

    mine = f"qingsheng_{service}"
    assert asked(f"select count(*) from {service}.outbox", mine, "require").strip() == "0"
    assert "permission denied" in asked(f"select count(*) from {other}.outbox", mine, "require")
    assert "permission denied" in asked(f"set role qingsheng_{other}", mine, "require")
    assert "must be owner" in asked(f"alter table {service}.outbox add column x int", mine, "require")
    assert "no encryption" in asked("select 1", mine, "disable")
    assert "authentication failed" in asked("select 1", f"qingsheng_{other}", "require")


@pytest.mark.containers
def test_no_secret_stands_in_a_containers_settings(secure: Composed) -> None:
    ids = secure.compose("ps", "--all", "--quiet").split()
    told = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True).stdout
    secrets = [file for file in (DEPLOY / "secrets").iterdir() if "password" in file.name or "key" in file.name]
    assert len(secrets) > 10
    for file in secrets:
        if file.suffix not in (".crt", ".key"):
            assert file.read_text() not in told, file.name
