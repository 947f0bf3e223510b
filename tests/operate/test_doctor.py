"""The doctor finds each seeded fault, names what mends it, and nothing else."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from qingsheng.operate.checks import configuration
from qingsheng.operate.checks.database import clock_apart
from qingsheng.operate.diagnosis import diagnose
from qingsheng.operate.finding import Finding
from qingsheng.registry import SERVICES
from shared.contracts.topics import events_topic
from shared.postgres import connect
from shared.settings import Settings
from tests.operate.asking import qingsheng
from tests.operate.test_topics import set_topic
from tests.support.kafka import Put, put
from tests.support.waiting import eventually

SHARES = events_topic("campaign")
Harm = Callable[[Settings, Any], Awaitable[object]]


@pytest.fixture
async def database(settings: Settings) -> Any:
    connection: Any = await connect(settings)
    for service in SERVICES:
        # As if the workers were there.
        await connection.execute(
            f"insert into {service}.worker_state values (gen_random_uuid(), now() + interval '1 hour', '{{}}', 0)"
        )
    try:
        yield connection
    finally:
        await connection.close()


def sql(statement: str) -> Harm:
    async def harm(settings: Settings, database: Any) -> None:
        await database.execute(statement.replace("$prefix", settings.topic_prefix))

    return harm


async def keeps_a_second(settings: Settings, _: Any) -> None:
    await set_topic(settings, SHARES, retention_ms="1000")


async def deletes_a_topic(settings: Settings, _: Any) -> None:
    from shared.delivery.broker import admin

    async with admin(settings) as client:
        await client.delete_topics([settings.topic_prefix + SHARES])


async def loses_records(settings: Settings, database: Any) -> None:
    from aiokafka import TopicPartition
    from aiokafka.admin import RecordsToDelete

    from shared.delivery.broker import admin

    await put(settings, SHARES, [Put(b"1", partition=0), Put(b"2", partition=0), Put(b"3", partition=0)])
    async with admin(settings) as client:
        await client.delete_records(
            {TopicPartition(settings.topic_prefix + SHARES, 0): RecordsToDelete(before_offset=2)}
        )
    await database.execute(
        'insert into appraisal.consumer_offset (topic, "partition", next_offset) values ($1, 0, 1)',
        settings.topic_prefix + SHARES,
    )


FAULTS: list[tuple[str, Harm, str]] = [
    ("migrations-pending", sql("delete from opinion.schema_migration where version = '0101'"), "qingsheng migrate"),
    ("migrations-unknown", sql("insert into roster.schema_migration values ('9999')"), "newer version"),
    ("role-lacks", sql("revoke insert on campaign.outbox from qingsheng_campaign"), "grant insert on campaign.outbox"),
    ("role-may-too-much", sql("grant update on roster.audit to qingsheng_roster"), "revoke update on roster.audit"),
    ("role-may-too-much", sql("grant usage on schema opinion to qingsheng_roster"), "revoke all on schema opinion"),
    ("topic-retention", keeps_a_second, "qingsheng topics apply"),
    ("topic-missing", deletes_a_topic, "qingsheng topics apply"),
    ("worker-missing", sql("delete from training.worker_state"), "training-worker"),
    (
        "topic-paused",
        sql("insert into appraisal.consumer_pause (topic, reason) values ('$prefixqingsheng.campaign.events', 'bad')"),
        "qingsheng dlq resume appraisal",
    ),
    (
        "outbox-old",
        sql(
            "insert into roster.outbox (topic, key, value, created_at) values ('t', 'k', '', now() - interval '1 hour')"
        ),
        "restart roster-worker",
    ),
    (
        "offset-beyond-end",
        sql("insert into appraisal.consumer_offset values ('$prefixqingsheng.campaign.events', 0, 7)"),
        "qingsheng replay appraisal",
    ),
    ("offset-before-beginning", loses_records, "qingsheng replay appraisal"),
    (
        "dead-letters",
        sql(
            """insert into appraisal.dead_letter (topic, "partition", "offset", headers, sealed, reason, detail)
               values ('t', 0, 0, '[]', false, 'not_json', '')"""
        ),
        "qingsheng dlq list appraisal",
    ),
    ("behind-own-topic", sql("insert into campaign.behind (events) values (3)"), "qingsheng reconcile campaign"),
    (
        "worker-problem",
        sql("update campaign.worker_state set problems = array['relay: the broker does not acknowledge']"),
        "campaign-worker",
    ),
]


async def checks(settings: Settings) -> list[str]:
    return [finding.check for finding in await diagnose(settings, Path("/proc"))]


async def test_a_well_deployment(settings: Settings, database: Any) -> None:
    await eventually(lambda: _well(settings))
    told = await qingsheng(settings, "doctor", "--json")
    assert (told.code, told.json) == (0, {"well": True, "findings": []})


async def _well(settings: Settings) -> bool:
    return await checks(settings) == []


@pytest.mark.parametrize(("check", "harm", "mend"), FAULTS)
async def test_each_fault_is_found_with_its_mend(
    settings: Settings, database: Any, check: str, harm: Harm, mend: str
) -> None:
    await harm(settings, database)
    try:

        async def found() -> list[Finding]:
            """Once the broker knows of what was done to its topics."""
            findings = await diagnose(settings, Path("/proc"))
            return findings if any(each.check == check for each in findings) else []

        findings = await eventually(found)
        assert [each.check for each in findings] == [check], findings
        [finding] = findings
        assert mend in finding.mend
    finally:
        # Rights on schemas outlive nothing here, but roles are the cluster's.
        await database.execute("revoke usage on schema opinion from qingsheng_roster")


async def test_servers_that_are_away(settings: Settings, database: Any) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none", "database_timeout": 2.0})
    told = await qingsheng(away, "doctor", "--json")
    assert told.code == 1
    [finding] = told.json["findings"]
    assert (finding["check"], "up -d postgres" in finding["mend"]) == ("postgres-unreachable", True)

    alone = settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    found = await diagnose(alone, Path("/proc"))
    assert [each.check for each in found] == ["kafka-unreachable"]
    [found] = found
    assert (found.check, "up -d kafka" in found.mend) == ("kafka-unreachable", True)


def test_a_disk_that_runs_full(tmp_path: Path) -> None:
    [finding] = configuration.disk(tmp_path / "not yet", least_free=1.01)
    assert finding.check == "disk"


def test_clocks_apart() -> None:
    assert clock_apart("PostgreSQL", 100.0, 99.0, 101.0) == []
    [behind], [ahead] = clock_apart("PostgreSQL", 90.0, 99.0, 101.0), clock_apart("Kafka", 110.0, 99.0, 101.0)
    assert ("9.0 s" in behind.what, "9.0 s" in ahead.what, "chronyc" in ahead.mend) == (True, True, True)


def test_settings_unfit_for_real_use(settings: Settings) -> None:
    unfit = settings.model_copy(
        update={
            "story_mode": True,
            "oidc_issuer": "https://sign-in.example",
            "kafka_bootstrap_servers": "kafka.example:9092",
            "public_url": "http://qingsheng.example",
        }
    )
    assert [each.check for each in configuration.settings(unfit)] == ["story-mode", "kafka-in-plain", "pages-in-plain"]
    assert configuration.settings(settings) == []
