"""Bodies of the API's requests and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from shared.contracts import reasons
from shared.contracts.exact import pointer
from shared.contracts.fields import Count, Day, Hours, Id, Instant, Text, UnitId
from shared.contracts.refusals import Refusal
from shared.contracts.training import SessionKind, VoidReason

Item = TypeVar("Item")
MAX_ENTRIES = 5_000
MAX_ORGANISERS = 100


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(_Told):
    zh: Text
    en: Text | None = None


class HoldSession(_Told):
    """``organisers``: ids of units; the first gives the county. ``joint_with``: another body that took part in it."""

    kind: SessionKind
    title: Title
    starts_at: Instant
    hours: Hours
    venue_count: Annotated[Count, Field(le=100_000)]
    organisers: Annotated[list[UnitId], Field(min_length=1, max_length=MAX_ORGANISERS)]
    joint_with: Text | None = None


class CancelSession(_Told):
    reason: Text


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


class VoidAttendance(_Told):
    reason: VoidReason


class Message(BaseModel):
    zh: str
    en: str


class Row(BaseModel):
    """What became of an entry; ``row`` counts from 0, ``pointer`` points into the request's body. A dry run gives no
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
    """``attendances``: how many count."""

    session_id: UUID
    kind: SessionKind
    title: Title
    starts_at: datetime
    hours: float
    venue_count: int
    organisers: list[str]
    joint_with: str | None
    county: str
    attendances: int
    cancelled: Cancelled | None


class Venue(BaseModel):
    venue_no: int
    attendances: int


class SessionWithVenues(Session):
    """``venues``: those with attendances that count."""

    venues: list[Venue]


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
