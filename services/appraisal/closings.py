"""Closed reports: the record that is stored, its digest, and what an event known later would change. Pure.

A record is everything that a report was made from and says; its digest is the hex SHA-256 of the record in RFC 8785
form, and each record holds the digest of the one closed before it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import rfc8785

from services.appraisal.periods import Period
from services.appraisal.schemes import Scheme


class Place(NamedTuple):
    """Where a record stands in the log. ``topic`` is without the deployment's prefix."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Closing:
    """One closed revision of a period. ``text``: the record as stored, ``record``: what it says."""

    number: int
    period: str
    revision: int
    closed_at: datetime
    text: str
    digest: str
    previous_digest: str | None
    reopened_at: datetime | None
    sensitivity: Mapping[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        return json.loads(self.text)


class Known:
    """Which events a closed report was made from, by their places in the log."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._next = {
            (topic, int(partition)): end
            for topic, partitions in record["offsets"].items()
            for partition, end in partitions.items()
        }
        self._dead = {(each["topic"], each["partition"], each["offset"]) for each in record["pending_dead_letters"]}
        self.offsets: Mapping[tuple[str, int], int] = self._next

    def holds(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the record at this place had been applied when the period was closed."""
        return offset < self._next.get((topic, partition), 0) and (topic, partition, offset) not in self._dead


def scheme_of(record: Mapping[str, Any]) -> Scheme:
    return Scheme.of(record["scheme"])


def canonical(record: Mapping[str, Any]) -> str:
    """The record's text, in RFC 8785 form."""
    return rfc8785.dumps(dict(record)).decode()


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def offsets_shown(places: Sequence[Place]) -> dict[str, dict[str, int]]:
    """``{topic: {partition: next}}`` of places that stand for what would be read next."""
    shown: dict[str, dict[str, int]] = {}
    for topic, partition, offset in sorted(places):
        shown.setdefault(topic, {})[str(partition)] = offset
    return shown


def may_close(period: Period, today: Any, latest: Closing | None) -> str | None:
    """Why a period may not be closed today (``too_early``, ``closed``), None when it may."""
    if today <= period.end:
        return "too_early"
    return "closed" if is_closed(latest) else None


def is_closed(latest: Closing | None) -> bool:
    """Of a period, by its latest revision."""
    return latest is not None and latest.reopened_at is None


def revision_in_hand(latest: Closing | None) -> int:
    """The revision that is being prepared, or the closed one."""
    if latest is None:
        return 1
    return latest.revision if latest.reopened_at is None else latest.revision + 1
