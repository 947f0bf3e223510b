"""Batches: records of one topic, decoded, to be applied in one transaction."""
# pyright: reportMissingTypeStubs=false

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from aiokafka import TopicPartition

from shared import tracing
from shared.contracts.decoding import Broken
from shared.delivery.dead_letters import Bound, Dead, Record
from shared.delivery.subscription import Bulk, Content, Read, Subscription
from shared.settings import Settings
from shared.slices import SLICE

log = logging.getLogger(__name__)

SHARE = 0.25
"""Seconds that a topic whose records are examined has the reader to itself, when records of others wait: what it has more
is read in its next turn."""
SMALL = 1_000
"""Records. A batch of fewer costs about the same whatever their number."""
LONG = 64 * 1024
"""Bytes of values that are read in one step on the loop."""
JOINED = 40_000
"""Records of batches that were taken in bulk which are applied together while more of them wait: what they change in the
same rows is added up first."""


@dataclass(frozen=True)
class Batch(Generic[Content]):
    """Decoded: as contents, dead letters, and what was taken in bulk. ``records``: those that were read one by one; of a
    block no record is kept. ``count``: of all records. ``ends``: the offset behind the last one of each partition.
    ``passes_bound``: with its last record the invalid share passes its bound."""

    topic: str
    records: list[Record]
    contents: list[Read[Content]]
    dead: list[Dead]
    count: int
    ends: Mapping[TopicPartition, int]
    block: Any = None
    passes_bound: bool = False

    def latest(self, subscription: Subscription[Content]) -> dict[int, datetime]:
        """When the latest record of each partition was recorded; without those of which it is not known."""
        found: dict[int, datetime] = {}
        if subscription.bulk is not None and self.block is not None:
            found.update(subscription.bulk.recorded(self.block))
        if recorded := subscription.recorded:
            for content, _, number, _ in self.contents:
                at = recorded(content)
                if number not in found or found[number] < at:
                    found[number] = at
        return found

    def joined(self, after: "Batch[Content]", bulk: Bulk[Content, Any], most: int) -> "Batch[Content] | None":
        """This one and the one after it as one. None unless both have a block, are of one topic, and hold together at most
        ``JOINED`` records and ``most`` that were read one by one, of which each takes memory."""
        if (
            self.block is None
            or after.block is None
            or self.topic != after.topic
            or self.count + after.count > JOINED
            or len(self.records) + len(after.records) > most
        ):
            return None
        return Batch(
            self.topic,
            [*self.records, *after.records],
            [*self.contents, *after.contents],
            [*self.dead, *after.dead],
            self.count + after.count,
            {**self.ends, **after.ends},
            bulk.join([self.block, after.block]),
        )

    def singles(self) -> "list[Batch[Content]]":
        """Its records, each as a batch of its own. Of a batch without a block."""
        contents = {(read.partition, read.offset): read for read in self.contents}
        dead = {(letter.record.partition, letter.record.offset): letter for letter in self.dead}
        return [
            Batch(
                self.topic,
                [record],
                [contents[at]] if (at := (record.partition, record.offset)) in contents else [],
                [dead[at]] if at in dead else [],
                1,
                _ends([record]),
                passes_bound=self.passes_bound and record is self.records[-1],
            )
            for record in self.records
        ]


class BatchReader(Generic[Content]):
    """Decodes records into batches, and watches the invalid share of each topic."""

    def __init__(self, subscription: Subscription[Content], settings: Settings, group: str) -> None:
        self._subscription = subscription
        self._settings = settings
        self._group = group
        self._bounds: dict[str, Bound] = {}

    async def read(self, records: list[Record], *, one_by_one: bool = False) -> Batch[Content]:
        """In bulk what can be, the others each by itself. ``records`` are of one topic. Up to the record by which the
        invalid share passes its bound, and of records that are examined no more than ``SHARE`` allows: those behind are to
        be read again."""
        bulk = self._subscription.bulk
        block, others = None, records
        if bulk is not None and not one_by_one:
            # In a thread: it is one long step, during which the batch before would wait between its statements.
            block, taken = await asyncio.to_thread(bulk.take, records) if _is_long(records) else bulk.take(records)
            others = list(taken)
        contents, dead, taken = await self._each(others)
        if taken < len(others):  # then none were taken in bulk
            others = records = others[:taken]
        cut = self._bound(records[0].topic).passed_by(records, dead)
        if cut is not None:
            if block is not None:
                contents, dead, _ = await self._each(records)
            return _up_to(records[:cut], contents, dead)
        return Batch(records[0].topic, others, contents, dead, len(records), _ends(records), block)

    def forget(self, topic: str) -> None:
        """The invalid share is counted anew."""
        self._bounds.pop(topic, None)

    def new_bound(self) -> Bound:
        return Bound(self._settings.dead_letter_window, self._settings.dead_letter_share)

    def _bound(self, topic: str) -> Bound:
        return self._bounds.setdefault(topic, self.new_bound())

    async def _each(self, records: Sequence[Record]) -> tuple[list[Read[Content]], list[Dead], int]:
        """Each record by itself, and how many of them, from the first on: all, unless they are examined and their time is
        over. Yields now and then, so that the batch before goes on being applied."""
        contents: list[Read[Content]] = []
        dead: list[Dead] = []
        decode, examine = self._subscription.decode, self._subscription.examine
        began = slice_began = time.perf_counter()
        for taken, record in enumerate(records):
            now = time.perf_counter()
            if examine is not None and taken and now - began > SHARE:
                return contents, dead, taken
            if now - slice_began > SLICE:
                await asyncio.sleep(0)
                slice_began = time.perf_counter()
            try:
                content = decode(record)
                if examine is not None and content is not None:
                    content = await examine(content)
            except Broken as broken:
                dead.append(Dead(record, broken.reason, broken.detail))
            except Exception as error:
                log.exception("%s: a record cannot be decoded", self._group, extra=place(record))
                dead.append(Dead(record, "cannot_decode", type(error).__name__))
            else:
                if content is not None:
                    contents.append(Read(content, record.topic, record.partition, record.offset))
        await asyncio.sleep(0)
        return contents, dead, len(records)


def _is_long(records: Sequence[Record]) -> bool:
    """Whether reading them in one step would hold the loop: by their number, or as some are long."""
    return len(records) >= SMALL or sum(len(record.value or b"") for record in records) > LONG


def _ends(records: Sequence[Record]) -> dict[TopicPartition, int]:
    last = {record.partition: record.offset + 1 for record in records}
    return {TopicPartition(records[0].topic, number): end for number, end in last.items()}


def _up_to(records: list[Record], contents: Sequence[Read[Content]], dead: Sequence[Dead]) -> Batch[Content]:
    """Only these records, at the last of which the bound is passed."""
    kept = {(record.partition, record.offset) for record in records}
    return Batch(
        records[0].topic,
        records,
        [read for read in contents if (read.partition, read.offset) in kept],
        [letter for letter in dead if (letter.record.partition, letter.record.offset) in kept],
        len(records),
        _ends(records),
        passes_bound=True,
    )


def place(record: Record) -> dict[str, object]:
    """For a log line: where a record stands, and the trace that it belongs to."""
    found: dict[str, object] = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    trace = tracing.of_record(record.value)
    return found | ({"trace_id": trace} if trace else {})
