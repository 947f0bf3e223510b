"""Reading reports: CloudEvents in structured or binary mode, one or a batch. The value decides, not the headers."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import unquote

import rfc8785
from pydantic import TypeAdapter, ValidationError

from shared.contracts import exact, reasons
from shared.contracts.broken import Broken
from shared.contracts.fields import EDGES, Moment
from shared.contracts.intake import INTAKE_TYPES, IntakeData
from shared.contracts.refusals import Refusal

MAX_BYTES = 64 * 1024
MAX_FIELDS = 100
"""Of ``data``, above which its canonical form is not sought: no report has a fifth of them."""
MAX_VALUES = 50_000
"""Commas and brackets of a value longer than ``MAX_BYTES`` that is read for its id; of more nothing is read."""
MAX_BATCH = 1_000
MAX_ID = 128
MAX_NAME = 256
"""Ids and sources of more characters are taken for no name at all, so that an answer can always carry them."""
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_ATTRIBUTES = ("specversion", "id", "source", "type", "time")
_MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
_plainly = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
Headers = Iterable[tuple[str, bytes | None]]


class Unreadable(Exception):
    """Not even an id can be read, so that nobody can be answered. ``reason`` as of Broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A report that keeps the contract. ``digest``: SHA-256 of its content, see ``_digest``."""

    id: str
    source: str
    type: str
    time: datetime
    data: IntakeData
    digest: bytes

    def __hash__(self) -> int:
        return hash((self.source, self.id))

    def to_bytes(self) -> bytes:
        """The report for keeping, in a form that ``from_bytes`` reads."""
        told = {"id": self.id, "source": self.source, "type": self.type, "time": self.time.isoformat()}
        return json.dumps(
            {**told, "digest": self.digest.hex(), "data": self.data.model_dump(mode="json", exclude_none=True)}
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Request":
        """The report that ``to_bytes`` kept."""
        told = json.loads(content)
        return cls(
            told["id"],
            told["source"],
            told["type"],
            datetime.fromisoformat(told["time"]),
            INTAKE_TYPES[told["type"]].model_validate_json(json.dumps(told["data"])),
            bytes.fromhex(told["digest"]),
        )


@dataclass(frozen=True, slots=True)
class _Report:
    """What could be read of a report: the attributes and, where there is any, ``data``; ``flaw``: why not all of it."""

    told: Mapping[str, Any]
    size: int
    flaw: Broken | None = None


def parse(value: bytes | None, headers: Headers = ()) -> Request:
    """One report from a record's value and headers, or from a body.

    Structured mode where the value is a JSON object with ``specversion`` (or nothing else names an id), else binary
    mode: attributes from headers ``ce_…`` (Kafka) or ``ce-…`` (HTTP). Raises Refusal where the sender can be answered
    (it carries the report's id, source and digest), else Unreadable.
    """
    raw = value or b""
    attributes = _binary_attributes(headers)
    content: Any = None
    flaw = None
    try:
        if _is_slow(raw):
            raise Broken("too_large", "too many values")
        content = exact.parsed(raw)
    except Broken as broken:
        flaw = broken
        content = None if broken.reason == "too_large" else _in_spite(raw)
    if isinstance(content, dict) and ("specversion" in content or not attributes):
        return _request(_Report(cast(dict[str, Any], content), len(raw), flaw))
    if not attributes:
        raise Unreadable("tombstone" if not raw else flaw.reason if flaw else "not_cloudevents")
    told: dict[str, Any] = {name: attributes[name] for name in _ATTRIBUTES if name in attributes}
    if raw:
        told["data"] = hashlib.sha256(raw).hexdigest() if flaw else content
    return _request(_Report(told, len(raw), flaw if raw else None))


def parse_batch(body: bytes) -> list[Request | Refusal]:
    """A JSON array of reports, in order. Raises Refusal where the whole is not to be read, or a report has no id."""
    try:
        content = exact.parsed(body)
    except Broken:
        raise Refusal("not_json") from None
    if not isinstance(content, list):
        raise Refusal("not_cloudevents", reason={"zh": "批量须为 JSON 数组", "en": "a batch is a JSON array"})
    reports = cast(list[Any], content)
    if len(reports) > MAX_BATCH:
        raise Refusal("too_large", pointer=f"/{MAX_BATCH}")
    parsed: list[Request | Refusal] = []
    for place, report in enumerate(reports):
        if not isinstance(report, dict):
            reason = {"zh": "事件须为 JSON 对象", "en": "an event is a JSON object"}
            raise Refusal("not_cloudevents", pointer=f"/{place}", reason=reason)
        told = cast(dict[str, Any], report)
        try:
            parsed.append(_request(_Report(told, _size(told))))
        except Refusal as refusal:
            parsed.append(refusal)
        except Unreadable:
            raise Refusal("not_cloudevents", pointer=f"/{place}/id", reason=reasons.missing("id")) from None
    return parsed


def parse_body(body: bytes, headers: Headers = ()) -> list[Request | Refusal] | Refusal:
    """What a body holds, one report or a batch of them, report by report; a Refusal where the whole cannot be read."""
    try:
        return parse_batch(body) if body.lstrip()[:1] == b"[" else [parse(body, headers)]
    except Refusal as refusal:
        return refusal if refusal.request_id is None else [refusal]
    except Unreadable as unreadable:
        if unreadable.reason == "not_json":
            return Refusal("not_json")
        return Refusal("not_cloudevents", pointer="/id", reason=reasons.missing("id"))


def _binary_attributes(headers: Headers) -> dict[str, str]:
    """Attributes of binary mode, if they name an id. Headers that are not text are passed over."""
    attributes: dict[str, str] = {}
    for name, value in headers:
        prefix = name[:3].lower()
        if value is None or prefix not in ("ce_", "ce-"):
            continue
        try:
            text = value.decode()
            # Over HTTP what is not printable ASCII comes percent-encoded.
            attributes[name[3:].lower()] = unquote(text, errors="strict") if prefix == "ce-" else text
        except UnicodeDecodeError:
            continue
    return attributes if "id" in attributes else {}


def _in_spite(raw: bytes) -> Any:
    """What Python reads where the contract does not (NaN), to find whom to answer; None where there is nothing."""
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError):
        return None


def _is_slow(raw: bytes) -> bool:
    """Whether reading it, only to answer that it is too large, would hold the event loop."""
    return len(raw) > MAX_BYTES and sum(raw.count(sign) for sign in (b",", b"[", b"{")) > MAX_VALUES


def _request(report: _Report) -> Request:
    told = report.told
    id = _name(told.get("id"))
    if not id:
        raise Unreadable("not_cloudevents")
    digest = _digest(told, report.size)
    source = _name(told.get("source"))
    try:
        return _checked(report, id, source, digest)
    except Refusal as refusal:
        refusal.request_id, refusal.request_source, refusal.request_digest = id, source, digest
        raise


def _checked(report: _Report, id: str, source: str, digest: bytes) -> Request:
    told = report.told
    if report.size > MAX_BYTES:
        raise Refusal("too_large")
    if not source:
        raise Refusal("not_cloudevents", pointer="/source", reason=reasons.missing("source"))
    if report.flaw and report.flaw.reason == "too_deep":
        raise Refusal("schema", pointer="/data", reason=reasons.TEXT)
    if report.flaw:
        raise Refusal("not_json")
    if flaw := exact.envelope_flaw(told, _ATTRIBUTES):
        attribute = flaw.detail.partition(":")[0]
        raise Refusal("not_cloudevents", pointer=attribute, reason=reasons.missing(attribute[1:]))
    if told["specversion"] != "1.0":
        raise Refusal("not_cloudevents", pointer="/specversion", reason=reasons.missing("specversion"))
    if len(id) > MAX_ID:
        reason = {"zh": f"id 至多 {MAX_ID} 个字符", "en": f"id has {MAX_ID} characters at most"}
        raise Refusal("not_cloudevents", pointer="/id", reason=reason)
    if "data_base64" in told:
        reason = {"zh": "data 须为 JSON", "en": "data must be JSON"}
        raise Refusal("not_cloudevents", pointer="/data_base64", reason=reason)
    try:
        time = _MOMENT.validate_python(told["time"])
    except ValidationError as error:
        raise Refusal("not_cloudevents", pointer="/time", reason=reasons.said(error.errors()[0])) from None
    try:
        exact.check(told)
    except Broken as broken:
        raise Refusal("schema", pointer=broken.detail.partition(":")[0], reason=reasons.TEXT) from None
    model = INTAKE_TYPES.get(told["type"])
    if model is None:
        raise Refusal("unknown_type", pointer="/type")
    try:
        data = model.model_validate_json(json.dumps(told["data"]))
    except ValidationError as invalid:
        at, said = exact.first_flaw(invalid)
        raise Refusal("schema", pointer=at, reason=reasons.said(said)) from None
    if time.year in EDGES or time < EARLIEST:
        raise Refusal("time_out_of_range", pointer="/time")
    return Request(id, source, told["type"], time, data, digest)


def _name(found: Any) -> str:
    """An id or a source that an answer can carry; empty where there is none."""
    if not isinstance(found, str) or len(found) > MAX_NAME:
        return ""
    try:
        exact.check_string(found, ())
    except Broken:
        return ""
    return found


def _digest(told: Mapping[str, Any], size: int) -> bytes:
    """SHA-256 over {source, id, type, time, data} in RFC 8785 form, without nulls: neither formatting nor mode nor
    other attributes make a difference; the envelope's ``time`` counts as an instant, however it is written. What is refused
    anyway, as it has no such form, is too large or is no list of fields, is taken in Python's JSON: the library is written
    in Python, and takes a tenth of a second for some reports."""
    try:
        content = {name: _without_nulls(told.get(name)) for name in ("source", "id", "type", "data")}
        content["time"] = _instant(told.get("time"))
        try:
            if _is_plain(content):
                canonical = _plainly(content).encode()
            elif size <= MAX_BYTES and _is_flat(content):
                canonical = rfc8785.dumps(content)
            else:
                canonical = json.dumps(content, sort_keys=True).encode()
        except ValueError:
            canonical = json.dumps(content, sort_keys=True).encode()
    except RecursionError:
        canonical = b"too deep"
    return hashlib.sha256(canonical).digest()


def _is_plain(content: Mapping[str, Any]) -> bool:
    """Whether Python's JSON is that of RFC 8785: strings alone, under names that both put in the same order."""
    data = content["data"]
    if not isinstance(data, dict):
        return False
    told = cast(dict[str, Any], data)
    texts = (*told.values(), *(found for name, found in content.items() if name != "data"))
    return all(isinstance(text, str) for text in texts) and "".join(told).isascii()


def _is_flat(content: Mapping[str, Any]) -> bool:
    """Whether it may be a report: a few fields, none of which holds others."""
    data = content["data"]
    if not isinstance(data, dict):
        return False
    fields = cast(dict[str, Any], data)
    return len(fields) <= MAX_FIELDS and not any(isinstance(value, (dict, list)) for value in fields.values())


def _instant(time: Any) -> Any:
    try:
        return _MOMENT.validate_python(time, strict=True).astimezone(UTC).isoformat()
    except (ValidationError, OverflowError):
        return time


def _without_nulls(content: Any) -> Any:
    if not isinstance(content, dict):
        return content
    told = cast(dict[str, Any], content)
    return {name: _without_nulls(item) for name, item in told.items() if item is not None}


def _size(told: Mapping[str, Any]) -> int:
    """Bytes of one report of a batch, written without spaces."""
    try:
        return len(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    except RecursionError:
        return 0  # it is refused for its depth
