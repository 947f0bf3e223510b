"""Bodies of the API's requests and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from services.training.rules import State
from shared.contracts import fields, reasons
from shared.contracts.exact import pointer
from shared.contracts.fields import Count, Day, Hours, Id, Instant, UnitId
from shared.contracts.refusals import Refusal
from shared.contracts.training import SessionKind, VoidReason

Item = TypeVar("Item")
MAX_ENTRIES = 5_000
MAX_ORGANISERS = 100
MAX_VENUES = 500
VenueCount = Annotated[Count, Field(le=100_000)]
VenueName = fields.Title


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(_Told):
    zh: fields.Title
    en: fields.Title | None = None


class Venue(_Told):
    """``unit_id``: whose venue it is. ``capacity``: seats."""

    name: VenueName
    unit_id: UnitId | None = None
    capacity: Annotated[Count, Field(le=1_000_000)] | None = None


class HoldSession(_Told):
    """``organisers``: ids of units; the first gives the county. ``joint_with``: another body that took part in it.
    ``venues`` in the order of their numbers, or ``venue_count`` where they need no names. ``ends_on``: the last day of a
    session of several days."""

    kind: SessionKind
    title: Title
    starts_at: Instant
    hours: Hours
    venue_count: VenueCount | None = None
    venues: Annotated[list[Venue], Field(max_length=MAX_VENUES)] = []
    organisers: Annotated[list[UnitId], Field(min_length=1, max_length=MAX_ORGANISERS)]
    joint_with: fields.Title | None = None
    ends_on: Day | None = None


class PlanSession(HoldSession):
    """A session that is to be held."""


class HoldPlanned(_Told):
    """What was otherwise than planned."""

    starts_at: Instant | None = None
    ends_on: Day | None = None
    hours: Hours | None = None
    venue_count: VenueCount | None = None


class NameVenues(_Told):
    venues: Annotated[list[Venue], Field(min_length=1, max_length=MAX_VENUES)]


class CancelSession(_Told):
    reason: fields.Title


class Entry(_Told):
    """``venue_no`` counts from 1; ``hours`` attended, at most 24."""

    volunteer_id: Id
    venue_no: Count
    hours: Hours
    held_on: Day


def _by_row(told: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """A row that breaks the model is refused by itself, not the whole list with it."""
    try:
        return read(told)
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False, include_url=False, include_context=False)
        first = min(errors, key=lambda error: [str(part) for part in error["loc"]])
        return Refusal("schema", pointer=pointer(first["loc"]), reason=reasons.said(first))


class RecordAttendances(_Told):
    """Rows that can be read are Entry, the others Refusal."""

    entries: Annotated[list[Annotated[Entry, WrapValidator(_by_row)]], Field(min_length=1, max_length=MAX_ENTRIES)]


class ExpectedEntry(_Told):
    """``list_no``: the number on the list, on paper, of the venue's host."""

    volunteer_id: Id
    venue_no: Count
    list_no: Count | None = None


class Expect(_Told):
    entries: Annotated[list[ExpectedEntry], Field(max_length=MAX_ENTRIES)]


class VoidAttendance(_Told):
    reason: VoidReason


class Message(BaseModel):
    zh: str
    en: str


class Row(BaseModel):
    """What became of an entry; ``row`` counts from 0, ``pointer`` points into the request's body. Of an uploaded list
    ``row`` is its number in the sheet (the headings are row 1), ``pointer`` names the column. A dry run gives no
    ``attendance_id``: nothing of it stays."""

    row: int
    status: Literal["recorded", "refused"]
    attendance_id: UUID | None = None
    code: str | None = None
    pointer: str | None = None
    message: Message | None = None


class Recorded(BaseModel):
    dry_run: bool
    recorded: int
    refused: int
    rows: list[Row]


class Cancelled(BaseModel):
    at: datetime
    reason: str


class Session(BaseModel):
    """``planned_for``: its start as it was planned; null: never planned. ``venue_count`` venues, of which those with a name
    or attendances are listed where one session is shown. ``attendances``: how many count."""

    session_id: UUID
    state: State
    kind: SessionKind
    title: Title
    starts_at: datetime
    ends_on: date | None
    planned_for: datetime | None
    hours: float
    venue_count: int
    organisers: list[str]
    joint_with: str | None
    county: str
    attendances: int
    cancelled: Cancelled | None


class ShownVenue(BaseModel):
    """``has_link``: whether its host has a private link to its page."""

    venue_no: int
    name: str | None
    unit_id: str | None
    capacity: int | None
    expected: int
    attendances: int
    has_link: bool


class SessionWithVenues(Session):
    venues: list[ShownVenue]


class Link(BaseModel):
    """``path``: shown once."""

    path: str


class ExpectedRow(BaseModel):
    row: int
    status: Literal["expected", "refused"]
    code: str | None = None
    pointer: str | None = None
    message: Message | None = None


class ExpectedList(BaseModel):
    expected: int
    refused: int
    rows: list[ExpectedRow]


class Figures(BaseModel):
    """``planned``: sessions planned for that time, whatever became of them. ``held``: with or without a plan.
    ``cancelled``: planned or held, and cancelled. ``open``: planned, neither held nor cancelled yet. ``hours`` and
    ``attendances`` (those that count) of the sessions held."""

    planned: int
    held: int
    cancelled: int
    open: int
    hours: float
    attendances: int


class Quarter(Figures):
    quarter: int


class UnitPlan(Figures):
    unit_id: str
    name: Title
    county: str
    quarters: list[Quarter]


class Plan(Figures):
    """A year's plan against what was held, by the first organiser."""

    year: int
    units: list[UnitPlan]


class Voided(BaseModel):
    at: datetime
    reason: VoidReason


class Attendance(BaseModel):
    """``county``: of the volunteer's unit on ``held_on``."""

    attendance_id: UUID
    session_id: UUID
    volunteer_id: UUID
    venue_no: int
    hours: float
    held_on: date
    county: str
    voided: Voided | None


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
