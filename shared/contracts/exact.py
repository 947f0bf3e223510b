"""The slow, exact look at a value that is not plainly good: what is wrong with it, and where."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from shared.contracts.broken import Broken
from shared.contracts.envelope import EventData
from shared.contracts.registry import EVENT_TYPES

MAX_DEPTH = 32
_TEXTS = ("specversion", "id", "source", "type", "subject", "time", "recordedtime", "sequence", "county", "partitionkey")


def parsed(value: bytes) -> Any:
    """The JSON content of a value. Raises Broken: not_utf8, not_json, not_finite, too_deep."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Broken("not_utf8", "the value is not UTF-8") from None
    try:
        return json.loads(text, parse_constant=_not_finite, parse_float=_finite)
    except RecursionError:
        raise Broken("too_deep", f"more than {MAX_DEPTH} levels") from None
    except ValueError:
        raise Broken("not_json", "the value is not JSON") from None


def _not_finite(_: str) -> NoReturn:
    raise Broken("not_finite", "NaN and infinity are not numbers of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Broken("not_finite", "a number is too large")
    return number


def check_value(value: bytes) -> Any:
    """The content of a value whose strings and depth keep the contract. Raises Broken."""
    content = parsed(value)
    check(content)
    return content


def check(content: Any) -> None:
    """Depth, NUL, lone surrogates and normal form of everything in ``content``. Raises Broken with a pointer."""
    waiting: list[tuple[Any, int, str]] = [(content, 1, "")]
    while waiting:
        found, depth, pointer = waiting.pop()
        if isinstance(found, str):
            check_string(found, pointer)
        elif isinstance(found, dict | list):
            if depth > MAX_DEPTH:
                raise Broken("too_deep", f"more than {MAX_DEPTH} levels")
            items: Any = found.items() if isinstance(found, dict) else enumerate(found)  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            for name, item in items:
                if isinstance(name, str):
                    check_string(name, pointer)
                waiting.append((item, depth + 1, f"{pointer}/{name}"))


def check_string(text: str, pointer: str) -> None:
    """Raises Broken(bad_string) for NUL, lone surrogates, or a form other than NFC."""
    if "\x00" in text:
        raise Broken("bad_string", f"{pointer}: holds NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Broken("bad_string", f"{pointer}: holds a lone surrogate") from None
    if not unicodedata.is_normalized("NFC", text):
        raise Broken("bad_string", f"{pointer}: not in normal form C")


def why(value: bytes, service: str, needed: Mapping[str, type[EventData]], error: Exception) -> Broken:
    """Why the fast decoder refused a value. ``error`` is what it said, the last resort of an explanation."""
    try:
        content = check_value(value)
    except Broken as broken:
        return broken
    if not isinstance(content, dict):
        return Broken("not_cloudevents", "not a JSON object")
    told: dict[str, Any] = content  # pyright: ignore[reportUnknownVariableType]
    name = told.get("type")
    if isinstance(name, str):
        event_type = EVENT_TYPES.get(name)
        if event_type is None:
            return Broken("unknown_type", "no such type or version")
        if event_type.SERVICE != service:
            return Broken("wrong_service", f"a type of {event_type.SERVICE} on a topic of {service}")
    for attribute in _TEXTS:
        if not isinstance(told.get(attribute), str):
            return Broken("not_cloudevents", f"/{attribute}: a string is required")
    if "data" not in told:
        return Broken("not_cloudevents", "/data: is required")
    try:
        needed[told["type"]].model_validate_json(json.dumps(told["data"]))
    except ValidationError as invalid:
        first = min(invalid.errors(include_input=False, include_url=False), key=lambda e: [str(p) for p in e["loc"]])
        return Broken("schema", f"/data{''.join(f'/{part}' for part in first['loc'])}: {first['type']}")
    # The data is good, so it is an attribute; msgspec names its place behind "$", and not its content.
    place = str(error).rpartition("`$")[2].rstrip("`").replace(".", "/")
    return Broken("schema" if place.startswith("/data") else "not_cloudevents", f"{place or '/'}: not as the contract says")
