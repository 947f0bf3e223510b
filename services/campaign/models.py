"""Bodies of the API's requests and answers."""

from datetime import date, datetime
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.contracts import fields
from shared.contracts.campaign import Channel, PostWithdrawReason, RepostVoidReason
from shared.contracts.fields import Day, Id, Instant, UnitId, Url
from shared.contracts.roster import Platform

Item = TypeVar("Item")


class _Told(BaseModel):
    """Unknown fields are refused: what is not asked for is not wanted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(_Told):
    zh: fields.Title
    en: fields.Title | None = None


class OpenColumn(_Told):
    title: Title
    opened_on: Day
    unit_id: UnitId


class PublishPost(_Told):
    channel: Channel
    unit_id: UnitId
    title: fields.Title
    url: Url
    published_at: Instant
    column_id: Id | None = None


class WithdrawPost(_Told):
    reason: PostWithdrawReason


class LogRepost(_Told):
    """``link``: the public address of the share. It is stored, never fetched."""

    post_id: Id
    volunteer_id: Id
    account_id: Id
    shared_at: Instant
    link: Url | None = None


class VoidRepost(_Told):
    reason: RepostVoidReason


class Column(BaseModel):
    column_id: UUID
    title: Title
    unit_id: str
    county: str
    opened_on: date


class CountyCounts(BaseModel):
    county: str
    counted: int
    voided: int


class Counts(BaseModel):
    """How many shares count and how many were voided, of all counties and by county. Of persons there are none."""

    counted: int
    voided: int
    counties: list[CountyCounts]


class ColumnWithCounts(Column):
    """``posts``: how many stand in it."""

    posts: int
    counts: Counts


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


class PostWithCounts(Post):
    counts: Counts


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


class Link(BaseModel):
    """``path``: shown once."""

    path: str


class Message(BaseModel):
    zh: str
    en: str


class Row(BaseModel):
    """What became of a row: its number in the sheet (the headings are row 1), ``pointer`` names the column. A dry run
    gives no ``repost_id``: nothing of it stays."""

    row: int
    status: Literal["logged", "refused"]
    repost_id: UUID | None = None
    code: str | None = None
    pointer: str | None = None
    message: Message | None = None


class Logged(BaseModel):
    dry_run: bool
    logged: int
    refused: int
    rows: list[Row]


class Page(BaseModel, Generic[Item]):
    items: list[Item]
    next_cursor: str | None
