"""Attendance lists as a register of classes reports them, and what is wrong with some of their lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from qingsheng.demo.story import SEED, at
from qingsheng.demo.story.classes import Attendance, Session
from qingsheng.demo.story.feeds import nobody
from qingsheng.demo.story.reports import Named, Report

PRODUCER = "class-registers"


def reports(attendances: Sequence[Attendance]) -> list[Report]:
    """The lists that do not come over HTTP, each on the day after; a teleconference has one list a venue."""
    rng = Random(f"{SEED} registers")
    told = [_attendance(number, one) for number, one in enumerate(attendances, 1) if not one.session.by_api]
    repeats = [replace(report, answers=()) for report in rng.sample(told, 20)]
    twice = [
        replace(report, id=f"twice-{number}", answers=("already_recorded",))
        for number, report in enumerate(rng.sample(told, 9), 1)
    ]
    of_no_class = [
        replace(
            report,
            id=f"no-class-{number}",
            data={**report.data, "session_id": nobody(rng)},
            answers=("unknown_session",),
        )
        for number, report in enumerate(rng.sample(told, 3), 1)
    ]
    return sorted([*told, *repeats, *twice, *of_no_class], key=lambda report: report.time)


def entries(attendances: Sequence[Attendance], session: Session) -> list[dict[str, object]]:
    """The list of a session as it is told over HTTP; volunteers by their references."""
    return [
        {
            "volunteer_id": Named("volunteer", one.volunteer.ref),
            "venue_no": one.venue_no,
            "hours": session.hours,
            "held_on": session.on.isoformat(),
        }
        for one in attendances
        if one.session == session
    ]


def _attendance(number: int, one: Attendance) -> Report:
    return Report(
        "training",
        f"attendance-{number}",
        "attendance_reported",
        at(one.session.on + timedelta(days=1), 10),
        {
            "session_id": Named("session", one.session.ref),
            "volunteer_id": Named("volunteer", one.volunteer.ref),
            "venue_no": one.venue_no,
            "hours": one.session.hours,
            "held_on": one.session.on,
        },
        key=one.volunteer.ref,
    )
