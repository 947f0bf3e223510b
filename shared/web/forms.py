"""Forms of pages: what was filled in, as the bodies of the API, and what is wrong, beside its field."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast, get_args
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from shared import workbooks
from shared.contracts.reasons import said
from shared.contracts.refusals import Refusal
from shared.settings import Settings
from shared.web.i18n import Catalogue

Body = TypeVar("Body", bound=BaseModel)
MAX_FIELDS = 1_000
_LONGER = 64 * 1024
"""What a form may have around its file."""


class Filled(NamedTuple):
    """``told``: fields by name, without blanks around and without those left empty. ``ticked``: every value of each, of
    boxes that were ticked."""

    told: dict[str, str]
    ticked: dict[str, list[str]]


async def filled_in(request: Request) -> Filled:
    """A form without files. Raises ``too_large``."""
    _check_length(request)
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    ticked: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and value.strip():
            ticked.setdefault(name, []).append(value.replace("\r\n", "\n").strip())
    return Filled({name: values[-1] for name, values in ticked.items()}, ticked)


class Sent(NamedTuple):
    told: dict[str, str]
    name: str
    content: bytes


async def with_file(request: Request, field: str) -> Sent:
    """A form with one file. Raises ``too_large``, or ``schema`` at the field when there is none."""
    _check_length(request)
    async with request.form(max_files=1, max_fields=MAX_FIELDS) as form:
        told = {name: value.strip() for name, value in form.items() if isinstance(value, str) and value.strip()}
        file = form.get(field)
        if not isinstance(file, UploadFile) or not file.size:
            reason = {"zh": "请选择文件", "en": "choose a file"}
            raise Refusal("schema", pointer=f"/{field}", reason=reason)
        if file.size > workbooks.MAX_BYTES:
            raise Refusal("too_large", pointer=f"/{field}")
        return Sent(told, file.filename or "", await file.read())


def _check_length(request: Request) -> None:
    told = request.headers.get("content-length", "")
    if not told.isdecimal() or int(told) > workbooks.MAX_BYTES + _LONGER:
        raise Refusal("too_large")


def body(model: type[Body], told: Mapping[str, Any]) -> Body:
    """The API's body; fields that are None are left out. Raises ValidationError."""
    return model.model_validate({name: value for name, value in told.items() if value is not None})


def moment(told: str | None, zone: ZoneInfo) -> Any:
    """What ``datetime-local`` sends, as a moment here; the text itself where it is none, for the body to refuse."""
    try:
        return datetime.fromisoformat(told).replace(tzinfo=zone) if told else None
    except ValueError:
        return told


def whole(told: str | None) -> Any:
    """A whole number; the text itself where it is none."""
    return int(told) if told and told.isascii() and told.isdecimal() and len(told) < 10 else told


def number(told: str | None) -> Any:
    """A number; the text itself where it is none."""
    try:
        return float(told) if told else None
    except ValueError:
        return told


def errors(
    problem: ValidationError | Refusal, words: Catalogue, names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Messages by field, "" for one about the whole. ``names``: fields that are not called as their place in the body,
    which is ``title_zh`` for ``/title/zh``; a place in a list counts as the list."""
    if isinstance(problem, Refusal):
        place = (problem.pointer or "").strip("/").replace("/", "_")
        reason: Any = problem.detail.get("reason") if problem.code == "schema" else None
        by_language = cast(Mapping[str, str], reason) if isinstance(reason, Mapping) else problem.message
        message = by_language[words.language]
        found = {place: message}
    else:
        found = {"_".join(map(str, each["loc"])): said(each)[words.language] for each in problem.errors()}
    told: dict[str, str] = {}
    for place, message in found.items():
        field = (names or {}).get(place) or (names or {}).get(place.partition("_")[0]) or place
        told.setdefault(field, f"{message[:1].upper()}{message[1:]}")
    return {"": words("layout.form.check")} | told


def options(words: Catalogue, group: str, codes: Any, *, without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Pairs of code and words, for a choice; ``codes`` is a Literal, ``group`` such as ``training.kind``."""
    return [(code, words(f"{group}.{code}")) for code in get_args(codes) if code not in without]


def named(words: Catalogue, name: Mapping[str, str] | None, code: str = "") -> str:
    """A name in the visitor's language, the code where there is none."""
    return (name.get(words.language) or name["zh"]) if name else code


def absolute(request: Request, path: str) -> str:
    """A whole address, for links that are copied."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/") + path
