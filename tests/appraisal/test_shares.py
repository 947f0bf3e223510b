"""Shares read by columns are what the ordinary way reads, and whatever is wrong is left to it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.appraisal import shares, tallying
from services.appraisal.consumers import sorted_out, store
from services.appraisal.measures import Fact
from services.appraisal.shares import ShareReader
from services.appraisal.storage import PROJECTED
from services.appraisal.tallying import Pending
from shared.contracts import campaign
from shared.contracts.decoding import Broken, Decoded, Decoder
from shared.delivery.subscription import Read
from shared.postgres import connect, use_json
from tests.support.random_events import arrivals, encode, generate, service_of, type_of
from tests.support.services import settings_for

ZONE = ZoneInfo("Asia/Shanghai")
TYPES = [campaign.PostPublished, campaign.PostWithdrawn, campaign.RepostLogged, campaign.RepostVoided]
DECODER = Decoder("campaign", TYPES, ZONE)
EVENTS = [event for event in generate(5, 4000) if service_of(event) == "campaign"]
TOLD = [event for event in EVENTS if type_of(event) == "campaign.repost_logged"]


@dataclass
class Written:
    """A record as far as it is read."""

    value: bytes | None
    offset: int
    topic: str = "qingsheng.campaign.events"
    partition: int = 0


def decode(record: Any) -> Decoded | None:
    return DECODER(record.value)


@pytest.fixture(autouse=True)
def _however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "LEAST", 1)


def ordinary(records: Sequence[Any]) -> tuple[list[Read[Decoded]], set[int]]:
    """What is read, and the offsets of what is not."""
    reads: list[Read[Decoded]] = []
    broken: set[int] = set()
    for record in records:
        try:
            content = decode(record)
        except Broken:
            broken.add(record.offset)
        else:
            if content is not None:
                reads.append(Read(content, record.topic, record.partition, record.offset))
    return reads, broken


def facts_of(reads: Sequence[Read[Decoded]]) -> list[Fact]:
    return [fact for read in reads for fact in sorted_out([read], ZONE).facts]


def read_both_ways(values: Sequence[bytes | None], reader: ShareReader | None = None) -> int:
    """Compares; returns how many were read by columns."""
    records = [Written(value, offset) for offset, value in enumerate(values)]
    expected, broken = ordinary(records)
    found, rest = (reader or ShareReader(decode, ZONE))(records)  # type: ignore[arg-type]
    assert [record.offset for record in rest] == sorted(record.offset for record in rest)
    reads, broken_too = ordinary(rest)
    assert broken_too == broken
    by_columns = [] if found is None else found.facts()
    assert sorted([*by_columns, *facts_of(reads)], key=lambda f: f.offset) == facts_of(expected)
    return len(by_columns)


def told_otherwise(event: dict[str, Any], way: int) -> bytes:
    """The same event, written in another of the ways the contract allows."""
    event = json.loads(json.dumps(event))
    if way & 1:
        event["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    if way & 2:
        moment = datetime.fromisoformat(event["time"])
        event["time"] = moment.astimezone(ZONE).isoformat()
    if way & 4:
        event["id"] = event["id"].upper()
    if way & 8:
        event = dict(reversed(event.items()))
    if way & 16:
        return json.dumps(event).encode()
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def test_most_shares_of_a_motley_log_are_read_by_columns() -> None:
    values = [encode(event) for event in EVENTS]
    assert read_both_ways(values) > 0.8 * len(TOLD)


@pytest.mark.parametrize("way", range(32))
def test_whichever_way_they_are_written(way: int) -> None:
    assert read_both_ways([told_otherwise(event, way) for event in TOLD[:200]]) > 0


@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_byte_changed_anywhere(seed: int) -> None:
    rng = Random(seed)
    values: list[bytes | None] = [None, b"", b"{}"]
    for event in TOLD[:60]:
        value = bytearray(told_otherwise(event, rng.choice((0, 0, 0, 1, 2, 8))))
        for _ in range(rng.choice((0, 0, 1, 1, 2))):
            value[rng.randrange(len(value))] = rng.choice(b'0123456789abcdefABCDEFZT+-:.,"{} \\x\xc3')
        values.append(bytes(value))
    read_both_ways(values)


def harmed(change: Callable[[dict[str, Any]], None]) -> list[bytes]:
    events = json.loads(json.dumps(TOLD[:80]))
    for event in events[1::2]:
        change(event)
    return [encode(event) for event in events]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("time", "2014-02-30T00:00:00Z"),
        ("time", "1999-12-31T23:59:59Z"),
        ("time", "2014-06-01T24:00:00Z"),
        ("recordedtime", "2001-01-01T00:00:00Z"),
        ("recordedtime", "9999-01-01T00:00:00Z"),
        ("sequence", "0"),
        ("sequence", "00000"),
        ("county", "35O902"),
        ("partitionkey", "00000000-0000-7000-8000-000000000000"),
        ("subject", "repost/00000000-0000-7000-8000-000000000000"),
        ("id", "0g000000-0000-7000-8000-000000000000"),
        ("source", "/qingsheng/opinion"),
    ],
)
def test_what_is_wrong_or_odd_is_left_to_the_ordinary_way(attribute: str, value: str) -> None:
    read_both_ways(harmed(lambda event: event.update({attribute: value})))


def test_the_day_on_which_clocks_are_changed_is_looked_at_closely() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    events = json.loads(json.dumps(TOLD[:24]))
    for hour, event in enumerate(events):
        event["time"] = event["data"]["shared_at"] = f"2014-03-30T{hour:02}:30:00Z"
        event["recordedtime"] = "2014-03-31T12:00:00Z"
    records = [Written(encode(event), offset) for offset, event in enumerate(events)]
    found, rest = ShareReader(decode, berlin)(records)  # type: ignore[arg-type]
    assert not found
    assert len(rest) == 24


def test_kinds_that_were_met_are_not_kept_without_end() -> None:
    reader = ShareReader(decode, ZONE)
    for n in range(200):
        events = json.loads(json.dumps(TOLD[:3]))
        for event in events:
            event["something"] = "x" * n
        read_both_ways([encode(event) for event in events], reader)
    assert sum(map(len, reader._kinds.values())) <= shares.MOST_KINDS


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_tables_are_the_same(database_url: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read one by one; by columns; by columns, with what batches change held back and written three times in all."""
    rng = Random(seed)
    events = arrivals([e for e in generate(seed, 1500) if service_of(e) == "campaign"], rng)
    records = [Written(encode(event), offset) for offset, event in enumerate(events)]
    cuts = sorted(rng.sample(range(len(records)), 12))
    batches = [records[a:b] for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True)]
    monkeypatch.setattr(tallying, "_MERGE", 20)
    connection: Any = await connect(settings_for(database_url, "127.0.0.1:1", ""), search_path="appraisal")
    try:
        await use_json(connection)
        told = []
        for reader, held in ((None, 1), (ShareReader(decode, ZONE), 1), (ShareReader(decode, ZONE), 5)):
            await connection.execute(f"truncate {', '.join(PROJECTED)}")
            pending = Pending()
            for number, batch in enumerate(batches, start=1):
                found, rest = (None, batch) if reader is None else reader(batch)  # type: ignore[arg-type]
                async with connection.transaction():
                    now = datetime(2015, 1, 1, tzinfo=UTC)
                    await store(connection, ordinary(rest)[0], ZONE, now, pending, found)
                    if number % held == 0 or number == len(batches):
                        await tallying.write(connection, pending)
                        pending.clear()
            told.append([await rows_of(connection, table) for table in PROJECTED])
        assert told[0] == told[1] == told[2]
        assert len(told[0][PROJECTED.index("fact")]) > 100
        assert len(told[0][PROJECTED.index("person_count")]) > 50
    finally:
        await connection.close()


async def rows_of(connection: Any, table: str) -> list[tuple[Any, ...]]:
    """Without those that count nothing, and without which of two tellings was first stored."""
    names = {"fact": "id, kind, subject, county, volunteer, time, day, recordedtime, sequence, flag"}.get(table, "*")
    where = "where n <> 0" if table in ("tally", "tally_span", "person_count") else ""
    rows = await connection.fetch(f"select {names} from {table} {where}")
    return sorted((tuple(row) for row in rows), key=str)
