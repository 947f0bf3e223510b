"""Bodies of the API's requests and answers. None has a field for an author, a handle or a profile (charter C4)."""

from datetime import date, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.opinion.rules import State
from shared.contracts import opinion
from shared.contracts.fields import Amount, Day, HttpsUrl, Id, Instant, Text, UnitId, Words
from shared.contracts.opinion import (
    Channel,
    CorrectionOutcome,
    SourceKind,
    TipKind,
    TipOutcome,
    TipTopic,
    TipVoidReason,
)

Item = TypeVar("Item")
MAX_EVIDENCE = 100


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReportTip(_Told):
    """``text`` stays in this service; it is screened, and erased when it is needed no longer. Times default to now."""

    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: UnitId
    text: Annotated[Text, Field(repr=False)]
    relayed_by: Id | None = None
    reported_at: Instant | None = None


class TriageTip(_Told):
    responsible_unit_id: UnitId
    triaged_at: Instant | None = None


class Action(_Told):
    """What was done about a tip. The title is published: it is screened as a tip's text is."""

    title: Text
    held_on: Day
    participants: Amount

    def told(self) -> opinion.Action:
        return opinion.Action(title=self.title, held_on=self.held_on, participants=self.participants)


class ResolveTip(_Told):
    """``answered``: whether whoever told the tip got an answer."""

    outcome: TipOutcome
    answered: bool
    action: Action | None = None
    resolved_at: Instant | None = None


class VoidTip(_Told):
    """``merged_into``: of a duplicate, the tip that stands."""

    reason: TipVoidReason
    merged_into: Id | None = None


class OpenCorrection(_Told):
    unit_id: UnitId
    claim_published_at: Instant
    source_kind: SourceKind
    opened_at: Instant | None = None


class CloseCorrection(_Told):
    """``evidence``: public https links, at least one. ``official_source``: an https link. They are stored, never
    fetched."""

    outcome: CorrectionOutcome
    evidence: Annotated[list[HttpsUrl], Field(max_length=MAX_EVIDENCE)] | None = None
    official_source: Words | None = None
    media_met: bool
    closed_at: Instant | None = None


class ActionTaken(BaseModel):
    title: str
    held_on: date
    participants: int


class Resolution(BaseModel):
    at: datetime
    outcome: TipOutcome
    answered: bool
    action: ActionTaken | None


class Triage(BaseModel):
    at: datetime
    responsible_unit_id: str


class Voiding(BaseModel):
    at: datetime
    reason: TipVoidReason
    merged_into: UUID | None


class Tip(BaseModel):
    """``county``: of the unit it is filed with."""

    tip_id: UUID
    state: State
    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: str
    county: str
    relayed_by: UUID | None
    reported_at: datetime
    triaged: Triage | None
    resolved: Resolution | None
    voided: Voiding | None


class TipWithText(Tip):
    """``text`` null: it was erased, at ``text_erased_at``."""

    text: str | None
    text_erased_at: datetime | None


class Closing(BaseModel):
    at: datetime
    outcome: CorrectionOutcome
    evidence: list[str]
    official_source: str
    media_met: bool


class Correction(BaseModel):
    """``county``: of the unit it is filed with."""

    case_id: UUID
    unit_id: str
    county: str
    claim_published_at: datetime
    source_kind: SourceKind
    opened_at: datetime
    closed: Closing | None


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
