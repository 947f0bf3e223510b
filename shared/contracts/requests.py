"""Reading reports: CloudEvents in structured or binary mode, one or a batch. The value decides, not the headers."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import rfc8785
from pydantic import TypeAdapter, ValidationError

from shared.contracts import exact
from shared.contracts.broken import Broken
from shared.contracts.fields import Instant
from shared.contracts.intake import INTAKE_TYPES, IntakeData
from shared.contracts.refusals import Refusal

MAX_BYTES = 64 * 1024
MAX_BATCH = 1_000
MAX_ID = 128
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
Headers = Iterable[tuple[str, bytes | None]]


class Unreadable(Exception):
    """Not even an id can be read, so that nobody can be answered. ``reason`` as of Broken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Request:
    """A report that keeps the contract. ``digest``: of its content; the same for every way of writing it down."""

    id: str
    source: str
    type: str
    time: datetime
    data: IntakeData
    digest: bytes

    def __hash__(self) -> int:
        return hash((self.source, self.id))

    def to_bytes(self) -> bytes:
        told = {"id": self.id, "source": self.source, "type": self.type, "time": self.time.isoformat()}
        return json.dumps(
            {**told, "digest": self.digest.hex(), "data": self.data.model_dump(mode="json", exclude_none=True)}
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Request":
        told = json.loads(content)
        return cls(
            told["id"],
            told["source"],
            told["type"],
            datetime.fromisoformat(told["time"]),
            INTAKE_TYPES[told["type"]].model_validate_json(json.dumps(told["data"])),
            bytes.fromhex(told["digest"]),
        )


def parse(value: bytes | None, headers: Headers = ()) -> Request:
    """One report from a record's value and headers, or from a body. Raises Refusal where the sender can be answered
    (it carries the report's id, source and digest), else Unreadable."""
    attributes = _binary_attributes(headers)
    raw = value or b""
    content = _lenient(raw)
    if isinstance(content, dict) and ("specversion" in content or "id" not in attributes):
        told: dict[str, Any] = content  # pyright: ignore[reportUnknownVariableType]
    elif attributes:
        told = dict(attributes)
        if raw:
            told["data"] = content
    else:
        raise Unreadable(_reason(raw))
    return _request(told, raw)


def parse_batch(body: bytes) -> list[Request | Refusal]:
    """A JSON array of reports, in order. Raises Refusal where the whole is not to be read, or a report has no id."""
    try:
        content = exact.parsed(body)
    except Broken:
        raise Refusal("not_json") from None
    if not isinstance(content, list):
        raise Refusal("not_cloudevents", reason="a batch is a JSON array")
    reports: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
    if len(reports) > MAX_BATCH:
        raise Refusal("too_large", pointer=f"/{MAX_BATCH}")
    parsed: list[Request | Refusal] = []
    for place, report in enumerate(reports):
        if not isinstance(report, dict):
            raise Refusal("not_cloudevents", pointer=f"/{place}", reason="an event is a JSON object")
        try:
            parsed.append(_request(report, json.dumps(report, ensure_ascii=False).encode("utf-8", "surrogatepass")))  # pyright: ignore[reportUnknownArgumentType]
        except Refusal as refusal:
            parsed.append(refusal)
        except Unreadable:
            raise Refusal("not_cloudevents", pointer=f"/{place}/id", reason="an id is missing") from None
    return parsed


def _binary_attributes(headers: Headers) -> dict[str, str]:
    """Attributes of binary mode: ``ce_…`` on Kafka, ``ce-…`` over HTTP. Headers that are not text are passed over."""
    attributes: dict[str, str] = {}
    for name, value in headers:
        lower = str(name).lower()
        if value is not None and lower[:3] in ("ce_", "ce-"):
            try:
                attributes[lower[3:]] = value.decode()
            except UnicodeDecodeError:
                continue
    return attributes if "id" in attributes else {}


def _lenient(raw: bytes) -> Any:
    """The JSON content, NaN and all, to find whom to answer; None where there is none."""
    try:
        return json.loads(raw.decode())
    except (ValueError, RecursionError):
        return None


def _reason(raw: bytes) -> str:
    if not raw:
        return "tombstone"
    try:
        exact.parsed(raw)
    except Broken as broken:
        return broken.reason
    return "not_cloudevents"


def _request(told: dict[str, Any], raw: bytes) -> Request:
    id, source = told.get("id"), told.get("source")
    if not isinstance(id, str) or not 1 <= len(id) <= MAX_ID or not _plain(id):
        raise Unreadable("not_cloudevents")
    digest = _digest(told, raw)
    known_source = source if isinstance(source, str) and _plain(source) else ""

    def refuse(code: str, pointer: str | None = None, reason: str = "") -> NoReturn:
        raise Refusal(
            code,
            pointer=pointer,
            request_id=id,
            request_source=known_source,
            request_digest=digest,
            reason=reason,
        )

    if len(raw) > MAX_BYTES:
        refuse("too_large")
    if not known_source:
        refuse("not_cloudevents", "/source", "source is missing")
    try:
        content = exact.parsed(raw) if raw else None
    except Broken:
        refuse("not_json")
    if "data" not in told:
        refuse("not_cloudevents", "/data", "data is missing")
    if told.get("specversion") != "1.0":
        refuse("not_cloudevents", "/specversion", "specversion must be 1.0")
    type_name, time_text = told.get("type"), told.get("time")
    if not isinstance(type_name, str):
        refuse("not_cloudevents", "/type", "type is missing")
    if not isinstance(time_text, str):
        refuse("not_cloudevents", "/time", "time is missing")
    try:
        time = _INSTANT.validate_json(json.dumps(time_text), strict=True)
    except ValidationError:
        refuse("not_cloudevents", "/time", "time must be RFC 3339 with offset")
    if type_name not in INTAKE_TYPES:
        refuse("unknown_type", "/type")
    try:
        exact.check(content)
    except Broken as broken:
        pointer, _, _ = broken.detail.partition(":")
        refuse("schema", pointer if pointer.startswith("/") else "/data", "text and depth must keep the limits")
    try:
        data = INTAKE_TYPES[type_name].model_validate_json(json.dumps(told["data"]))
    except ValidationError as error:
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        first = min(errors, key=lambda e: [str(part) for part in e["loc"]])
        refuse("schema", "/data" + "".join(f"/{part}" for part in first["loc"]), first["msg"])
    if time < EARLIEST:
        refuse("time_out_of_range", "/time")
    return Request(id, known_source, type_name, time, data, digest)


def _plain(text: str) -> bool:
    try:
        exact.check_string(text, "")
    except Broken:
        return False
    return True


def _digest(told: dict[str, Any], raw: bytes) -> bytes:
    """SHA-256 over source, id, type, time and data in RFC 8785 form: formatting and mode make no difference. Content
    that has no such form (it is refused anyway) is taken byte by byte."""
    content = {name: told.get(name) for name in ("source", "id", "type", "time", "data")}
    try:
        return hashlib.sha256(rfc8785.dumps(content)).digest()
    except (ValueError, RecursionError):
        return hashlib.sha256(raw).digest()
