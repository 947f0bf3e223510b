"""Columns and WeChat issues over HTTP; Weibo posts and all shares come by the city's feeds."""

from collections import Counter
from datetime import timedelta

from qingsheng.demo.story import feeds
from qingsheng.demo.story.campaign import COLUMNS, Column, Post
from qingsheng.demo.story.places import CITY
from qingsheng.demo.telling import Telling

API = "/campaign/api/v1"


async def columns(telling: Telling) -> None:
    for column in COLUMNS:
        answer = await telling.doors.post(f"{API}/columns", _column(column), at=column.opened_on)
        telling.ids["column", column.ref] = answer["column_id"]
    telling.promised["campaign.column_opened"] += len(COLUMNS)


async def issues(telling: Telling) -> None:
    """The WeChat issues, each entered when it was published."""
    by_hand = [post for post in telling.script.posts if post.channel == "wechat"]
    await telling.all(
        "WeChat issues",
        [
            telling.doors.post(f"{API}/posts", _post(telling, post), at=post.published_at + timedelta(minutes=10))
            for post in by_hand
        ],
    )
    telling.promised["campaign.post_published"] += len(by_hand)


def say(telling: Telling) -> None:
    """What the year brought."""
    script = telling.script
    channels = Counter(post.channel for post in script.posts)
    telling.out.step(
        "to September",
        f"{len(COLUMNS)} columns, {channels['wechat']} WeChat issues (over HTTP), {channels['weibo']} Weibo posts "
        f"(by intake); {len(script.shares):,} shares, of which {sum(map(feeds.is_late, script.shares))} of June were "
        "reported in September",
    )


def _column(column: Column) -> dict[str, object]:
    return {"title": dict(column.title), "opened_on": column.opened_on.date().isoformat(), "unit_id": CITY}


def _post(telling: Telling, post: Post) -> dict[str, object]:
    told: dict[str, object] = {
        "channel": post.channel,
        "unit_id": post.unit_id,
        "title": post.title,
        "url": post.url,
        "published_at": post.published_at.isoformat(),
    }
    return told if post.column is None else told | {"column_id": telling.ids["column", post.column]}
