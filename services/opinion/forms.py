"""Forms of opinion's pages, beside those of all services: few fields, as the public fills them in too, and what screening
says, in words of their own."""

from collections.abc import Mapping

from fastapi import Request
from pydantic import ValidationError

from shared.contracts.reasons import said
from shared.contracts.refusals import Refusal
from shared.web.i18n import Catalogue

_SCREENED = ("personal_data", "person_targeted")
_ANSWERS = {"yes": True, "no": False}
MAX_FIELDS = 40


async def filled_in(request: Request) -> dict[str, str]:
    """Fields by name, without blanks around and without those left empty. Line ends as people's own."""
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    told = {name: value.replace("\r\n", "\n").strip() for name, value in form.items() if isinstance(value, str)}
    return {name: value for name, value in told.items() if value}


def answer(told: str | None) -> bool | None:
    """Of a choice between yes and no."""
    return _ANSWERS.get(told or "")


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
