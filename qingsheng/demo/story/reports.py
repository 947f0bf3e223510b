"""Reports as other systems send them: CloudEvents, most as the contract asks, some as real feeds bring them."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

ACCEPTED = "accepted"


@dataclass(frozen=True)
class Named:
    """Stands for an id of the system's, which is known only when the story is played: e.g. ("volunteer", its ref)."""

    kind: str
    ref: str


Ids = Mapping[tuple[str, str], str]
"""Ids by kind and reference."""


@dataclass(frozen=True)
class Report:
    """One record of a producer's feed. ``answers``: what it gets beyond what was answered before: ``accepted`` or a
    code; nothing for a repeat, and for what cannot be read. ``raw`` is sent in place of an event."""

    service: str
    id: str
    type: str
    time: datetime
    data: Mapping[str, Any]
    key: str = ""
    answers: tuple[str, ...] = (ACCEPTED,)
    source: str | None = None
    raw: str | None = None

    def event(self, producer: str, ids: Ids) -> dict[str, Any]:
        """The CloudEvent."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source or f"/ext/{producer}",
            "type": f"qingsheng.intake.{self.type}.v1",
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "data": {name: _told(value, ids) for name, value in self.data.items() if value is not None},
        }

    def line(self, producer: str, ids: Ids) -> str:
        """A line of the batch file that the producer process reads."""
        told: dict[str, Any] = {"service": self.service, "key": self.key or self.id, "answers": len(self.answers)}
        told |= {"raw": self.raw} if self.raw is not None else {"event": self.event(producer, ids)}
        return json.dumps(told, ensure_ascii=False)


def expected(reports: Iterable[Report]) -> Counter[str]:
    """How many different answers of which kind they get in all."""
    return Counter(answer for report in reports for answer in report.answers)


def _told(value: Any, ids: Ids) -> Any:
    match value:
        case Named(kind, ref):
            return ids[kind, ref]
        case datetime() | date():
            return value.isoformat()
        case _:
            return value
