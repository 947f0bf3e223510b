"""What several pages show: words for codes, names of units, addresses."""

from collections.abc import Sequence
from typing import Any, get_args

from fastapi import Request

from shared.settings import Settings
from shared.web.i18n import Catalogue


def options(words: Catalogue, group: str, codes: Any, *, without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Pairs of code and words, for a choice; ``codes`` is a Literal."""
    return [(code, words(f"opinion.{group}.{code}")) for code in get_args(codes) if code not in without]


def named(words: Catalogue, name: dict[str, str] | None, code: str = "") -> str:
    """A unit's name in the visitor's language, its code where there is none."""
    return (name.get(words.language) or name["zh"]) if name else code


def names_of(words: Catalogue, units: Sequence[Any]) -> dict[str, str]:
    return {unit["unit_id"]: named(words, unit["name"]) for unit in units}


def absolute(request: Request, path: str) -> str:
    """A whole address, for links that are copied and for data that others read."""
    settings: Settings = request.app.state.settings
    return (settings.public_url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/") + path
