"""Events of opinion: tips and corrections. Never about a person, never with free text."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.contracts.envelope import EventData
from shared.contracts.fields import Amount, Count, Day, EventHttpsUrl, Id, Instant, UnitId, Words

Channel = Literal["chat_group", "phone", "mail", "weibo_message", "wechat_message", "web_form", "hotline", "other"]
TipKind = Literal["need", "question", "claim"]
TipTopic = Literal["jobs", "education", "social", "housing", "environment", "transport", "health", "rights", "other"]
TipOutcome = Literal["acted", "answered", "referred", "declined"]
TipVoidReason = Literal["duplicate", "spam", "test", "about_a_person", "error"]
SourceKind = Literal["media", "forum", "video", "other"]
CorrectionOutcome = Literal["clarified", "partly_right_fixed", "right_fixed", "no_action"]


class Action(BaseModel):
    """What was done about a tip."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    title: Words
    held_on: Day
    participants: Amount


class TipReported(EventData):
    TYPE = "qingsheng.opinion.tip_reported.v1"
    KEY = "tip_id"
    SUBJECT = ("tip", "tip_id")
    TIME = "reported_at"

    tip_id: Id
    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: UnitId
    relayed_by: Id | None = None
    reported_at: Instant


class TipTriaged(EventData):
    TYPE = "qingsheng.opinion.tip_triaged.v1"
    KEY = "tip_id"
    SUBJECT = ("tip", "tip_id")
    TIME = "triaged_at"

    tip_id: Id
    responsible_unit_id: UnitId
    reported_at: Instant
    triaged_at: Instant


class TipResolved(EventData):
    TYPE = "qingsheng.opinion.tip_resolved.v1"
    KEY = "tip_id"
    SUBJECT = ("tip", "tip_id")
    TIME = "resolved_at"

    tip_id: Id
    reported_at: Instant
    resolved_at: Instant
    outcome: TipOutcome
    answered: bool
    action: Action | None = None


class TipVoided(EventData):
    TYPE = "qingsheng.opinion.tip_voided.v1"
    KEY = "tip_id"
    SUBJECT = ("tip", "tip_id")
    UNDOES = True

    tip_id: Id
    reported_at: Instant
    reason: TipVoidReason
    merged_into: Id | None = None


class CorrectionOpened(EventData):
    TYPE = "qingsheng.opinion.correction_opened.v1"
    KEY = "case_id"
    SUBJECT = ("case", "case_id")
    TIME = "opened_at"

    case_id: Id
    claim_published_at: Instant
    source_kind: SourceKind
    opened_at: Instant


class CorrectionClosed(EventData):
    TYPE = "qingsheng.opinion.correction_closed.v1"
    KEY = "case_id"
    SUBJECT = ("case", "case_id")
    TIME = "closed_at"

    case_id: Id
    opened_at: Instant
    closed_at: Instant
    outcome: CorrectionOutcome
    evidence_count: Count
    official_source: EventHttpsUrl
    media_met: bool
