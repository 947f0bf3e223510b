"""What waits to be read, told by service, topic and partition."""

import asyncio

import pytest
from aiokafka.errors import UnknownTopicOrPartitionError

from qingsheng.operate.standing import PATIENCE, reader
from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Tables
from tests.operate.asking import qingsheng
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.running import running
from tests.support.waiting import eventually


async def test_what_waits_is_told_with_its_age(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(5), partition=0))
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(5))
    await put(settings, SHARES, [*records(shares(3), partition=0), *records(shares(2), partition=1)])

    told = await qingsheng(settings, "lag", "appraisal", "--json")
    assert told.code == 0
    at = {(row["topic"], row["partition"]): row for row in told.json}
    first, second = (at[settings.topic_prefix + SHARES, number] for number in (0, 1))
    assert (first["stored"], first["end"], first["behind"]) == (5, 8, 3)
    assert (second["end"], second["behind"]) == (2, 2)
    assert 0 < first["seconds_behind"] < 60
    assert sum(row["behind"] for row in told.json) == 5
    assert all(row["seconds_behind"] == 0 for row in told.json if not row["behind"])

    assert (await qingsheng(settings, "lag", "--max-seconds", "0")).code == 1
    assert (await qingsheng(settings, "lag", "--max-seconds", "600")).code == 0
    assert (await qingsheng(settings, "lag", "--max-records", "4")).code == 0
    assert (await qingsheng(settings, "lag", "nobody")).code == 2

    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(10))
    caught_up = await qingsheng(settings, "lag", "appraisal", "--max-seconds", "0")
    assert (caught_up.code, "are read" in caught_up.out) == (0, True)


async def test_a_topic_that_is_listed_still_but_gone_is_not_waited_for_long(settings: Settings) -> None:
    async with asyncio.timeout(4 * PATIENCE):
        with pytest.raises(UnknownTopicOrPartitionError):
            async with reader(settings, [settings.topic_prefix + "gone"]):
                pass
