"""Reports of other systems about attendances, and the door they come through."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from services.training import commands
from services.training.rules import Attendance
from shared.clock import Clock
from shared.contracts.fields import Id
from shared.contracts.intake import AttendanceReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, Waiting
from shared.postgres import Connection
from shared.settings import Settings

_ID: TypeAdapter[UUID] = TypeAdapter(Id)


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    takers = {AttendanceReported.TYPE: take_attendances}
    return Door("training", takers, clock, settings.secret_key.get_secret_value())


async def take_attendances(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    attendances: dict[int, Attendance] = {}
    for index, request in enumerate(requests):
        data: Any = request.data
        volunteer_id = _id(data.volunteer_id)
        if volunteer_id is None:
            outcomes[index] = Refusal("unknown_volunteer", pointer="/data/volunteer_id")
        else:
            attendances[index] = Attendance(data.session_id, volunteer_id, data.venue_no, data.hours, data.held_on)
    decided = await commands.record_attendances(connection, clock, list(attendances.values()))
    outcomes |= zip(attendances, map(_in_data, decided), strict=True)
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
