"""The exact look at JSON that is not plainly good: what is wrong with it, and where. Never quotes what it found."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.contracts.broken import Broken
from shared.contracts.fields import plain_text

MAX_DEPTH = 32
MAX_POINTER = 300
"""Characters of a pointer: the names in it may be the sender's own, of any length."""
_MAX_DIGITS = 309

Place: TypeAlias = Sequence[str | int]


def parsed(value: bytes) -> Any:
    """The JSON content of a value; numbers too large for a double are read as infinite. Raises Broken: not_utf8,
    not_json, not_finite (NaN or Infinity, which JSON has no words for), too_deep."""
    text = text_of(value)
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise Broken("too_deep", f"more than {MAX_DEPTH} levels") from None
    except ValueError:
        raise Broken("not_json", "the value is not JSON") from None


def text_of(value: bytes) -> str:
    """Raises Broken(not_utf8)."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Broken("not_utf8", "the value is not UTF-8") from None


def _no_number(_: str) -> NoReturn:
    raise Broken("not_finite", "NaN and Infinity are not JSON")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float("inf")


_decoder = json.JSONDecoder(parse_constant=_no_number, parse_int=_integer)


def check(content: Any, place: Place = ()) -> None:
    """Looks at depth, numbers and strings of everything in ``content``, which stands at ``place`` of a whole.

    Raises Broken (too_deep, not_finite, bad_string), its detail beginning with the pointer of the first flaw in the
    order of the names.
    """
    if isinstance(content, str):
        check_string(content, place)
    elif isinstance(content, float):
        if content in (float("inf"), float("-inf")):
            raise Broken("not_finite", f"{pointer(place)}: too large a number")
    elif isinstance(content, dict | list):
        if len(place) >= MAX_DEPTH:
            raise Broken("too_deep", f"{pointer(place)}: more than {MAX_DEPTH} levels")
        if isinstance(content, list):
            for index, item in enumerate(cast(list[Any], content)):
                check(item, (*place, index))
        else:
            for name, item in sorted(cast(dict[str, Any], content).items(), key=lambda entry: entry[0]):
                check_string(name, place)
                check(item, (*place, name))


def check_string(text: str, place: Place) -> None:
    """Raises Broken(bad_string) for NUL, half a surrogate pair, or a form other than NFC."""
    if text.isascii() and "\x00" not in text:
        return
    try:
        good = plain_text(text) == text
    except ValueError as error:
        raise Broken("bad_string", f"{pointer(place)}: {error}") from None
    if not good:
        raise Broken("bad_string", f"{pointer(place)}: not in normal form C")


def check_data(model: type[BaseModel], data: Any) -> tuple[str, ErrorDetails] | None:
    """Where below ``/data`` the first field stands that breaks the model, in the order of the names, and pydantic's
    word on it (without input and context); None for good data."""
    try:
        model.model_validate_json(json.dumps(data))
    except ValidationError as invalid:
        return first_flaw(invalid)
    return None


def first_flaw(invalid: ValidationError) -> tuple[str, ErrorDetails]:
    """What ``check_data`` tells of data that broke its model."""
    errors = invalid.errors(include_input=False, include_url=False, include_context=False)
    first = min(errors, key=lambda error: [str(part) for part in error["loc"]])
    return pointer(("data", *first["loc"])), first


def pointer(place: Place) -> str:
    """The JSON pointer (RFC 6901) of a place; where it would get long, that of what it stands in."""
    told = ""
    for part in place:
        token = "/" + str(part).replace("~", "~0").replace("/", "~1")
        if len(told) + len(token) > MAX_POINTER or not _writable(token):
            break
        told += token
    return told


def _writable(token: str) -> bool:
    try:
        return plain_text(token) == token
    except ValueError:
        return False


def envelope_flaw(told: Mapping[str, Any], required: Sequence[str]) -> Broken | None:
    """The first of the ``required`` attributes that is no string, or missing ``data``."""
    for attribute in required:
        if not isinstance(told.get(attribute), str):
            return Broken("not_cloudevents", f"/{attribute}: a string is required")
    return None if "data" in told else Broken("not_cloudevents", "/data: is required")
