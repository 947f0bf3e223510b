"""What the campaign takes and what it refuses: pure decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.contracts.envelope import NOON
from shared.contracts.refusals import Refusal
from shared.roster_view.rules import Account, Movement, is_disclosed, place_on

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=24)


class Post(NamedTuple):
    """A post as far as shares of it are concerned."""

    post_id: UUID
    published_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Share:
    """A share as somebody tells of it; the post by exactly one of ``post_id`` and ``post_url``.

    ``report``: (source, id) of the intake report that told it.
    """

    volunteer_id: UUID
    account_id: UUID
    shared_at: datetime
    post_id: UUID | None = None
    post_url: str | None = None
    link: str | None = None
    report: tuple[str, str] | None = None


class Counted(NamedTuple):
    """A share that counts: for which county, on which platform, of which post."""

    county: str
    platform: str
    post_id: UUID


class Missing(NamedTuple):
    """A share that would count but for something not seen yet, which may still come. ``refusal``: if it does not."""

    what: Literal["volunteer", "account", "post"]
    refusal: Refusal


def is_timely(at: datetime, now: datetime) -> bool:
    """Whether a fact may be dated so: from 2000 on, and at most 24 hours ahead."""
    return EARLIEST <= at <= now + AHEAD


def is_timely_day(day: date, now: datetime, zone: ZoneInfo) -> bool:
    """The same of a local day, which stands for its noon."""
    return is_timely(datetime.combine(day, NOON, zone), now)


def may_count(share: Share, movements: Sequence[Movement], disclosures: Sequence[Account], zone: ZoneInfo) -> bool:
    """Charter C2, as far as the roster tells: the volunteer was registered on the local day of the share, and the
    account, the volunteer's own, was disclosed and verified when it was made."""
    own = [move for move in disclosures if move.volunteer_id == share.volunteer_id]
    return place_on(movements, _day(share, zone)) is not None and is_disclosed(own, share.shared_at)


def last_county(movements: Sequence[Movement]) -> str | None:
    """The county of a volunteer, or the one that was left; None where nothing is known."""
    last = max(movements, key=lambda movement: (movement.day, movement.sequence), default=None)
    return None if last is None else last.county


def judge(
    share: Share,
    movements: Sequence[Movement],
    disclosures: Sequence[Account],
    posts: Sequence[Post],
    now: datetime,
    zone: ZoneInfo,
) -> Counted | Missing | Refusal:
    """Whether a share counts. ``movements`` of its volunteer, ``disclosures`` of its account (with withdrawals),
    ``posts`` that its id or link stands for; empty where nothing is known.

    What is certainly wrong is refused at once, even where something else is still missing.
    """
    if not is_timely(share.shared_at, now):
        return Refusal("time_out_of_range", pointer="/shared_at")
    missing: list[Missing] = []

    place = None
    if not any(movement.unit_id for movement in movements):
        # A departure may be seen before the registration it follows.
        missing.append(Missing("volunteer", Refusal("unknown_volunteer", pointer="/volunteer_id")))
    else:
        place = place_on(movements, _day(share, zone))
        if place is None:
            return Refusal("volunteer_not_active", pointer="/volunteer_id")

    own = [move for move in disclosures if move.volunteer_id == share.volunteer_id]
    platform = None
    if disclosures and not own:
        return Refusal("unknown_account", pointer="/account_id")
    if not any(move.opens for move in own):
        missing.append(Missing("account", Refusal("unknown_account", pointer="/account_id")))
    elif not is_disclosed(own, share.shared_at):
        return Refusal("account_not_disclosed", pointer="/account_id")
    else:
        platform = _platform(own, share.shared_at)

    post = _post_standing_at(posts, share.shared_at)
    post_pointer = "/post_id" if share.post_url is None else "/post_url"
    if not posts:
        missing.append(Missing("post", Refusal("unknown_post", pointer=post_pointer)))
    elif all(share.shared_at < known.published_at for known in posts):
        return Refusal("time_out_of_range", pointer="/shared_at")
    elif post is None:
        return Refusal("unknown_post", pointer=post_pointer)

    if place is None or platform is None or post is None:
        return missing[0]
    return Counted(place.county, platform, post.post_id)


def _post_standing_at(posts: Sequence[Post], at: datetime) -> Post | None:
    """The post that stood at that moment; of several under one link rather one that still stands."""
    stood = [
        post for post in posts if post.published_at <= at and (post.withdrawn_at is None or at < post.withdrawn_at)
    ]
    return min(stood, key=lambda post: (post.withdrawn_at is not None, post.post_id), default=None)


def _platform(disclosures: Sequence[Account], at: datetime) -> str | None:
    opened = [move for move in disclosures if move.opens and move.since <= at]
    return max(opened, key=lambda move: move.sequence).platform


def _day(share: Share, zone: ZoneInfo) -> date:
    return share.shared_at.astimezone(zone).date()
