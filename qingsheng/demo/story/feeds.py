"""The feed of posts and shares: every Friday evening what the week brought, with what real feeds bring besides."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from qingsheng.demo.story import SEED, at, day
from qingsheng.demo.story.campaign import Post, Share
from qingsheng.demo.story.people import Volunteer
from qingsheng.demo.story.reports import Named, Report

PRODUCER = "city-feeds"
LATE_COUNTY = "350924"
LATE_AT = at(day("09-12"), 18)
"""When that county's shares of June were reported at last, long after the half-year meeting."""
MEETING = at(day("07-17"), 9)
A_WEEK = timedelta(days=7)


def reports(posts: Sequence[Post], shares: Sequence[Share], people: Sequence[Volunteer]) -> list[Report]:
    """The whole feed, in the order of its weeks."""
    rng = Random(f"{SEED} feeds")
    told = [_share(number, share) for number, share in enumerate(shares, 1)]
    whole = [
        *_posts(posts),
        *told,
        *_withdrawals(told, shares),
        *_repeats(rng, told),
        *_refused(rng, told, shares, people),
        *_unreadable(rng, told),
    ]
    return sorted(whole, key=lambda report: report.time)


def halves(feed: Sequence[Report]) -> tuple[list[Report], list[Report]]:
    """What came before the half-year meeting of 17 July, and what came after."""
    return [report for report in feed if report.time < MEETING], [report for report in feed if report.time >= MEETING]


def is_late(share: Share) -> bool:
    """One county's shares of June came in September."""
    return share.volunteer.county == LATE_COUNTY and share.shared_at.month == 6


def friday_after(moment: datetime) -> datetime:
    """18:00 on the next Friday."""
    friday = at(moment.date() + timedelta(days=(4 - moment.weekday()) % 7), 18)
    return friday if friday > moment else friday + A_WEEK


def _posts(posts: Sequence[Post]) -> Iterator[Report]:
    """Weibo posts; the WeChat issues are entered by hand. Every tenth is told a week late, after its first shares."""
    for number, post in enumerate((p for p in posts if p.channel == "weibo"), 1):
        time = friday_after(post.published_at)
        yield Report(
            "campaign",
            f"post-{number}",
            "post_reported",
            time + A_WEEK if number % 10 == 0 and time < LATE_AT else time,
            {
                "channel": post.channel,
                "column_id": None if post.column is None else Named("column", post.column),
                "unit_id": post.unit_id,
                "title": post.title,
                "url": post.url,
                "published_at": post.published_at,
            },
            key=post.url,
        )


def _share(number: int, share: Share) -> Report:
    return Report(
        "campaign",
        f"share-{number}",
        "repost_reported",
        LATE_AT if is_late(share) else friday_after(share.shared_at),
        {
            "volunteer_id": Named("volunteer", share.volunteer.ref),
            "account_id": Named("account", share.volunteer.ref),
            "post_url": share.post.url,
            "shared_at": share.shared_at,
            "link": f"https://{share.post.channel}.example/s/{number}",
        },
        key=share.volunteer.ref,
    )


def _withdrawals(told: Sequence[Report], shares: Sequence[Share]) -> Iterator[Report]:
    """Shares taken back two weeks after they were reported; one is taken back twice, one was never reported."""
    withdrawn = [report for report, share in zip(told, shares, strict=True) if share.fate == "withdrawn"]
    for number, report in enumerate(withdrawn, 1):
        reason = "volunteer_request" if number % 3 else "link_removed"
        taken_back = Report(
            "campaign",
            f"withdraw-{number}",
            "repost_withdrawn",
            report.time + 2 * A_WEEK,
            {"report_id": report.id, "reason": reason},
            key=report.key,
        )
        yield taken_back
        if number == 1:
            yield replace(
                taken_back, id="withdraw-1-again", time=taken_back.time + A_WEEK, answers=("already_withdrawn",)
            )
    # The last one.
    yield replace(
        taken_back,
        id="withdraw-unknown",
        data={"report_id": "share-never-reported", "reason": "error"},
        answers=("unknown_report",),
    )


