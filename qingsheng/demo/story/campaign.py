"""Columns, posts and shares of the story. Links are of reserved domains: nothing here was published anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from qingsheng.demo.story import SEED, SYNTHETIC, at, day
from qingsheng.demo.story.people import LEFT, Volunteer
from qingsheng.demo.story.places import CITY, PARTS

COUNTED = {"wechat": 996, "weibo": 2048}
"""Shares that count in the end."""
WITHDRAWN = {"wechat": 5, "weibo": 10}
"""Shares that their volunteers took back."""
FIRST, LAST = day("03-03"), day("09-23")
END = at(day("09-26"), 17)
"""No share is later than this."""


@dataclass(frozen=True)
class Column:
    ref: str
    title: Mapping[str, str]
    opened_on: datetime


@dataclass(frozen=True)
class Post:
    """``channel``: weibo, wechat. ``column``: reference of one."""

    ref: str
    channel: str
    unit_id: str
    title: str
    url: str
    published_at: datetime
    column: str | None


@dataclass(frozen=True)
class Share:
    """``fate``: counted, withdrawn (by its volunteer), or void (its volunteer had left, as was told later)."""

    volunteer: Volunteer
    post: Post
    shared_at: datetime
    fate: str = "counted"


COLUMNS = (
    Column("voices", {"zh": f"青年声音（{SYNTHETIC}）", "en": "Young voices (synthetic)"}, at(day("03-03"), 9)),
    Column("stories", {"zh": f"身边故事（{SYNTHETIC}）", "en": "Stories nearby (synthetic)"}, at(day("04-08"), 9)),
)


def posts() -> list[Post]:
    """The 64 Weibo posts and 32 WeChat issues, in the order of their publication."""
    rng = Random(f"{SEED} posts")
    made: list[Post] = []
    for unit_id, part in PARTS.items():
        for channel, count in (("weibo", part.weibo), ("wechat", part.wechat)):
            for number in range(1, count + 1):
                on = FIRST + timedelta(days=rng.randint(0, (LAST - FIRST).days))
                published_at = at(on, rng.randint(8, 18), rng.randint(0, 59))
                column = rng.choice([None, *(c.ref for c in COLUMNS if c.opened_on <= published_at)])
                made.append(
                    Post(
                        ref=f"{channel}-{unit_id}-{number}",
                        channel=channel,
                        unit_id=unit_id,
                        title=f"{'微博' if channel == 'weibo' else '微信'}第 {number} 期（{SYNTHETIC}）",
                        url=f"https://{channel}.example/{unit_id}/2014/{number}",
                        published_at=published_at,
                        column=column if unit_id == CITY else None,
                    )
                )
    return sorted(made, key=lambda post: post.published_at)


def shares(people: Sequence[Volunteer], published: Sequence[Post]) -> list[Share]:
    """Every share that is logged, each account and post once, in the order of sharing."""
    rng = Random(f"{SEED} shares")
    eager = {
        person.ref: 0.0 if rng.random() < 0.45 else PARTS[person.county].sharing * rng.lognormvariate(0, 1)
        for person in people
    }
    made: list[Share] = []
    for channel, total in COUNTED.items():
        of_channel = [post for post in published if post.channel == channel]
        owners = [p for p in people if p.account.platform == channel and eager[p.ref] and p.ref not in LEFT]
        ready = {post.ref: [p for p in owners if p.may_share(post.published_at)] for post in of_channel}
        counts = _spread(rng, {ref: len(found) for ref, found in ready.items()}, total + WITHDRAWN[channel])
        logged = [
            Share(person, post, _moment(rng, post))
            for post in of_channel
            for person in _drawn(rng, ready[post.ref], eager, counts[post.ref])
        ]
        early = [place for place, share in enumerate(logged) if share.shared_at < at(day("09-05"), 0)]
        for place in rng.sample(early, WITHDRAWN[channel]):
            logged[place] = Share(logged[place].volunteer, logged[place].post, logged[place].shared_at, "withdrawn")
        made += logged
    made += [_after_leaving(person, published) for person in people if person.left_on]
    return sorted(made, key=lambda share: (share.shared_at, share.volunteer.ref))


def _spread(rng: Random, ready: Mapping[str, int], total: int) -> dict[str, int]:
    """The total over the posts, about as many as volunteers were there to share, never more than a third of them."""
    weights = {ref: count * rng.uniform(0.6, 1.4) for ref, count in ready.items()}
    whole = sum(weights.values())
    counts = {ref: min(int(total * weight / whole), ready[ref] // 3) for ref, weight in weights.items()}
    while (left := total - sum(counts.values())) > 0:
        roomy = [ref for ref in counts if counts[ref] < ready[ref] // 3]
        for ref in rng.sample(roomy, min(left, len(roomy))):
            counts[ref] += 1
    return counts


def _drawn(rng: Random, people: Sequence[Volunteer], eager: Mapping[str, float], count: int) -> list[Volunteer]:
    """Without putting back, the eager ones likelier."""
    return sorted(people, key=lambda person: rng.random() ** (1 / eager[person.ref]), reverse=True)[:count]


def _moment(rng: Random, post: Post) -> datetime:
    later = post.published_at + timedelta(minutes=2 + rng.expovariate(1 / (36 * 60)))
    latest = min(post.published_at + timedelta(days=6), END)
    return min(later, latest).replace(microsecond=0)


def _after_leaving(person: Volunteer, published: Sequence[Post]) -> Share:
    """Made two days after leaving, reported before the leaving was told."""
    assert person.left_on
    shared_at = at(person.left_on + timedelta(days=2), 20)
    before = [p for p in published if p.channel == person.account.platform and p.published_at < shared_at]
    return Share(person, before[-1], shared_at, "void")
