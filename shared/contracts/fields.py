"""Field types that several contracts share.

Each reads exactly the forms of JSON text named here, and takes Python's own objects as they are; ``derived.py`` gives
the fast decoder types of the same extent.
"""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Literal, LiteralString
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError


def _written(pattern: str, read: Callable[[str], Any], kind: LiteralString, what: LiteralString) -> BeforeValidator:
    """Reads a string that has the form ``pattern``; a string of any other form is an error."""
    has_form = re.compile(pattern, re.ASCII).fullmatch

    def reading(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if has_form(value):
            with suppress(ValueError):  # 30 February
                return read(value)
        raise PydanticCustomError(kind, what)

    return BeforeValidator(reading)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.upper())


def _representable(moment: datetime) -> datetime:
    """Instants of these years can leave the calendar when they are told in another zone."""
    if moment.year in EDGES:
        raise PydanticCustomError("not_instant", "must lie after the year 1 and before the year 9999")
    return moment


def plain_text(text: str) -> str:
    """The text in Unicode's normal form C. Raises ValueError for NUL and lone surrogates."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair") from None
    return unicodedata.normalize("NFC", text)


EDGES = (1, 9999)
_TIME = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)"
_HOST_AND_MORE = r"://[^\x00-\x20/?#]+[^\x00-\x20]*$"
_UUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}"

Id = Annotated[UUID, _written(_UUID, UUID, "not_uuid", "must be a UUID")]
"""Opaque id."""
Moment = Annotated[AwareDatetime, _written(_TIME, _instant, "not_instant", "must be an RFC 3339 time with its offset")]
"""RFC 3339 with offset; whatever lies beyond microseconds is cut off."""
Instant = Annotated[Moment, AfterValidator(_representable)]
"""A moment that can be told in every time zone."""
Day = Annotated[date, _written(r"\d{4}-\d\d-\d\d", date.fromisoformat, "not_date", "must be a date, YYYY-MM-DD")]
UnitId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Z-]{4,20}$")]
County = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""GB/T 2260 code, six digits."""
Hours = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
Amount = Annotated[int, Field(ge=0, le=1_000_000_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Year = Annotated[int, Field(ge=2000, le=2100)]
_NORMAL = BeforeValidator(lambda value: plain_text(value) if isinstance(value, str) else value)
Words = Annotated[str, _NORMAL]
"""Text as an event carries it; of any length."""
# Constraints stand before the normal form: else JSON Schema would not tell the pattern.
EventUrl = Annotated[
    str, StringConstraints(pattern=r"^[Hh][Tt][Tt][Pp][Ss]?" + _HOST_AND_MORE, max_length=2048), _NORMAL
]
EventHttpsUrl = Annotated[
    str, StringConstraints(pattern=r"^[Hh][Tt][Tt][Pp][Ss]" + _HOST_AND_MORE, max_length=2048), _NORMAL
]

# -- texts as the doors take them --------------------------------------------------------------------------------------

TIP_TEXT = 4_000
TEXT = 2_000
TITLE = 200
URL = 2_048
"""Characters at most, in Unicode's normal form KC, which makes up to 18 of one."""
_COMPOSED = 4
"""Characters that a normal form makes one of, at most: a text of more than so many times its limit is refused unread."""


def bounded(most: int, form: Any = str) -> tuple[BeforeValidator, AfterValidator]:
    """A text of 1 to ``most`` characters in normal form KC, not blank; kept in normal form C. What is far too long is
    refused before it is normalised. ``form``: what JSON Schema tells besides."""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if len(value) > most * _COMPOSED:
            raise PydanticKnownError("string_too_long", {"max_length": most})
        return plain_text(value)

    def measured(text: str) -> str:
        if len(text if text.isascii() else unicodedata.normalize("NFKC", text)) > most:
            raise PydanticKnownError("string_too_long", {"max_length": most})
        if not text.strip():
            raise PydanticKnownError("string_too_short", {"min_length": 1})
        return text

    told = Annotated[form, StringConstraints(min_length=1, max_length=most)]
    return BeforeValidator(read, json_schema_input_type=told), AfterValidator(measured)


TipText = Annotated[str, *bounded(TIP_TEXT)]
Text = Annotated[str, *bounded(TEXT)]
"""A text for which the contract names no limit of its own: an answer, a claim, a finding, a remark."""
Title = Annotated[str, *bounded(TITLE)]
"""A title, a name or a reason."""
Url = Annotated[EventUrl, *bounded(URL, EventUrl)]
HttpsUrl = Annotated[EventHttpsUrl, *bounded(URL, EventHttpsUrl)]
Team = Literal["city", "county"]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""256 bits in hex."""


_EventText = Annotated[str, StringConstraints(min_length=1, max_length=2000), _NORMAL]


class Names(BaseModel):
    """A name or title in Chinese, and in English where there is one."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    zh: _EventText
    en: _EventText | None = None
