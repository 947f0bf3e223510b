"""Decoding of our own events from a topic: fast for good values, exact in what it says of bad ones.

The pydantic models are the contract. The msgspec types used here are derived from them, so that a field is written down
once; a test holds the two equal.
"""

import unicodedata
from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from shared.contracts import exact
from shared.contracts.broken import Broken
from shared.contracts.derived import struct_of
from shared.contracts.envelope import NOON, EventData
from shared.contracts.registry import EVENT_TYPES

__all__ = ["Broken", "Decoded", "Decoder"]

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
AHEAD = timedelta(hours=24)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_SOME = 2**63


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A decoded event. ``data`` has the fields of the contract's model of ``type``."""

    id: UUID
    type: str
    time: datetime
    recordedtime: datetime
    sequence: int
    county: str
    partitionkey: str
    data: Any


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    """What every event has besides its data; the subclasses are tagged with their type."""

    specversion: str
    id: UUID
    source: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: str
    county: str
    partitionkey: str
    datacontenttype: str | None = None
    traceparent: str | None = None


class Decoder:
    """Decodes the values of one service's topic; ``types`` are those that the reader needs.

    Called with a record's value it returns the event, or None for a type of the service that is not needed (skipped,
    unread). Raises Broken for whatever the contract makes a dead letter.
    """

    def __init__(self, service: str, types: Collection[type[EventData]], zone: ZoneInfo) -> None:
        self._service = service
        self._source = f"/qingsheng/{service}"
        self._zone = zone
        self._needed = {event_type.TYPE: event_type for event_type in types}
        envelopes: list[Any] = []
        for name, event_type in EVENT_TYPES.items():
            if event_type.SERVICE != service:
                continue
            if name in self._needed:
                envelope = msgspec.defstruct(
                    event_type.__name__ + "Envelope",
                    [("data", struct_of(event_type))],
                    bases=(_Envelope,),
                    namespace={"type": name, "key": event_type.KEY, "own": event_type.TIME},
                    tag_field="type",
                    tag=name,
                    frozen=True,
                    gc=False,
                    kw_only=True,
                )
            else:
                envelope = msgspec.defstruct("Skipped", [], tag_field="type", tag=name, namespace={"type": None})
            envelopes.append(envelope)
        union: Any = envelopes[0]
        for envelope in envelopes[1:]:
            union = union | envelope
        self._decode = msgspec.json.Decoder(union).decode
        self._noons: dict[date, datetime] = {}

    def __call__(self, value: bytes | None) -> Decoded | None:
        if value is None:
            raise Broken("tombstone", "a record without a value")
        if len(value) > MAX_BYTES:
            raise Broken("too_large", f"{len(value)} bytes, at most {MAX_BYTES}")
        if not value.isascii():
            _check_text(value)
        if b"\\u" in value or value.count(b"{") + value.count(b"[") > MAX_DEPTH:
            exact.check_value(value)
        try:
            found = self._decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise exact.why(value, self._service, self._needed, error) from None
        if found.type is None:
            return None
        return self._checked(found)

    def _checked(self, found: Any) -> Decoded:
        """The rules that the types cannot express."""
        sequence, county, time, data = found.sequence, found.county, found.time, found.data
        if found.specversion != "1.0":
            raise Broken("not_cloudevents", "/specversion: must be 1.0")
        if found.source != self._source:
            raise Broken("not_cloudevents", f"/source: must be {self._source}")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 19 and sequence[0] != "0"):
            raise Broken("not_cloudevents", "/sequence: a decimal string from 1")
        if not (len(county) == 6 and county.isascii() and county.isdigit()):
            raise Broken("not_cloudevents", "/county: six digits")
        if found.datacontenttype not in (None, "application/json"):
            raise Broken("not_cloudevents", "/datacontenttype: must be application/json")
        kind, slash, id = found.subject.partition("/")
        if not (kind and slash and id):
            raise Broken("not_cloudevents", "/subject: must be <kind>/<id>")
        if time.tzinfo is None or found.recordedtime.tzinfo is None:
            raise Broken("not_cloudevents", "/time, /recordedtime: need an offset")
        if time > found.recordedtime + AHEAD or time < EARLIEST:
            raise Broken("time_out_of_range", "/time: from 2000 and at most 24 h after recordedtime")
        key = str(getattr(data, found.key))
        if found.partitionkey != key and found.partitionkey.lower() != key:
            raise Broken("key_mismatch", f"/partitionkey: must be that of /data/{found.key}")
        if found.own is not None and time != self._instant(getattr(data, found.own)):
            raise Broken("time_mismatch", f"/time: must be that of /data/{found.own}")
        return Decoded(found.id, found.type, time, found.recordedtime, int(sequence), county, key, data)

    def _instant(self, own: datetime | date) -> datetime:
        if isinstance(own, datetime):
            return own
        noon = self._noons.get(own)
        if noon is None:
            if len(self._noons) > 10_000:
                self._noons.clear()
            noon = self._noons[own] = datetime.combine(own, NOON, self._zone)
        return noon


def _check_text(value: bytes) -> None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Broken("not_utf8", "the value is not UTF-8") from None
    if not unicodedata.is_normalized("NFC", text):
        raise Broken("bad_string", "a string is not in normal form C")
