"""Shares, of which there are most, read many at a time: their values as columns, checked by the same rules as one by one.

Records that are written alike differ only in the values at the same places. The first of a kind is decoded the ordinary
way and shows where its values lie; those like it are read there. Whatever is unlike, or has a value that needs a closer
look, is left to the ordinary way, which alone says what is wrong with it.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.appraisal.measures import Fact, Kind
from shared.contracts.broken import Broken
from shared.contracts.campaign import RepostLogged
from shared.contracts.decoding import Decoded
from shared.delivery.dead_letters import Record

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]
Which = NDArray[np.bool_]

LEAST = 64
"""Records of one length below which the ordinary way is as quick."""
CHUNK = 1_000
"""Records read at once: few enough for the processor's cache."""
SAMPLES = 4
"""Records that are looked at for kinds not met before."""
MOST_KINDS = 64
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's: moments are microseconds, and days are days, since then."""
_YEARS = (1971, 9000)
"""Other years are looked at closely."""
_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
UNIX_DAYS = 10_957
"""From 1970 to ``EPOCH``."""
_FIRSTS = (
    np.arange(f"{_YEARS[0]}-01", f"{_YEARS[1] + 1}-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
)
"""The first day, since 1970, of each month of these years, and of the one that follows."""

_STRING = re.compile(rb'"(\w+)"\s*:\s*"([^"\\]*)"')
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TIME = re.compile(rb"\d{4}-\d\d-\d\d.\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(?:Z|([+-])(\d\d):(\d\d))")
_HEX_AT = [at for at in range(36) if at not in (8, 13, 18, 23)]
_DIGITS_AT = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_IDS = ("id", "repost_id", "post_id", "volunteer_id", "account_id")
_TIMES = ("time", "recordedtime", "shared_at")
_NIBBLE = np.full(256, 255, np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)] = [*range(16), *range(10, 16)]
_HARMLESS = np.zeros(256, np.bool_)
_HARMLESS[np.frombuffer(b"0123456789abcdef-", np.uint8)] = True
"""What a trace's parent is made of."""


@dataclass(frozen=True)
class Shares:
    """``repost_logged`` events, one a row. Ids are rows of 16 bytes; ``time`` and ``recordedtime`` are microseconds,
    ``day`` (the local one of ``time``) days since ``EPOCH``."""

    id: Bytes
    subject: Bytes
    volunteer: Bytes
    county: Numbers
    time: Numbers
    recordedtime: Numbers
    day: Numbers
    sequence: Numbers
    partition: Numbers
    offset: Numbers

    def __len__(self) -> int:
        return len(self.offset)

    def only(self, which: Which) -> "Shares":
        return Shares(*(getattr(self, field.name)[which] for field in fields(self)))

    def facts(self) -> list[Fact]:
        """The same, as the ordinary way tells them."""
        return [
            Fact(
                UUID(bytes=id.tobytes()),
                int(Kind.REPOST_LOGGED),
                UUID(bytes=subject.tobytes()),
                f"{county:06}",
                None,
                UUID(bytes=volunteer.tobytes()),
                EPOCH + timedelta(microseconds=time),
                date.fromordinal(EPOCH.toordinal() + day),
                EPOCH + timedelta(microseconds=recorded),
                sequence,
                0,
                partition,
                offset,
            )
            for id, subject, volunteer, county, time, recorded, day, sequence, partition, offset in zip(
                self.id,
                self.subject,
                self.volunteer,
                *(getattr(self, field.name).tolist() for field in fields(self)[3:]),
                strict=True,
            )
        ]

    def parted(self, subjects: Collection[UUID]) -> "tuple[Shares, Shares]":
        """Those of other subjects, and those of these."""
        these = np.isin(self.subject.view("V16").ravel(), np.array([id.bytes for id in subjects], "V16"))
        return self.only(~these), self.only(these)

    def later_than(self, now: datetime) -> "Shares":
        return self.only(self.time > (now - EPOCH) // timedelta(microseconds=1))

    def recorded(self) -> Mapping[int, datetime]:
        """When the latest of each partition was recorded."""
        return {
            int(number): EPOCH + timedelta(microseconds=int(self.recordedtime[self.partition == number].max()))
            for number in np.unique(self.partition)
        }


def hexadecimal(ids: Bytes) -> list[str]:
    """Ids as 32 digits each."""
    text = ids.tobytes().hex()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


def joined(parts: Sequence[Shares]) -> Shares:
    return Shares(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Shares)))


