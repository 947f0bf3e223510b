"""``qingsheng intake check``: what the front door would say of a producer's events, without database and broker."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from services.campaign.intake import create_door as campaign
from services.opinion.intake import create_door as opinion
from services.training.intake import create_door as training
from shared.contracts import exact
from shared.contracts.broken import Broken
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request, parse_body
from shared.contracts.schemas import PRODUCER_NAME
from shared.delivery.intake import Arrival, Door
from shared.settings import Settings

DOORS = {"training": training, "opinion": opinion, "campaign": campaign}
_SOURCE = re.compile(f"/ext/({PRODUCER_NAME.strip('^$')})")


@dataclass(frozen=True)
class Checked:
    """An event, counted from 1, and what it would be refused with; None: it passes, as far as can be known here."""

    number: int
    id: str | None
    refusal: Refusal | None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"event": self.number, "id": self.id}
        if self.refusal is None:
            return told | {"passes": True}
        pointer = {} if self.refusal.pointer is None else {"pointer": self.refusal.pointer}
        return told | {"passes": False, "code": self.refusal.code, **pointer, "message": self.refusal.message}


def check(content: bytes, *, service: str | None = None, producer: str | None = None) -> list[Checked]:
    """Every event of a file: one event, an array (a batch), or JSON lines. ``service``: None for the one that takes the
    event's type; ``producer``: None for the one that the first source names."""
    read: list[Request | Refusal] = []
    for body in bodies(content):
        contents = parse_body(body)
        read += [contents] if isinstance(contents, Refusal) else contents
    producer = producer or _named_producer(read) or "PRODUCER"
    doors = {name: create_door(_nowhere()) for name, create_door in DOORS.items()}
    by_door: dict[str, list[int]] = defaultdict(list)
    refusals: dict[int, Refusal | None] = {}
    for index, content_read in enumerate(read):
        if isinstance(content_read, Refusal) and content_read.request_id is None:
            refusals[index] = content_read  # nobody can be answered: no door sees it as a report
        else:
            by_door[service or _door_of(content_read, doors)].append(index)
    for name, indexes in by_door.items():
        foreseen = doors[name].foresee([Arrival(producer, read[index]) for index in indexes])
        refusals |= dict(zip(indexes, foreseen, strict=True))
    return [Checked(index + 1, _id_of(each), refusals[index]) for index, each in enumerate(read)]


def bodies(content: bytes) -> list[bytes]:
    """What would be sent one by one: the whole, or the lines of JSON lines."""
    lines = [line for line in content.splitlines() if line.strip()]
    return lines if len(lines) > 1 and not _is_json(content) and _is_json(lines[0]) else [content]


def _is_json(content: bytes) -> bool:
    try:
        exact.parsed(content)
    except Broken as broken:
        return broken.reason != "not_json"
    return True


def _named_producer(read: Sequence[Request | Refusal]) -> str | None:
    sources = [each.source if isinstance(each, Request) else each.request_source or "" for each in read]
    return next((found[1] for source in sources if (found := _SOURCE.fullmatch(source))), None)


def _door_of(content: Request | Refusal, doors: dict[str, Door]) -> str:
    """The service that takes it; any for what no service takes."""
    if isinstance(content, Request):
        for name, door in doors.items():
            if door.takes(content.type):
                return name
    return next(iter(doors))


def _id_of(content: Request | Refusal) -> str | None:
    return content.id if isinstance(content, Request) else content.request_id


def _nowhere() -> Settings:
    """Doors are made with settings; offline none matters, so the environment is not asked."""
    return Settings.model_construct(secret_key=SecretStr("nobody's secret: offline"))
