"""Events of the campaign: columns, posts, shares."""

from typing import Literal

from shared.contracts.envelope import EventData
from shared.contracts.fields import Day, EventUrl, Id, Instant, Names, UnitId, Words
from shared.contracts.roster import Platform

Channel = Literal["weibo", "wechat", "other"]
PostWithdrawReason = Literal["error", "duplicate", "deleted"]
RepostVoidReason = Literal["duplicate", "link_removed", "not_disclosed", "volunteer_request", "error"]


class ColumnOpened(EventData):
    TYPE = "qingsheng.campaign.column_opened.v1"
    KEY = "column_id"
    SUBJECT = ("column", "column_id")
    TIME = "opened_on"

    column_id: Id
    title: Names
    opened_on: Day


class PostPublished(EventData):
    TYPE = "qingsheng.campaign.post_published.v1"
    KEY = "post_id"
    SUBJECT = ("post", "post_id")
    TIME = "published_at"

    post_id: Id
    column_id: Id | None = None
    channel: Channel
    unit_id: UnitId
    title: Words
    url: EventUrl
    published_at: Instant


class PostWithdrawn(EventData):
    TYPE = "qingsheng.campaign.post_withdrawn.v1"
    KEY = "post_id"
    SUBJECT = ("post", "post_id")
    UNDOES = True

    post_id: Id
    unit_id: UnitId
    published_at: Instant
    reason: PostWithdrawReason


class RepostLogged(EventData):
    TYPE = "qingsheng.campaign.repost_logged.v1"
    KEY = "volunteer_id"
    SUBJECT = ("repost", "repost_id")
    TIME = "shared_at"

    repost_id: Id
    post_id: Id
    volunteer_id: Id
    account_id: Id
    platform: Platform
    shared_at: Instant


class RepostVoided(EventData):
    TYPE = "qingsheng.campaign.repost_voided.v1"
    KEY = "volunteer_id"
    SUBJECT = ("repost", "repost_id")
    UNDOES = True

    repost_id: Id
    volunteer_id: Id
    shared_at: Instant
    reason: RepostVoidReason
