"""Reports of other systems, and the answers they get."""

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.campaign import Channel as PostChannel
from shared.contracts.campaign import RepostVoidReason
from shared.contracts.fields import Count, Day, Hours, Id, Instant, TipText, Title, UnitId, Url
from shared.contracts.opinion import Channel, TipKind, TipTopic

Reference = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""An id of ours (a UUID), or the producer's own reference that the roster registered for it."""


class IntakeData(BaseModel):
    """The ``data`` of a report. Unknown fields are an error: what is not asked for is not wanted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    TYPE: ClassVar[str]


class AttendanceReported(IntakeData):
    TYPE = "qingsheng.intake.attendance_reported.v1"

    session_id: Id
    volunteer_id: Reference
    venue_no: Count
    hours: Hours
    held_on: Day


class TipReported(IntakeData):
    TYPE = "qingsheng.intake.tip_reported.v1"

    channel: Channel
    kind: TipKind
    topic: TipTopic
    unit_id: UnitId
    text: TipText = Field(repr=False)
    relayed_by: Reference | None = None
    reported_at: Instant


class PostReported(IntakeData):
    TYPE = "qingsheng.intake.post_reported.v1"

    channel: PostChannel
    column_id: Id | None = None
    unit_id: UnitId
    title: Title
    url: Url
    published_at: Instant


_GIVEN: list[Any] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("post_id", "post_url")]


class RepostReported(IntakeData):
    model_config = ConfigDict(json_schema_extra={"oneOf": _GIVEN})
    TYPE = "qingsheng.intake.repost_reported.v1"

    volunteer_id: Reference
    account_id: Reference
    post_id: Id | None = None
    post_url: Url | None = None
    shared_at: Instant
    link: Url | None = None

    @model_validator(mode="after")
    def _one_post(self) -> "RepostReported":
        if (self.post_id is None) == (self.post_url is None):
            raise PydanticCustomError("one_post", "give either post_id or post_url")
        return self


class RepostWithdrawn(IntakeData):
    TYPE = "qingsheng.intake.repost_withdrawn.v1"

    report_id: Reference
    reason: RepostVoidReason


INTAKE_TYPES: dict[str, type[IntakeData]] = {
    found.TYPE: found for found in (AttendanceReported, TipReported, PostReported, RepostReported, RepostWithdrawn)
}
