"""Reports of other systems about attendances, and the door they come through."""

from collections.abc import Sequence
from typing import Any

from services.training import commands, rules
from services.training.rules import Attendance
from shared.clock import Clock
from shared.contracts.intake import AttendanceReported
from shared.contracts.refusals import Refusal
from shared.contracts.requests import Request
from shared.delivery.intake import Door, Outcome, in_data, refusal_in_data
from shared.delivery.references import Called, called, unheard_of
from shared.postgres import Connection
from shared.settings import Settings


def create_door(settings: Settings) -> Door:
    clock = Clock(settings.zone, settings.story_mode)
    takers = {AttendanceReported.TYPE: take_attendances}
    judges = {AttendanceReported.TYPE: judge_attendance}
    return Door("training", takers, clock, settings.secret_key.get_secret_value(), judges)


async def take_attendances(connection: Connection, clock: Clock, requests: Sequence[Request]) -> Sequence[Outcome]:
    data: list[Any] = [request.data for request in requests]
    people = await called(
        connection, [(request, "volunteer", told.volunteer_id) for request, told in zip(requests, data, strict=True)]
    )
    attendances = [_attendance(request, volunteer) for request, volunteer in zip(requests, people, strict=True)]
    outcomes = await commands.record_attendances(connection, clock, attendances)
    return [in_data(volunteer.instead(outcome)) for volunteer, outcome in zip(people, outcomes, strict=True)]


def judge_attendance(request: Request, clock: Clock) -> Refusal | None:
    """What is refused whatever sessions and volunteers there are."""
    data: Any = request.data
    volunteer = unheard_of(request, "volunteer", data.volunteer_id)
    verdict = rules.judge(_attendance(request, volunteer), None, (), clock.now(), clock.zone)
    if isinstance(verdict, Refusal):
        return refusal_in_data(verdict)
    return Refusal("unknown_volunteer", pointer="/data/volunteer_id") if volunteer.never else None


def _attendance(request: Request, volunteer: Called) -> Attendance:
    data: Any = request.data
    return Attendance(data.session_id, volunteer.id, data.venue_no, data.hours, data.held_on)
