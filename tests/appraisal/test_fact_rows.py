"""Rows of facts made by columns are those that are made one by one."""

from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.appraisal import storage
from services.appraisal.consumers import sorted_out
from services.appraisal.storage import COUNTED, FACT, SOURCES, save_facts
from shared.contracts.decoding import Broken, Decoder
from shared.delivery.subscription import Read
from shared.postgres import connect
from tests.support.random_events import arrivals, encode, generate, service_of
from tests.support.services import settings_for

ZONE = ZoneInfo("Asia/Shanghai")
DECODERS = {service: Decoder(service, [t for t in COUNTED if service == t.SERVICE], ZONE) for service in SOURCES}


def reads(seed: int) -> list[Read[Any]]:
    found: list[Read[Any]] = []
    for offset, event in enumerate(arrivals(generate(seed, 1500), Random(seed))):
        service = service_of(event)
        try:
            content = DECODERS[service](encode(event)) if service in DECODERS else None
        except Broken:
            continue
        if content is not None:
            found.append(Read(content, service, offset % 6, 2**40 + offset))
    return found


@pytest.mark.parametrize("seed", [3, 8])
async def test_the_rows_are_the_same(database_url: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = sorted_out(reads(seed), ZONE).facts
    kinds = {(fact.kind, fact.volunteer is None) for fact in facts}
    assert len(facts) > 300
    assert len(kinds) > 10
    # One of a second telling sends a batch the way round, through the staging table.
    batches = [facts[:200], facts[200:]]
    connection: Any = await connect(settings_for(database_url, "127.0.0.1:1", ""), search_path="appraisal")
    told = []
    try:
        for least in (1, 10**9):
            monkeypatch.setattr(storage, "_MANY", least)
            await connection.execute("truncate fact")
            for batch in batches:
                async with connection.transaction():
                    assert len((await save_facts(connection, batch)).new) == len(batch)
            told.append(await connection.fetch(f"select {FACT}, f.telling from fact f order by id"))
        assert told[0] == told[1]
        assert [tuple(row)[:-1] for row in told[0]] == sorted(map(tuple, facts), key=lambda fact: fact[0])
        assert told[0][0]["time"].astimezone(UTC) > datetime(2000, 1, 1, tzinfo=UTC)
    finally:
        await connection.execute("truncate fact")
        await connection.close()