class ShareReader:
    """Picks the shares out of records. ``decode`` is the ordinary way; local days are those of ``zone``."""

    def __init__(self, decode: Callable[[Record], Decoded | None], zone: ZoneInfo) -> None:
        self._decode = decode
        self._zone = zone
        self._kinds: dict[int, list[_Kind]] = {}
        self._offsets: dict[int, int | None] = {}

    def __call__(self, records: Sequence[Record]) -> tuple[Shares | None, Sequence[Record]]:
        """The shares that can be read by columns (None: none), and all other records in their order."""
        by_length: dict[int, list[int]] = {}
        for index, record in enumerate(records):
            by_length.setdefault(len(record.value or b""), []).append(index)
        found: list[Shares] = []
        left: list[int] = []
        for length, indices in by_length.items():
            if length == 0 or len(indices) < LEAST:
                left += indices
            else:
                for start in range(0, len(indices), CHUNK):
                    chunk = indices[start : start + CHUNK]
                    left += self._read([records[index] for index in chunk], chunk, length, found)
        return (joined(found) if found else None), [records[index] for index in sorted(left)]

    def _read(self, records: list[Record], indices: list[int], length: int, found: list[Shares]) -> list[int]:
        """Adds what can be read to ``found``; returns the indices of the others. All values are ``length`` long."""
        # One line a place in the value, so that whatever is looked at stands side by side in memory.
        rows = np.frombuffer(b"".join([record.value or b"" for record in records]), np.uint8).reshape(-1, length)
        table = np.ascontiguousarray(rows.T)
        left = np.arange(len(records))
        for kind in self._kinds.get(length, ()):
            left = self._take(kind, table, left, records, found)
        for number in range(SAMPLES):
            if len(left) < LEAST:
                break
            kind = self._learn(records[left[len(left) * number // SAMPLES]], length)
            if kind is not None:
                left = self._take(kind, table, left, records, found)
        return [indices[index] for index in left]

    def _take(self, kind: "_Kind", table: Bytes, left: Numbers, records: list[Record], found: list[Shares]) -> Numbers:
        """Adds what is of this kind, and good, to ``found``; returns what is left then."""
        these = table[:, left] if len(left) < len(records) else table
        like = kind.like(these)
        if not like.any():
            return left
        chosen = left[like]
        columns, good = self._columns(kind, these if like.all() else these[:, like])
        partition = np.array([records[index].partition for index in chosen], np.int64)
        offset = np.array([records[index].offset for index in chosen], np.int64)
        shares = Shares(*columns, partition=partition, offset=offset)
        found.append(shares if good.all() else shares.only(good))
        return np.sort(np.concatenate((left[~like], chosen[~good])))

    def _learn(self, sample: Record, length: int) -> "_Kind | None":
        """The kind that the sample is of; None if it is no share, or not written so that it can be read by columns."""
        try:
            decoded = self._decode(sample)
        except Broken:
            return None
        value: bytes = sample.value or b""
        kind = kind_of(value) if decoded is not None and decoded.type == RepostLogged.TYPE else None
        if decoded is None or kind is None:
            return None
        columns, good = self._columns(kind, np.frombuffer(value, np.uint8).reshape(-1, 1))
        zero = np.zeros(1, np.int64)
        if not good.all() or not _same(Shares(*columns, partition=zero, offset=zero).facts()[0], decoded):
            return None
        if sum(map(len, self._kinds.values())) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds.setdefault(length, []).append(kind)
        return kind

    def _columns(self, kind: "_Kind", table: Bytes) -> tuple[list[Any], Which]:
        """The columns of Shares up to ``sequence``, and which are good by every rule of the contract."""
        good = np.ones(table.shape[1], np.bool_)
        ids = {name: _uuids(table, kind.places[name], good) for name in _IDS}
        times = {name: _moments(table, kind.places[name], kind.times[name], good) for name in _TIMES}
        sequence = _number(table, kind.places["sequence"], kind.digits, good)
        county = _number(table, kind.places["county"], 6, good)
        good &= _equal(table, kind.places["partitionkey"], kind.places["volunteer_id"])
        good &= _equal(table, kind.places["subject"] + len("repost/"), kind.places["repost_id"])
        if kind.trace:
            at = kind.places["traceparent"]
            good &= _HARMLESS[table[at : at + kind.trace]].all(axis=0)
        time, recorded = times["time"], times["recordedtime"]
        good &= (sequence > 0) & (time >= 0) & (time - recorded <= _DAY) & (time == times["shared_at"])
        day = self._local_days(time, good)
        wanted = [np.ascontiguousarray(ids[name].T) for name in ("id", "repost_id", "volunteer_id")]
        return [*wanted, county, time, recorded, day, sequence], good

    def _local_days(self, time: Numbers, good: Which) -> Numbers:
        """Clears ``good`` where clocks are changed on that day."""
        days, inverse = np.unique(time // _DAY, return_inverse=True)
        offsets = [self._offset(day) for day in days.tolist()]
        known = np.array([offset is not None for offset in offsets], np.bool_)
        if not known.all():
            good &= known[inverse]
        return (time + np.array([offset or 0 for offset in offsets], np.int64)[inverse]) // _DAY

    def _offset(self, day: int) -> int | None:
        """The local clock's, in microseconds, throughout a day of UTC; None where it changes, or far from now."""
        if day not in self._offsets:
            if len(self._offsets) > 20_000:
                self._offsets.clear()
            if not -3650 <= day <= 365_000:
                return None
            start = EPOCH + timedelta(days=day)
            both = {(start + timedelta(days=n)).astimezone(self._zone).utcoffset() for n in (0, 1)}
            offset = both.pop()
            self._offsets[day] = None if both or offset is None else round(offset.total_seconds()) * _SECOND
        return self._offsets[day]


@dataclass(frozen=True)
class _Time:
    """How a moment is written: digits after the point, and the offset from UTC in microseconds."""

    fraction: int
    offset: int


@dataclass(frozen=True)
class _Kind:
    """Where the values lie in records that are written alike. ``fixed``: all other places, and ``content`` what stands
    there; ``digits`` of the sequence; ``trace``: the length of its parent, 0 for none."""

    fixed: Numbers
    content: Bytes
    places: Mapping[str, int]
    times: Mapping[str, _Time]
    digits: int
    trace: int

    def like(self, table: Bytes) -> Which:
        return (table[self.fixed] == self.content).all(axis=0)


def kind_of(sample: bytes) -> _Kind | None:
    """Of a share's record; None where a value is written in a way that is not read by columns."""
    if not sample.isascii() or b"\\" in sample:
        return None
    told: dict[str, tuple[int, bytes]] = {}
    for match in _STRING.finditer(sample):
        name = match[1].decode()
        if name in told:
            return None
        told[name] = (match.start(2), match[2])
    needed = {*_IDS, *_TIMES, "subject", "sequence", "county", "partitionkey"}
    if not needed <= told.keys():
        return None
    places = {name: at for name, (at, _) in told.items()}
    fixed = np.ones(len(sample), np.bool_)
    ids = [(places[name], told[name][1]) for name in (*_IDS, "partitionkey")]
    kind, _, subject = told["subject"][1].partition(b"/")
    ids.append((places["subject"] + len(b"repost/"), subject))
    if kind != b"repost" or not all(_UUID.fullmatch(text) for _, text in ids):
        return None
    for at, _ in ids:
        fixed[[at + each for each in _HEX_AT]] = False
    times: dict[str, _Time] = {}
    for name in _TIMES:
        at, text = told[name]
        match = _TIME.fullmatch(text)
        if match is None:
            return None
        fraction = len(match[1] or b"")
        minutes = 0 if match[2] is None else int(match[2] + b"1") * (int(match[3]) * 60 + int(match[4]))
        times[name] = _Time(fraction, minutes * 60 * _SECOND)
        fixed[[at + each for each in _DIGITS_AT]] = False
        fixed[at + 20 : at + 20 + fraction] = False
    digits = len(told["sequence"][1])
    if not (1 <= digits <= 18 and len(told["county"][1]) == 6):
        return None
    trace = len(told["traceparent"][1]) if "traceparent" in told else 0
    for name, length in (("sequence", digits), ("county", 6), *((("traceparent", trace),) if trace else ())):
        fixed[places[name] : places[name] + length] = False
    (where,) = np.nonzero(fixed)
    content = np.frombuffer(sample, np.uint8)[where].reshape(-1, 1)
    return _Kind(where, content, places, times, digits, trace)


def _same(fact: Fact, decoded: Decoded) -> bool:
    data = decoded.data
    return (fact.id, fact.subject, fact.volunteer, fact.county, fact.time, fact.recordedtime, fact.sequence) == (
        decoded.id,
        data.repost_id,
        data.volunteer_id,
        decoded.county,
        decoded.time,
        decoded.recordedtime,
        decoded.sequence,
    )


def _uuids(table: Bytes, at: int, good: Which) -> Bytes:
    nibbles = _NIBBLE[table[at : at + 36][_HEX_AT]]
    good &= nibbles.max(axis=0) < 16
    return nibbles[0::2] * np.uint8(16) + nibbles[1::2]


def _number(table: Bytes, at: int, digits: int, good: Which) -> Numbers:
    """Of ``digits`` decimal digits that stand side by side."""
    return _value(table[at : at + digits] - np.uint8(48), good)


def _value(digits: Bytes, good: Which) -> Numbers:
    good &= digits.max(axis=0) < 10
    value = digits[0].astype(np.int64)
    for digit in digits[1:]:
        value *= 10
        value += digit
    return value


def _moments(table: Bytes, at: int, written: _Time, good: Which) -> Numbers:
    digits = table[at : at + 19][_DIGITS_AT] - np.uint8(48)
    year = _value(digits[:4], good)
    month, day, hour, minute, second = (_value(digits[n : n + 2], good) for n in range(4, 14, 2))
    good &= (year >= _YEARS[0]) & (year <= _YEARS[1]) & (month >= 1) & (month <= 12)
    months = np.where(good, (year - _YEARS[0]) * 12 + month - 1, 0)
    first = _FIRSTS[months]
    good &= (day >= 1) & (day <= _FIRSTS[months + 1] - first) & (hour < 24) & (minute < 60) & (second < 60)
    moment = (first + day - 1 - UNIX_DAYS) * _DAY + ((hour * 60 + minute) * 60 + second) * _SECOND - written.offset
    if written.fraction:
        moment += _number(table, at + 20, written.fraction, good) * 10 ** (6 - written.fraction)
    return moment


def _equal(table: Bytes, at: int, other: int) -> Which:
    """Whether the same id is written at both places, letter by letter."""
    return (table[at : at + 36] == table[other : other + 36]).all(axis=0)
