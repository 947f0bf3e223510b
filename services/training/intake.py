"""Reports of other systems about attendances, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.training import commands
from services.training.rules import Attendance
from shared.clock import Clock
from shared.contracts.intake import AttendanceReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data, own_id
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    takers = {AttendanceReported.TYPE: take_attendances}
    return Door("training", takers, clock, settings.secret_key.get_secret_value())


async def take_attendances(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    outcomes: dict[int, Outcome] = {}
    attendances: dict[int, Attendance] = {}
    for index, request in enumerate(requests):
        data: Any = request.data
        volunteer_id = own_id(data.volunteer_id)
        if volunteer_id is None:
            outcomes[index] = Refusal("unknown_volunteer", pointer="/data/volunteer_id")
        else:
            attendances[index] = Attendance(data.session_id, volunteer_id, data.venue_no, data.hours, data.held_on)
    decided = await commands.record_attendances(connection, clock, list(attendances.values()))
    outcomes |= zip(attendances, map(in_data, decided), strict=True)
    return [outcomes[index] for index in range(len(requests))]
