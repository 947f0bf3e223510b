"""Decoding of our own events from a topic: fast for good values, exact in what it says of bad ones.

The pydantic models are the contract. The msgspec types used here are derived from them, so that a field is written down
once; a test holds the two equal. What msgspec cannot express is checked after it; whatever is unusual about a value
(fields that the contract does not know, escapes, text beyond ASCII) gets a closer look.
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
from shared.contracts.derived import union_of
from shared.contracts.envelope import NOON, EventData
from shared.contracts.fields import EDGES
from shared.contracts.registry import EVENT_TYPES, of_service

__all__ = ["Broken", "Decoded", "Decoder"]

MAX_BYTES = 64 * 1024
AHEAD = timedelta(hours=24)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_ATTRIBUTES = (
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "recordedtime",
    "sequence",
    "county",
    "partitionkey",
)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A decoded event: the attributes of ``Event``; ``data`` has the fields of the contract's model of ``type``."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: int
    county: str
    partitionkey: str
    data: Any
    traceparent: str | None = None


class Decoder:
    """Decodes the values of one service's topic; ``types`` are those that the reader needs.

    Called with a record's value it returns the event, or None for a type of the service that is not needed (skipped,
    unread). Raises Broken for whatever the contract makes a dead letter.
    """

    def __init__(self, service: str, types: Collection[type[EventData]], zone: ZoneInfo) -> None:
        self._service = service
        self._zone = zone
        self._needed = {event_type.TYPE: event_type for event_type in types}
        if foreign := self._needed.keys() - of_service(service).keys():
            raise ValueError(f"not of {service}: {', '.join(sorted(foreign))}")
        self._decode_known = msgspec.json.Decoder(union_of(service, self._needed, all_known=True)).decode
        self._decode = msgspec.json.Decoder(union_of(service, self._needed, all_known=False)).decode
        self._noons: dict[date, datetime] = {}

    def __call__(self, value: bytes | None) -> Decoded | None:
        if value is None:
            raise Broken("tombstone", "a record without a value")
        if len(value) > MAX_BYTES:
            raise Broken("too_large", f"{len(value)} bytes, at most {MAX_BYTES}")
        try:
            found = self._decode_known(value)
        except _UNREADABLE:
            return self._look_closer(value)
        if found.type is None:
            if not value.isascii():
                exact.text_of(value)
            return None
        if not value.isascii() or b"\\" in value:
            _check_text(value)
        return self._checked(found)

    def _look_closer(self, value: bytes) -> Decoded | None:
        """A value with something that the contract does not know: it may be good nevertheless."""
        content = exact.parsed(value)
        if not isinstance(content, dict):
            raise Broken("not_cloudevents", "a JSON object is required")
        told: dict[str, Any] = content  # pyright: ignore[reportUnknownVariableType]
        name = told.get("type")
        if isinstance(name, str) and name not in self._needed:
            self._check_owner(name)
            return None
        exact.check(told)
        try:
            found = self._decode(value)
        except _UNREADABLE as error:
            raise self._why(told, error) from None
        return self._checked(found)

    def _check_owner(self, name: str) -> None:
        if name not in EVENT_TYPES:
            raise Broken("unknown_type", "/type: no such type or version")
        owner = EVENT_TYPES[name].SERVICE
        if owner != self._service:
            raise Broken("wrong_service", f"/type: of {owner}, on a topic of {self._service}")

    def _checked(self, found: Any) -> Decoded:
        """The rules that the types cannot express."""
        sequence, county, time, data = found.sequence, found.county, found.time, found.data
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) < 19 and int(sequence) > 0):
            raise Broken("not_cloudevents", "/sequence: a decimal string from 1")
        if not (len(county) == 6 and county.isascii() and county.isdigit()):
            raise Broken("not_cloudevents", "/county: six digits")
        kind, _, id = found.subject.partition("/")
        if not (kind and id):
            raise Broken("not_cloudevents", "/subject: must be <kind>/<id>")
        if time < EARLIEST or time - found.recordedtime > AHEAD:
            raise Broken("time_out_of_range", "/time: from 2000, and at most 24 h after recordedtime")
        if time.year in EDGES or found.recordedtime.year in EDGES:
            raise Broken(
                "time_out_of_range", "/time, /recordedtime: must lie after the year 1 and before the year 9999"
            )
        for field in found.moments:
            if getattr(data, field).year in EDGES:
                raise Broken("schema", f"/data/{field}: must lie after the year 1 and before the year 9999")
        own_key = getattr(data, found.key)
        key: str = msgspec.to_builtins(own_key)  # str(), a quarter of its time for a UUID
        if found.partitionkey != key and not _same_id(found.partitionkey, own_key):
            raise Broken("key_mismatch", f"/partitionkey: must be that of /data/{found.key}")
        if found.own is not None and time != self._moment(getattr(data, found.own)):
            raise Broken("time_mismatch", f"/time: must be that of /data/{found.own}")
        return Decoded(
            found.id,
            found.source,
            found.type,
            found.subject,
            time,
            found.recordedtime,
            int(sequence),
            county,
            key,
            data,
            found.traceparent,
        )

    def _moment(self, own: datetime | date) -> datetime:
        if isinstance(own, datetime):
            return own
        noon = self._noons.get(own)
        if noon is None:
            if len(self._noons) > 10_000:
                self._noons.clear()
            noon = self._noons[own] = datetime.combine(own, NOON, self._zone)
        return noon

    def _why(self, told: dict[str, Any], error: Exception) -> Broken:
        """Why the decoder refused an event. ``error`` is what it said, the last resort of an explanation."""
        if flaw := exact.envelope_flaw(told, _ATTRIBUTES):
            return flaw
        if flaw := exact.check_data(self._needed[told["type"]], told["data"]):
            return Broken("schema", f"{flaw[0]}: {flaw[1]['type']}")
        # The data is good, so it is an attribute; msgspec names its place behind "$", and not its content.
        place = str(error).rpartition("`$")[2].rstrip("`").replace(".", "/")
        reason = "schema" if place == "/data" or place.startswith("/data/") else "not_cloudevents"
        return Broken(reason, f"{place}: not as the contract says")


def _check_text(value: bytes) -> None:
    """Normal form is looked at as a whole first; an escape before a letter may look like a flaw, or hide one."""
    if b"\\u" in value or not unicodedata.is_normalized("NFC", exact.text_of(value)):
        exact.check(exact.parsed(value))


def _same_id(partitionkey: str, key: Any) -> bool:
    """UUIDs can be written in more than one way."""
    return isinstance(key, UUID) and partitionkey.lower() in (str(key), key.hex)
