"""Records that cannot be applied, among good ones: one dead letter each, and no neighbour is hurt."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import asyncpg
import pytest

from shared.contracts.envelope import Event
from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, put
from tests.support.running import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(
    18, "the poison matrix: one dead letter each, neighbours applied; odd headers on good values"
)


def _with(**attributes: Any) -> bytes:
    """A share whose envelope is changed; None takes an attribute out."""
    told = json.loads(shares(1)[0].to_json()) | attributes
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def _with_data(**fields: Any) -> bytes:
    told = json.loads(shares(1)[0].to_json())
    return json.dumps(told | {"data": told["data"] | fields}).encode()


def _nested(levels: int) -> list[Any]:
    nested: list[Any] = []
    for _ in range(levels):
        nested = [nested]
    return nested


POISON: dict[str, tuple[str, bytes | None]] = {
    "cut off in the middle": ("not_json", shares(1)[0].to_json()[:-20]),
    "nothing in it": ("not_json", b""),
    "a tombstone": ("tombstone", None),
    "above 64 KiB": ("too_large", _with_data(padding="x" * 65_536)),
    "not a number": ("not_finite", _with_data(weight=float("nan"))),
    "a number too large": ("not_finite", _with_data(weight=1).replace(b'"weight": 1', b'"weight": 1e999')),
    "deep": ("too_deep", _with_data(more=_nested(40))),
    "deeper than a parser goes": ("too_deep", b"[" * 60_000),
    "a list": ("not_cloudevents", b"[1, 2]"),
    "of an unknown type": ("unknown_type", _with(type="qingsheng.campaign.repost_liked.v1")),
    "of an unknown version": ("unknown_type", _with(type="qingsheng.campaign.repost_logged.v2")),
    "of another service": ("wrong_service", _with(type="qingsheng.opinion.tip_reported.v1")),
    "in another encoding": ("not_utf8", _with_data(more="青声").decode("unicode-escape").encode("gbk", "replace")),
    "without a sequence": ("not_cloudevents", _with(sequence=None)),
    "without a readable id": ("not_cloudevents", _with(id="share-1")),
    "a field missing": ("schema", _with_data(repost_id=None)),
    "half a character": ("bad_string", _with_data(more="\ud83d")),
    "a NUL character": ("bad_string", _with_data(more="a\0b")),
    "a time unlike the fact's own": ("time_mismatch", _with(time="2014-07-01T00:00:00Z")),
    "from the future": ("time_out_of_range", _with(recordedtime="2014-06-01T00:00:00Z")),
    "a key unlike the fact's own": ("key_mismatch", _with(partitionkey="350902")),
}

ODD: list[list[tuple[str, Any]]] = [
    [("content-type", None)],
    [("content-type", b"\xff\xfe")],
    [("content-type", b"text/plain"), ("content-type", b"")],
    [("", b"")],
    [("ce_type", b"qingsheng.opinion.tip_reported.v1"), ("ce_id", b"1"), ("ce_specversion", b"0.3")],
    [("\x00", b"\x00" * 1000)],
]
"""Headers that may stand on a good value."""


async def test_each_becomes_one_dead_letter_and_its_neighbours_are_applied(
    settings: Settings, appraisal: Tables
) -> None:
    good = records(shares(len(POISON) + 1), partition=0)
    mixed: list[Put] = []
    for share, (_, value) in zip(good, POISON.values(), strict=False):
        mixed += [share, Put(value, b"\x00key", 0, [("trace", b"\xff\xfe"), ("none", None)])]
    mixed.append(good[-1])
    await put(settings, SHARES, mixed)
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(len(good)))
    letters = await appraisal.dead_letters()
    found = {letter["offset"]: (letter["reason"], letter["value"]) for letter in letters}
    # Every second record, by its place on the topic.
    assert found == {2 * number + 1: told for number, told in enumerate(POISON.values())}
    topic = settings.topic_prefix + SHARES
    assert {(letter["topic"], letter["partition"], letter["sealed"]) for letter in letters} == {(topic, 0, False)}
    assert {letter["key"] for letter in letters} == {b"\x00key"}
    assert {str(letter["headers"]) for letter in letters} == {str([["trace", "\\xff\\xfe"], ["none", None]])}
    assert await appraisal.offsets() == {0: len(mixed)}


async def test_headers_never_make_a_good_value_bad(settings: Settings, appraisal: Tables) -> None:
    good = records(shares(len(ODD)), partition=0)
    await put(settings, SHARES, [Put(g.value, None, 0, headers) for g, headers in zip(good, ODD, strict=True)])
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(len(ODD)))
    assert await appraisal.dead_letters() == []


def _fails(event: Event, error: Callable[[], Exception]) -> Callable[[Apply], Apply]:
    """Makes an ``apply`` that fails whenever ``event`` is among what it is given."""

    def around(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            await applies(connection, reads)
            if any(read.content.id == event.id for read in reads):
                raise error()

        return apply

    return around


@pytest.mark.parametrize("error", [ValueError, lambda: asyncpg.UniqueViolationError("a key is taken")])
async def test_a_record_that_fails_when_it_is_applied(
    settings: Settings, appraisal: Tables, error: Callable[[], Exception]
) -> None:
    events = shares(20)
    await put(settings, SHARES, records(events, partition=0))
    async with running(counting_worker(settings, _fails(events[7], error))):
        await eventually(appraisal.counted(19))
        await put(settings, SHARES, records(shares(1), partition=0))
        await eventually(appraisal.counted(20))
    [letter] = await appraisal.dead_letters()
    assert (letter["offset"], letter["reason"], letter["value"]) == (7, "cannot_apply", events[7].to_json())


async def test_a_record_on_which_the_decoder_itself_fails(settings: Settings, appraisal: Tables) -> None:
    events = shares(3)
    worker = counting_worker(settings)
    decodes = worker.subscriptions[0].decode

    def decode(record: Any) -> Any:
        if record.offset == 1:
            raise ArithmeticError("never thought of")
        return decodes(record)

    await put(settings, SHARES, records(events, partition=0))
    async with running(counting_worker(settings, decode=decode)):
        await eventually(appraisal.counted(2))
    [letter] = await appraisal.dead_letters()
    assert (letter["offset"], letter["reason"], letter["detail"]) == (1, "cannot_decode", "ArithmeticError")


async def test_a_reader_that_can_apply_nothing_stands_still(settings: Settings, appraisal: Tables) -> None:
    """It is the reader that is broken then, not the events: they must not all become dead letters."""

    def around(_: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            await connection.execute("select * from a_table_of_the_next_version")

        return apply

    small = settings.model_copy(update={"dead_letter_window": 20})
    await put(settings, SHARES, records(shares(100), partition=0))
    async with running(counting_worker(small, around)) as worker:
        await eventually(lambda: any("failing" in problem for problem in worker.problems))
    letters, offsets = await appraisal.dead_letters(), await appraisal.offsets()
    assert len(letters) <= 10
    assert offsets.get(0, 0) == len(letters)
    async with running(counting_worker(small)):
        await eventually(appraisal.counted(100 - len(letters)))
    assert await appraisal.count() == Counted.once(100 - len(letters))
