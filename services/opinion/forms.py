"""Forms of the pages: what was filled in, as the API's bodies, and what is wrong, beside its field."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Request
from pydantic import BaseModel, ValidationError

from shared.contracts.reasons import said
from shared.contracts.refusals import Refusal
from shared.web.i18n import Catalogue

Body = TypeVar("Body", bound=BaseModel)
_SCREENED = ("personal_data", "person_targeted")
_ANSWERS = {"yes": True, "no": False}
MAX_FIELDS = 40


async def filled_in(request: Request) -> dict[str, str]:
    """Fields by name, without blanks around and without those left empty. Line ends as people's own."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    told = {name: value.replace("\r\n", "\n").strip() for name, value in form.items() if isinstance(value, str)}
    return {name: value for name, value in told.items() if value}


def body(model: type[Body], told: Mapping[str, Any]) -> Body:
    """The API's body; fields that are None are left out. Raises ValidationError."""
    return model.model_validate({name: value for name, value in told.items() if value is not None})


def moment(told: str | None, zone: ZoneInfo) -> datetime | str | None:
    """What ``datetime-local`` sends, as a moment here; the text itself where it is none, for the body to refuse."""
    try:
        return datetime.fromisoformat(told).replace(tzinfo=zone) if told else None
    except ValueError:
        return told


def answer(told: str | None) -> bool | None:
    """Of a choice between yes and no."""
    return _ANSWERS.get(told or "")


def number(told: str | None) -> int | str | None:
    return int(told) if told and told.isascii() and told.isdecimal() else told


def errors(
    problem: ValidationError | Refusal, words: Catalogue, names: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Messages by field, "" for one about the whole. ``names``: fields that are not called as their place in the body,
    which is ``action_title`` for ``/action/title``."""
    if isinstance(problem, Refusal):
        found = {(problem.pointer or "").strip("/").replace("/", "_"): _message(problem, words)}
    else:
        found = {"_".join(map(str, each["loc"])): _short(said(each), words) for each in problem.errors()}
    told = {(names or {}).get(field, field): message for field, message in found.items()}
    return {"": words("opinion.refused.check")} | told


def _message(refusal: Refusal, words: Catalogue) -> str:
    if refusal.code in _SCREENED:
        return words(f"opinion.refused.{refusal.code}", found=refusal.detail["reason"][words.language])
    if refusal.code == "rate_limited":
        return words("opinion.refused.rate_limited")
    if refusal.code == "schema" and isinstance(refusal.detail.get("reason"), Mapping):
        return _short(refusal.detail["reason"], words)
    return refusal.message[words.language]


def _short(reason: Mapping[str, str], words: Catalogue) -> str:
    told = reason[words.language]
    return f"{told[:1].upper()}{told[1:]}"
