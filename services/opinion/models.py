"""Bodies of the API's requests and answers. None has a field for an author, a handle or a profile (charter C4)."""

from datetime import date, datetime
from typing import Annotated, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.opinion.corrections import MAX_EVIDENCE
from services.opinion.rules import State
from shared.contracts import opinion
from shared.contracts.fields import (
    URL,
    Amount,
    Day,
    HttpsUrl,
    Id,
    Instant,
    Text,
    TipText,
    Title,
    UnitId,
    Url,
    Words,
    bounded,
)
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
Operator = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A name of sign-in."""
EvidenceKind = Literal["document", "figures", "photo", "video", "news", "other"]


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ReportTip(_Told):
    """``text`` stays in this service; it is screened, and erased when it is needed no longer. ``contact``: for the answer
    alone, kept sealed and erased when it has been given. Times default to now."""

    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: UnitId
    text: Annotated[TipText, Field(repr=False)]
    relayed_by: Id | None = None
    reported_at: Instant | None = None
    contact: Annotated[Title | None, Field(repr=False)] = None


class TriageTip(_Told):
    """``topic``, ``due_on`` left out: as they are."""

    responsible_unit_id: UnitId
    topic: TipTopic | None = None
    due_on: Day | None = None
    triaged_at: Instant | None = None


class AssignTip(_Told):
    """``assigned_to`` null: to nobody."""

    assigned_to: Operator | None


class SetDue(_Told):
    due_on: Day


class AnswerTip(_Told):
    """``answer``: for the private link of whoever told the tip."""

    answer: Text


class Action(_Told):
    """What was done about a tip. The title is published: it is screened as a tip's text is."""

    title: Title
    held_on: Day
    participants: Amount

    def told(self) -> opinion.Action:
        return opinion.Action(title=self.title, held_on=self.held_on, participants=self.participants)


class ResolveTip(_Told):
    """``answered``: whether whoever told the tip got an answer; ``answer``: the one for the private link."""

    outcome: TipOutcome
    answered: bool
    action: Action | None = None
    resolved_at: Instant | None = None
    answer: Text | None = None


class VoidTip(_Told):
    """``merged_into``: of a duplicate, the tip that stands."""

    reason: TipVoidReason
    merged_into: Id | None = None


class OpenCorrection(_Told):
    unit_id: UnitId
    claim_published_at: Instant
    source_kind: SourceKind
    opened_at: Instant | None = None
    claim: Text | None = None
    claim_link: Url | None = None


class DescribeCorrection(_Told):
    """The claim in words, and where it was published."""

    claim: Text
    claim_link: Url | None = None


class EvidenceItem(_Told):
    link: HttpsUrl
    title: Title | None = None
    kind: EvidenceKind = "other"


class AddEvidence(_Told):
    evidence: Annotated[list[EvidenceItem], Field(min_length=1, max_length=MAX_EVIDENCE)]


class AddEntry(_Told):
    """What happened, and when (left out: now)."""

    text: Annotated[str, *bounded(500)]
    at: Instant | None = None


class CloseCorrection(_Told):
    """``evidence``: links to add to the evidence of the case, which then holds at least one. ``official_source``: an https
    link. Links are stored, never fetched. ``finding``: what was found, in words."""

    outcome: CorrectionOutcome
    evidence: Annotated[list[HttpsUrl], Field(max_length=MAX_EVIDENCE)] | None = None
    finding: Text | None = None
    official_source: Annotated[Words, StringConstraints(max_length=URL)] | None = None
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
    """``county``: of the unit it is filed with. ``topic``: as triaged."""

    tip_id: UUID
    state: State
    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: str
    county: str
    relayed_by: UUID | None
    reported_at: datetime
    due_on: date
    overdue: bool
    assigned_to: str | None
    has_contact: bool
    triaged: Triage | None
    resolved: Resolution | None
    voided: Voiding | None


class TipWithText(Tip):
    """``text`` null: it was erased, at ``text_erased_at``. ``answer``: as whoever told the tip reads it."""

    text: str | None
    text_erased_at: datetime | None
    answer: str | None
    answer_at: datetime | None


class Contact(BaseModel):
    """Null when none was left, or it was erased."""

    contact: str | None


class Exhibit(BaseModel):
    link: str
    title: str | None
    kind: EvidenceKind


class Entry(BaseModel):
    at: datetime
    text: str


class Closing(BaseModel):
    """``evidence``: the links, as many as the event counts."""

    at: datetime
    outcome: CorrectionOutcome
    evidence: list[str]
    official_source: str
    media_met: bool
    finding: str | None


class Correction(BaseModel):
    """``county``: of the unit it is filed with."""

    case_id: UUID
    unit_id: str
    county: str
    claim_published_at: datetime
    source_kind: SourceKind
    opened_at: datetime
    claim: str | None
    claim_link: str | None
    closed: Closing | None


class CorrectionWithEvidence(Correction):
    evidence: list[Exhibit]
    timeline: list[Entry]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
