"""Lists that operators keep in a spreadsheet: who attended, and who is expected. No I/O."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.training.rules import Attendance, Expected
from shared import tables
from shared.contracts.refusals import Refusal
from shared.tables import Column, Line

MAX_ROWS = 5_000
ATTENDED = (
    Column("volunteer_id", "志愿者编号", required=True),
    Column("venue_no", "会场编号"),
    Column("hours", "学时"),
    Column("held_on", "日期"),
)
EXPECTED = (
    Column("volunteer_id", "志愿者编号", required=True),
    Column("venue_no", "会场编号"),
    Column("list_no", "名单序号"),
)


class Usual(NamedTuple):
    """What holds of a session's attendances where a row does not say otherwise. ``venue_no`` where there is but one."""

    session_id: UUID
    venue_no: int | None
    hours: float
    held_on: date


def attended(line: Line, usual: Usual) -> Attendance | Refusal:
    def read(told: Mapping[str, Any]) -> Attendance:
        return Attendance(
            usual.session_id,
            tables.identity(told, "volunteer_id"),
            _venue_no(told, usual.venue_no),
            tables.number(told, "hours") if "hours" in told else usual.hours,
            tables.day(told, "held_on") if "held_on" in told else usual.held_on,
        )

    return _read(line, read)


def expected(line: Line, usual: Usual) -> Expected | Refusal:
    def read(told: Mapping[str, Any]) -> Expected:
        list_no = _count(told, "list_no") if "list_no" in told else None
        return Expected(tables.identity(told, "volunteer_id"), _venue_no(told, usual.venue_no), list_no)

    return _read(line, read)


def _read(line: Line, read: Any) -> Any:
    if isinstance(line.told, Refusal):
        return line.told
    try:
        return read(line.told)
    except Refusal as refusal:
        return refusal


def _venue_no(told: Mapping[str, Any], usual: int | None) -> int:
    return usual if usual is not None and "venue_no" not in told else _count(told, "venue_no")


def _count(told: Mapping[str, Any], name: str) -> int:
    found = tables.whole(told, name)
    if found == 0:
        raise tables.wrong(name, "从 1 起", "counts from 1")
    return found
