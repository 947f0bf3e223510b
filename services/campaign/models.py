"""Bodies of the API's requests and answers."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from shared.contracts.broken import Broken
from shared.contracts.campaign import Channel, PostWithdrawReason, RepostVoidReason
from shared.contracts.exact import check_string
from shared.contracts.fields import Instant, Text, UnitId, Url
from shared.contracts.roster import Platform

Item = TypeVar("Item")


def _plain(text: str) -> str:
    try:
        check_string(text, "")
    except Broken:
        raise ValueError("text without NUL, in Unicode normal form C") from None
    return text


def _written_out(told: Any) -> Any:
    if not isinstance(told, str) or told.lstrip("+-").replace(".", "").isdigit():
        raise ValueError("a time is written out, such as 2014-07-01T09:00:00+08:00; a day such as 2014-07-01")
    return told


Wording = Annotated[Text, AfterValidator(_plain)]
Link = Annotated[Url, AfterValidator(_plain)]
Moment = Annotated[Instant, BeforeValidator(_written_out)]
LocalDay = Annotated[date, BeforeValidator(_written_out)]


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Title(_Told):
    zh: Wording
    en: Wording | None = None


class OpenColumn(_Told):
    title: Title
    opened_on: LocalDay
    unit_id: UnitId


class PublishPost(_Told):
    channel: Channel
    unit_id: UnitId
    title: Wording
    url: Link
    published_at: Moment
    column_id: UUID | None = None


class WithdrawPost(_Told):
    reason: PostWithdrawReason


class LogRepost(_Told):
    """``link``: the public address of the share. It is stored, never fetched."""

    post_id: UUID
    volunteer_id: UUID
    account_id: UUID
    shared_at: Moment
    link: Link | None = None


class VoidRepost(_Told):
    reason: RepostVoidReason


class Column(BaseModel):
    column_id: UUID
    title: Title
    unit_id: str
    county: str
    opened_on: date


class PostUndone(BaseModel):
    at: datetime
    reason: PostWithdrawReason


class Post(BaseModel):
    """``shares``: how many count."""

    post_id: UUID
    column_id: UUID | None
    channel: Channel
    unit_id: str
    county: str
    title: str
    url: str
    published_at: datetime
    shares: int
    withdrawn: PostUndone | None


class RepostUndone(BaseModel):
    at: datetime
    reason: RepostVoidReason


class Repost(BaseModel):
    """``county``: of the volunteer's unit on the day of the share."""

    repost_id: UUID
    post_id: UUID
    volunteer_id: UUID
    account_id: UUID
    platform: Platform
    county: str
    shared_at: datetime
    link: str | None
    counted: bool
    voided: RepostUndone | None


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
