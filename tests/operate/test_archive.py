"""Everything destroyed and put back from an archive: the same offsets, the same figures, the same digests."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from qingsheng.operate.archive.manifest import Manifest
from qingsheng.operate.verifying import verify
from qingsheng.producers import issue_key
from shared.delivery.broker import admin
from shared.settings import Settings
from tests.appraisal.test_closing import half_a_year
from tests.appraisal.test_verify import appraisal
from tests.operate.asking import qingsheng
from tests.support.databases import create_database, database_at, drop_database
from tests.support.kafka import Put, put
from tests.support.kafka import read as read_topic
from tests.support.services import settings_for
from tests.support.stack import Servers
from tests.support.topics import delete_topics
from tests.support.waiting import eventually

INTAKE = "qingsheng.intake.opinion.city-press"
CAMPAIGN = "qingsheng.campaign.events"


@pytest.fixture
def another_database_url(stack: Servers) -> Any:
    name = create_database(stack.database_url, "template1")
    yield database_at(stack.database_url, name)
    drop_database(stack.database_url, name)


async def everything(settings: Settings, topic: str) -> list[Any]:
    return [
        (record.partition, record.offset, record.timestamp, record.key, record.value, tuple(record.headers))
        for record in await read_topic(settings, topic)
    ]


async def shorten(settings: Settings, topic: str, before: int) -> None:
    async with admin(settings) as client:
        place = TopicPartition(settings.topic_prefix + topic, 0)
        await client.delete_records({place: RecordsToDelete(before_offset=before)})


async def test_destroyed_and_restored(
    database_url: str, another_database_url: str, stack: Servers, topic_prefix: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    folder = str(tmp_path / "archive")
    async with appraisal(settings) as place:
        await place.tell(list(half_a_year().events))
        digest = (await place.post("/periods/2014-H1/close"))["digest"]
        report = await place.get("/reports/2014-H1")

        async def sent() -> bool:
            return not await place.database.fetchval("select exists (select from outbox)")

        await eventually(sent)
    await issue_key(settings, "city-press", ["opinion"])
    await put(settings, INTAKE, [Put(b"gone", partition=0), Put(b"read", b"k", 0, [("h", b"x")]), Put(None, b"k", 0)])
    await shorten(settings, INTAKE, 1)
    before = {topic: await everything(settings, topic) for topic in (CAMPAIGN, INTAKE, "qingsheng.appraisal.events")}
    assert len(before[INTAKE]) == 2

    taken = await qingsheng(settings, "backup", folder)
    assert taken.code == 0, taken.err
    assert (await qingsheng(settings, "backup", folder)).code == 1

    delete_topics(stack.kafka_bootstrap_servers, topic_prefix)
    new = settings.model_copy(update={"database_url": another_database_url})
    other_key = settings_for(another_database_url, stack.kafka_bootstrap_servers, topic_prefix).model_copy(
        update={"secret_key": type(settings.secret_key)("another secret of tests")}
    )
    refused = await qingsheng(other_key, "restore", folder)
    assert (refused.code, "QINGSHENG_SECRET_KEY" in refused.err) == (1, True)

    restored = await qingsheng(new, "restore", folder)
    assert restored.code == 0, restored.err
    assert "2014-H1 revision 1: proved" in restored.err
    assert {topic: await everything(new, topic) for topic in before} == before
    assert [(each.digest, each.problems) for each in await verify(new, "2014-H1")] == [(digest, [])]

    async with appraisal(new) as place:
        assert (await place.get("/reports/2014-H1"))["digest"] == report["digest"]
        assert await place.database.fetchval("select count(*) from behind") == 0
    lag = await qingsheng(new, "lag", "appraisal", "--max-records", "0")
    assert lag.code == 0
    # A second time it is not empty.
    assert (await qingsheng(new, "restore", folder)).code == 1


@pytest.fixture
async def small(settings: Settings, tmp_path: Path) -> Path:
    assert (await qingsheng(settings, "backup", str(tmp_path / "small"))).code == 0
    return tmp_path / "small"


async def test_a_broken_archive_changes_nothing(settings: Settings, small: Path) -> None:
    manifest = Manifest.read(small)
    file = small / next(iter(manifest.tables.values())).file
    file.write_bytes(file.read_bytes() + b"x")
    refused = await qingsheng(settings, "restore", str(small))
    assert (refused.code, "not what was written" in refused.err) == (1, True)
    (small / "manifest.json").unlink()
    refused = await qingsheng(settings, "restore", str(small))
    assert (refused.code, "no finished archive" in refused.err) == (1, True)


async def test_what_was_published_after_the_snapshot_is_left_out(settings: Settings, tmp_path: Path) -> None:
    await put(settings, CAMPAIGN, [Put(b"{}", b"k", 0)])
    assert (await qingsheng(settings, "backup", str(tmp_path / "a"))).code == 0
    part = Manifest.read(tmp_path / "a").partitions[CAMPAIGN][0]
    with gzip.open(tmp_path / "a" / part.file) as packed:
        assert (part.end, [json.loads(line) for line in packed]) == (0, [])
