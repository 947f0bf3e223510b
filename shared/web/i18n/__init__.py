"""What pages say, in Chinese and English: one folder a language beside this file, both with the same files and keys.

``i18n/zh/layout.toml`` with ``skip = "…"`` under ``[site]`` gives the message ``layout.site.skip``. A message may name
placeholders: ``{year}``.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"zh": "中文", "en": "English"}
"""By code, each in its own words; the first is taken where nothing else is known."""


class Catalogue:
    """The messages of one language: ``words("layout.site.skip")``. Raises KeyError for what it does not know."""

    def __init__(self, language: str, messages: Mapping[str, str]) -> None:
        self.language = language
        self.messages = messages

    def __call__(self, key: str, **values: object) -> str:
        return self.messages[key].format_map(values)


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of one of LANGUAGES."""
    messages: dict[str, str] = {}
    for file in sorted(Path(__file__).parent.joinpath(language).glob("*.toml")):
        messages |= _flat(file.stem, tomllib.loads(file.read_text(encoding="utf-8")))
    return Catalogue(language, messages)


def preferred(accept_language: str) -> str:
    """The one of LANGUAGES that an Accept-Language header likes best."""
    best, found = 0.0, next(iter(LANGUAGES))
    for part in accept_language.split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if language in LANGUAGES and weight > best:
            best, found = weight, language
    return found


def _weight(parameter: str) -> float:
    name, _, told = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return float(told)
    except ValueError:
        return 0.0


def _flat(prefix: str, content: Mapping[str, Any]) -> dict[str, str]:
    messages: dict[str, str] = {}
    for name, told in content.items():
        key = f"{prefix}.{name}"
        messages |= {key: told} if isinstance(told, str) else _flat(key, told)
    return messages
