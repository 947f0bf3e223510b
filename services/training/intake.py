"""Reports of other systems about attendances, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.training import commands
from services.training.rules import Attendance
from shared.clock import Clock
from shared.contracts.intake import AttendanceReported
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data
from shared.delivery.references import called
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    takers = {AttendanceReported.TYPE: take_attendances}
    return Door("training", takers, clock, settings.secret_key.get_secret_value())


async def take_attendances(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    data: list[Any] = [request.data for request in requests]
    people = await called(
        connection, [(request, "volunteer", told.volunteer_id) for request, told in zip(requests, data, strict=True)]
    )
    attendances = [
        Attendance(told.session_id, volunteer.id, told.venue_no, told.hours, told.held_on)
        for told, volunteer in zip(data, people, strict=True)
    ]
    outcomes = await commands.record_attendances(connection, clock, attendances)
    return [in_data(volunteer.instead(outcome)) for volunteer, outcome in zip(people, outcomes, strict=True)]
