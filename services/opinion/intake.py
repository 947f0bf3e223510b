"""Tips that other systems report, and the door they come through."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.opinion import commands
from shared.clock import Clock
from shared.contracts.fields import Id
from shared.contracts.intake import TipReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, Waiting
from shared.postgres import Connection
from shared.settings import Settings

_ID: TypeAdapter[UUID] = TypeAdapter(Id)


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    return Door("opinion", {TipReported.TYPE: take_tips}, clock, settings.secret_key.get_secret_value())


async def take_tips(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    tips: dict[int, commands.NewTip] = {}
    for index, request in enumerate(requests):
        data: Any = request.data
        relayed_by = None if data.relayed_by is None else _id(data.relayed_by)
        if data.relayed_by is not None and relayed_by is None:
            outcomes[index] = Refusal("unknown_volunteer", pointer="/data/relayed_by")
        else:
            tips[index] = commands.NewTip(
                data.channel, data.kind, data.topic, data.unit_id, data.text, relayed_by, data.reported_at
            )
    decided = await commands.report_tips(connection, clock, list(tips.values()))
    outcomes |= zip(tips, map(_in_data, decided), strict=True)
    return [outcomes[index] for index in range(len(requests))]


def _id(reference: str) -> UUID | None:
    """An id of ours; None for a producer's own reference."""
    try:
        return _ID.validate_python(reference)
    except ValidationError:
        return None


def _in_data(outcome: Outcome) -> Outcome:
    """Commands point into what they were told; in a report that is its ``data``."""
    match outcome:
        case Refusal():
            return _pointed(outcome)
        case Waiting(thing, topic, refusal):
            return Waiting(thing, topic, _pointed(refusal))
        case _:
            return outcome


def _pointed(refusal: Refusal) -> Refusal:
    pointer = None if refusal.pointer is None else f"/data{refusal.pointer}"
    return Refusal(refusal.code, pointer=pointer, **refusal.detail)
