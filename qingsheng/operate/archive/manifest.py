"""What an archive is made of, and the checksums that tell whether it is whole."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from shared.settings import Settings

FORMAT = 1
NAME = "manifest.json"


class ArchiveError(Exception):
    """Why a backup or a restore does not go on, and what to do."""


@dataclass
class Part:
    """One file: of a table (``rows``) or of a partition (``beginning``, ``end``: offsets; ``rows``: records)."""

    file: str
    rows: int
    sha256: str
    beginning: int = 0
    end: int = 0


@dataclass
class Manifest:
    """``tables`` by schema and name; ``topics`` by name without prefix: ``configs`` and ``partitions``. ``secret``: tells
    whether a secret key is the one that sealed the personal data, and not what it is."""

    taken_at: str
    software: str
    topic_prefix: str
    secret: str
    migrations: dict[str, list[str]]
    tables: dict[str, Part] = field(default_factory=dict[str, Part])
    columns: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    sequences: dict[str, int] = field(default_factory=dict[str, int])
    configs: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    partitions: dict[str, list[Part]] = field(default_factory=dict[str, list[Part]])
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Last of all: an archive without a manifest was never finished."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=1, sort_keys=True))

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises ArchiveError for what is no whole archive."""
        try:
            told: dict[str, Any] = json.loads((folder / NAME).read_text())
        except (OSError, ValueError):
            raise ArchiveError(f"{folder} holds no finished archive: its {NAME} is missing or broken") from None
        if told.get("format") != FORMAT:
            raise ArchiveError(f"{folder} is an archive of format {told.get('format')}; this software reads {FORMAT}")
        told["tables"] = {name: Part(**part) for name, part in told["tables"].items()}
        told["partitions"] = {name: [Part(**part) for part in parts] for name, parts in told["partitions"].items()}
        return cls(**told)

    def check(self, folder: Path) -> None:
        """Raises ArchiveError for the first file that is not what was written."""
        for part in (*self.tables.values(), *(part for parts in self.partitions.values() for part in parts)):
            file = folder / part.file
            if not file.is_file() or sha256_of(file) != part.sha256:
                raise ArchiveError(f"{file} is missing or not what was written: take another archive")


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def fingerprint(settings: Settings) -> str:
    return hmac.new(settings.secret_key.get_secret_value().encode(), b"qingsheng archive", "sha256").hexdigest()[:16]


def same(left: Mapping[str, list[str]], right: Mapping[str, list[str]]) -> list[str]:
    """Schemas whose migrations differ."""
    return sorted(
        name for name in left.keys() | right.keys() if sorted(left.get(name, [])) != sorted(right.get(name, []))
    )