def _repeats(rng: Random, told: Sequence[Report]) -> Iterator[Report]:
    """The same id again: with the same content, as feeds do that were restarted, or carelessly with other content."""
    for report in rng.sample(told, 60):
        yield replace(report, answers=())
    for report in rng.sample(told, 12):
        moved = {**report.data, "shared_at": report.data["shared_at"] + timedelta(minutes=1)}
        yield replace(report, data=moved, answers=("id_reused",))


def _refused(
    rng: Random, told: Sequence[Report], shares: Sequence[Share], people: Sequence[Volunteer]
) -> Iterator[Report]:
    """What is answered with a code."""
    good = [r for r, s in zip(told, shares, strict=True) if s.fate == "counted" and not is_late(s)]

    def others(name: str, count: int, code: str) -> Iterator[Report]:
        # What waits in vain for something unknown comes in the second half, so that the first is soon answered.
        reports = halves(good)[1] if code.startswith("unknown_") else good
        for number, report in enumerate(rng.sample(reports, count), 1):
            yield replace(report, id=f"{name}-{number}", answers=(code,))

    def changed(name: str, count: int, code: str, **fields: object) -> Iterator[Report]:
        for report in others(name, count, code):
            yield replace(report, data={**report.data, **fields})

    yield from others("twice", 20, "already_logged")
    yield from _unverified(rng, shares, people)
    yield from changed("stranger", 5, "unknown_volunteer", volunteer_id=nobody(rng), account_id=nobody(rng))
    yield from changed("undisclosed", 10, "unknown_account", account_id=nobody(rng))
    yield from changed("elsewhere", 8, "unknown_post", post_url="https://weibo.example/not-ours")
    yield from changed("likes", 4, "schema", likes=120)
    yield from changed("when", 2, "schema", shared_at="2014-06-01 10:00")
    yield from changed("wrong-clock", 3, "time_out_of_range", shared_at=at(day("12-31"), 9))
    for report in others("posing", 1, "source_not_allowed"):
        yield replace(report, source="/ext/another-system")
    for report in others("comment", 2, "unknown_type"):
        yield replace(report, type="comment_reported")


def _unverified(rng: Random, shares: Sequence[Share], people: Sequence[Volunteer]) -> Iterator[Report]:
    """Shares from accounts not yet seen and verified, and shares from before the volunteers registered."""
    found: dict[str, list[Share]] = {"account_not_disclosed": [], "volunteer_not_active": []}
    for person in people:
        for post in {share.post.ref: share.post for share in shares}.values():
            if post.channel != person.account.platform:
                continue
            shared_at = post.published_at + timedelta(hours=3)
            if person.is_active(shared_at) and shared_at < person.account.verified_at:
                found["account_not_disclosed"].append(Share(person, post, shared_at))
            elif shared_at.date() < person.registered_on:
                found["volunteer_not_active"].append(Share(person, post, shared_at))
    for code, count in (("account_not_disclosed", 25), ("volunteer_not_active", 10)):
        for number, share in enumerate(rng.sample(found[code], count), 1):
            told = _share(number, share)
            # Told once the account is verified, that is in the roster; the share itself was too early.
            time = friday_after(max(share.shared_at, share.volunteer.account.verified_at))
            yield replace(told, id=f"{code.replace('_', '-')}-{number}", time=time, answers=(code,))


def _unreadable(rng: Random, told: Sequence[Report]) -> Iterator[Report]:
    """Broken records. Without an id nobody can be answered: they go to the dead letters."""
    for number, report in enumerate(rng.sample(told, 6), 1):
        raw = '{"specversion": "1.0", "id": "cut-off' if number % 2 else '{"specversion": "1.0", "type": "no id"}'
        yield replace(report, id=f"broken-{number}", raw=raw, answers=())


def nobody(rng: Random) -> str:
    """An id that is nobody's."""
    return str(UUID(int=rng.getrandbits(128), version=4))
