"""docs/reliability.md is of several parts, each written by what made its figures; the others stay as they are."""

from collections.abc import Sequence
from pathlib import Path

TITLE = "# Reliability\n"
PARTS = ("faults", "guards", "soak")
"""In the order in which they stand."""


def write_part(file: Path, name: str, lines: Sequence[str]) -> None:
    """Puts ``lines`` in place of the part so named, between two comments that are its bounds."""
    text = file.read_text() if file.exists() else ""
    parts = {part: found for part in PARTS if (found := _part(text, part))}
    parts[name] = "\n".join([_begin(name), *lines, _end(name)])
    file.write_text("\n\n".join([TITLE.strip(), *(parts[part] for part in PARTS if part in parts)]) + "\n")


def _part(text: str, name: str) -> str:
    _, begun, rest = text.partition(_begin(name))
    inside, ended, _ = rest.partition(_end(name))
    return begun + inside + ended if ended else ""


def _begin(name: str) -> str:
    return f"<!-- {name}: written by a run -->"


def _end(name: str) -> str:
    return f"<!-- end of {name} -->"
