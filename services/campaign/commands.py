"""What the campaign does, within the caller's transaction. Batches are decided in order, in a few statements each.

Commands on one thing append their events and raise Refusal; batches leave the events to their caller, as outcomes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.campaign import rules, storage
from services.campaign.rules import Share
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.campaign import (
    Channel,
    ColumnOpened,
    PostPublished,
    PostWithdrawn,
    PostWithdrawReason,
    RepostLogged,
    RepostVoided,
    RepostVoidReason,
)
from shared.contracts.fields import Names
from shared.contracts.refusals import Refusal
from shared.contracts.topics import events_topic, intake_topic
from shared.delivery import parking
from shared.delivery.intake import Accepted, Outcome, Waiting
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection
from shared.roster_view import storage as roster

POSTS_ARRIVE_ON = intake_topic("campaign", "")
"""Ends with a dot: the intake topics of every producer."""


# -- columns and posts -------------------------------------------------------------------------------------------------


async def open_column(
    connection: Connection, clock: Clock, who: Principal, title: Names, opened_on: date, unit_id: str
) -> tuple[UUID, str]:
    """Opens a column of a unit; returns its id, and the unit's county. Raises ``unknown_unit``, ``forbidden``,
    ``time_out_of_range``."""
    if not rules.is_timely_day(opened_on, clock.now(), clock.zone):
        raise Refusal("time_out_of_range", pointer="/opened_on")
    unit = (await roster.units(connection, [unit_id])).get(unit_id)
    if unit is None:
        raise Refusal("unknown_unit", pointer="/unit_id")
    who.must_serve(unit["county"])
    column_id = uuid7()
    named = title.model_dump(exclude_none=True)
    await storage.insert_column(connection, column_id, unit_id, unit["county"], named, opened_on)
    opened = ColumnOpened(column_id=column_id, title=title, opened_on=opened_on)
    await append(connection, [Draft(opened, unit["county"])], clock)
    return column_id, unit["county"]


@dataclass(frozen=True, slots=True)
class NewPost:
    """A post as somebody tells of it."""

    channel: Channel
    unit_id: str
    title: str
    url: str
    published_at: datetime
    column_id: UUID | None = None


async def publish_all(connection: Connection, clock: Clock, who: Principal, posts: Sequence[NewPost]) -> list[UUID]:
    """Records posts that belong together, such as one text on several channels: all of them, or raises the first refusal,
    its pointer before it the post's place in the list."""
    outcomes = await publish_posts(connection, clock, posts, who.county)
    for place, outcome in enumerate(outcomes):
        if isinstance(outcome, Refusal):
            raise Refusal(outcome.code, pointer=f"/{place}{outcome.pointer or ''}", **outcome.detail)
    return [await _concluded(connection, clock, outcome) for outcome in outcomes]


async def publish_post(connection: Connection, clock: Clock, who: Principal, post: NewPost) -> UUID:
    """Records one published post; raises what ``publish_posts`` refuses."""
    [outcome] = await publish_posts(connection, clock, [post], who.county)
    return await _concluded(connection, clock, outcome)


async def publish_posts(
    connection: Connection, clock: Clock, posts: Sequence[NewPost], county: str | None = None
) -> list[Outcome]:
    """Records posts that were published. Refuses ``time_out_of_range``, ``unknown_unit``, ``unknown_column``,
    ``already_recorded`` where a post that stands has the same link, letter by letter, and ``forbidden`` for a unit of
    another than ``county``, if told."""
    units = await roster.units(connection, {post.unit_id for post in posts})
    columns = await storage.known_columns(connection, {post.column_id for post in posts if post.column_id})
    now = clock.now()
    outcomes: list[Outcome] = []
    entering: dict[str, storage.PostRow] = {}
    for post in posts:
        if refusal := flaw_of(post, now):
            outcomes.append(refusal)
        elif post.unit_id not in units:
            outcomes.append(Refusal("unknown_unit", pointer="/unit_id"))
        elif county and units[post.unit_id]["county"] != county:
            outcomes.append(Refusal("forbidden", pointer="/unit_id"))
        elif post.column_id and post.column_id not in columns:
            outcomes.append(Refusal("unknown_column", pointer="/column_id"))
        elif post.url in entering:
            outcomes.append(_same_link())
        else:
            row = storage.PostRow(
                uuid7(),
                post.column_id,
                post.channel,
                post.unit_id,
                units[post.unit_id]["county"],
                post.title,
                post.url,
                post.published_at,
            )
            entering[post.url] = row
            published = PostPublished(
                post_id=row.post_id,
                column_id=row.column_id,
                channel=post.channel,
                unit_id=row.unit_id,
                title=row.title,
                url=row.url,
                published_at=row.published_at,
            )
            outcomes.append(Accepted([Draft(published, row.county)], [f"post/{row.post_id}"]))
    entered = await storage.insert_posts(connection, list(entering.values()))
    # Another transaction may have been first; the index decides.
    barred = {f"post/{row.post_id}" for row in entering.values() if row.post_id not in entered}
    outcomes = [_same_link() if isinstance(o, Accepted) and o.subjects[0] in barred else o for o in outcomes]
    known = [thing for row in entering.values() if row.post_id in entered for thing in _names_of_post(row)]
    await parking.arrived(connection, known)
    return outcomes


def flaw_of(post: NewPost, now: datetime) -> Refusal | None:
    """What is wrong with a post whatever else is known."""
    timely = rules.is_timely(post.published_at, now)
    return None if timely else Refusal("time_out_of_range", pointer="/published_at")


async def withdraw_post(
    connection: Connection,
    clock: Clock,
    who: Principal,
    post_id: UUID,
    reason: PostWithdrawReason,
    version: int | None = None,
) -> None:
    """Withdraws a post; its shares stay. ``version``: the one the caller read, if told. Raises ``not_found``,
    ``forbidden``, ``version_conflict``, ``invalid_state`` for one withdrawn before."""
    post = await storage.lock_post(connection, post_id)
    if post is None:
        raise Refusal("not_found")
    who.must_serve(post["county"])
    _check(version, 2 if post["withdrawn_at"] else 1)
    if post["withdrawn_at"]:
        raise Refusal("invalid_state", reason={"zh": "推文已撤下", "en": "the post is withdrawn already"})
    now = clock.now()
    await storage.withdraw_post(connection, post_id, now, reason)
    withdrawn = PostWithdrawn(
        post_id=post_id, unit_id=post["unit_id"], published_at=post["published_at"], reason=reason
    )
    await append(connection, [Draft(withdrawn, post["county"], now)], clock)


def _same_link() -> Refusal:
    return Refusal("already_recorded", pointer="/url")


def _names_of_post(post: storage.PostRow) -> list[str]:
    """What reports may wait for when they wait for this post."""
    return [f"post/{post.post_id}", _link_name(post.url)]


def _link_name(url: str) -> str:
    """By digest: a link may be longer than what parked reports are found by."""
    return f"post_url/{storage.url_digest(url).hex()}"


# -- shares ------------------------------------------------------------------------------------------------------------


async def log_repost(connection: Connection, clock: Clock, who: Principal, share: Share) -> UUID:
    """Logs one share; raises what ``log_reposts`` refuses, and what it would wait for as unknown."""
    [outcome] = await log_reposts(connection, clock, [share], who.county)
    return await _concluded(connection, clock, outcome)


async def log_list(
    connection: Connection, clock: Clock, who: Principal, shares: Sequence[Share]
) -> list[UUID | Refusal]:
    """Logs a list: for each share its id, or why it does not count, of which a note is kept."""
    outcomes = await log_reposts(connection, clock, shares, who.county)
    await append(connection, [draft for o in outcomes if isinstance(o, Accepted) for draft in o.drafts], clock)
    results = [_result(outcome) for outcome in outcomes]
    await note_refused(connection, clock, list(zip(shares, results, strict=True)))
    return results


async def note_refused(connection: Connection, clock: Clock, results: Sequence[tuple[Share, UUID | Refusal]]) -> None:
    """Keeps what a volunteer's own page says of shares that were refused; not that somebody may not enter them."""
    now = clock.now()
    rows = [
        storage.RefusedRow(
            uuid7(),
            share.volunteer_id,
            share.account_id,
            share.post_id,
            storage.url_digest(share.post_url) if share.post_url else None,
            share.shared_at,
            result.code,
            now,
        )
        for share, result in results
        if isinstance(result, Refusal) and result.code != "forbidden"
    ]
    await storage.note_refused(connection, rows)


async def log_reposts(
    connection: Connection, clock: Clock, shares: Sequence[Share], county_alone: str | None = None
) -> list[Outcome]:
    """Logs shares that count (charter C2); one that lacks what may still come is Waiting. Refuses
    ``time_out_of_range``, ``volunteer_not_active``, ``unknown_account``, ``account_not_disclosed``, ``unknown_post``,
    ``already_logged``, and ``forbidden`` for a volunteer of another county than ``county_alone``, if told."""
    await storage.hold_roster(connection)
    movements = await roster.movements(connection, {share.volunteer_id for share in shares})
    disclosures = await roster.accounts(connection, {share.account_id for share in shares})
    posts = await _posts_of(connection, shares)
    now = clock.now()
    outcomes: list[Outcome] = []
    logging: dict[tuple[UUID, UUID], storage.RepostRow] = {}
    for share in shares:
        verdict = rules.judge(
            share,
            movements.get(share.volunteer_id, ()),
            disclosures.get(share.account_id, ()),
            posts.get(share.post_id or share.post_url, ()),
            now,
            clock.zone,
        )
        match verdict:
            case Refusal():
                outcomes.append(verdict)
            case rules.Missing(what, refusal):
                outcomes.append(_waiting(share, what, refusal))
            case rules.Counted(county) if county_alone and county != county_alone:
                outcomes.append(Refusal("forbidden", pointer="/volunteer_id"))
            case rules.Counted(_, _, post_id) if (share.account_id, post_id) in logging:
                outcomes.append(Refusal("already_logged"))
            case rules.Counted(county, platform, post_id):
                row = storage.RepostRow(
                    uuid7(),
                    post_id,
                    share.volunteer_id,
                    share.account_id,
                    share.shared_at,
                    platform,
                    county,
                    share.link,
                    *(share.report or (None, None)),
                )
                logging[share.account_id, post_id] = row
                outcomes.append(Accepted([_logged(row)], [f"repost/{row.repost_id}"]))
    # Locks of missing things before locks of rows, as in settling: a batch and a settling that meet do not deadlock.
    await parking.lock(connection, [outcome.thing for outcome in outcomes if isinstance(outcome, Waiting)])
    logged = await storage.insert_reposts(connection, list(logging.values()))
    # The account may have shared the post before, or in another transaction; the index decides.
    barred = {f"repost/{row.repost_id}" for row in logging.values() if row.repost_id not in logged}
    return [
        Refusal("already_logged") if isinstance(outcome, Accepted) and outcome.subjects[0] in barred else outcome
        for outcome in outcomes
    ]


async def _posts_of(connection: Connection, shares: Sequence[Share]) -> dict[UUID | str | None, list[rules.Post]]:
    """The posts that the shares may be of, by id and by link."""
    rows = await storage.posts_of(
        connection,
        {share.post_id for share in shares if share.post_id},
        {share.post_url for share in shares if share.post_url},
    )
    found: dict[UUID | str | None, list[rules.Post]] = {}
    for row in rows:
        post = rules.Post(row["post_id"], row["published_at"], row["withdrawn_at"])
        found[post.post_id] = [post]
        found.setdefault(row["url"], []).append(post)
    return found


def _logged(row: storage.RepostRow) -> Draft:
    logged = RepostLogged.model_construct(  # the row was built from values already checked
        repost_id=row.repost_id,
        post_id=row.post_id,
        volunteer_id=row.volunteer_id,
        account_id=row.account_id,
        platform=row.platform,
        shared_at=row.shared_at,
    )
    return Draft(logged, row.county)


def _waiting(share: Share, what: str, refusal: Refusal) -> Waiting:
    match what:
        case "volunteer":
            return Waiting(f"volunteer/{share.volunteer_id}", events_topic("roster"), refusal)
        case "account":
            return Waiting(f"account/{share.account_id}", events_topic("roster"), refusal)
        case _:
            post = f"post/{share.post_id}" if share.post_id else _link_name(share.post_url or "")
            return Waiting(post, POSTS_ARRIVE_ON, refusal)


# -- voiding -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A producer takes back what it reported: ``source`` and ``report_id`` are of its own report."""

    source: str
    report_id: str
    reason: RepostVoidReason


async def withdraw_reports(connection: Connection, clock: Clock, withdrawals: Sequence[Withdrawal]) -> list[Outcome]:
    """Voids shares by the reports that told them. Refuses ``already_withdrawn``, and ``unknown_report`` where a report
    was itself refused or told no share; waits for one not decided yet."""
    now = clock.now()
    reports = [(each.source, each.report_id) for each in withdrawals]
    rows = await storage.lock_reported(connection, reports)
    in_vain = await storage.answered(connection, [report for report in reports if report not in rows])
    voids: dict[UUID, tuple[UUID, datetime, str]] = {}
    outcomes: list[Outcome] = []
    for each in withdrawals:
        row = rows.get((each.source, each.report_id))
        if row is None:
            unknown = Refusal("unknown_report", pointer="/report_id")
            name = f"report/{each.source} {each.report_id}"
            topic = intake_topic("campaign", each.source.removeprefix("/ext/"))
            known = (each.source, each.report_id) in in_vain
            outcomes.append(unknown if known else Waiting(name, topic, unknown))
        elif row["voided_at"] or row["repost_id"] in voids:
            outcomes.append(Refusal("already_withdrawn", pointer="/report_id"))
        else:
            voids[row["repost_id"]] = (row["repost_id"], now, each.reason)
            outcomes.append(Accepted([_voided(row, each.reason, now)], [f"repost/{row['repost_id']}"]))
    await storage.void_reposts(connection, list(voids.values()))
    return outcomes


async def void_repost(
    connection: Connection,
    clock: Clock,
    who: Principal,
    repost_id: UUID,
    reason: RepostVoidReason,
    version: int | None = None,
) -> None:
    """Voids a share. ``version``: the one the caller read, if told. Raises ``not_found``, ``forbidden``,
    ``version_conflict``, ``already_withdrawn``."""
    row = await storage.lock_repost(connection, repost_id)
    if row is None:
        raise Refusal("not_found")
    who.must_serve(row["county"])
    _check(version, 2 if row["voided_at"] else 1)
    await _void(connection, clock, row, reason)


async def void_own(connection: Connection, clock: Clock, volunteer_id: UUID, repost_id: UUID) -> None:
    """A volunteer takes a share back. Raises ``not_found``, also for another one's; ``already_withdrawn``."""
    row = await storage.lock_repost(connection, repost_id)
    if row is None or row["volunteer_id"] != volunteer_id:
        raise Refusal("not_found")
    await _void(connection, clock, row, "volunteer_request")


async def _void(connection: Connection, clock: Clock, row: Any, reason: RepostVoidReason) -> None:
    if row["voided_at"]:
        raise Refusal("already_withdrawn")
    now = clock.now()
    await storage.void_reposts(connection, [(row["repost_id"], now, reason)])
    await append(connection, [_voided(row, reason, now)], clock)


async def void_uncounted(
    connection: Connection, clock: Clock, since: Mapping[UUID, datetime], at: datetime
) -> list[Draft]:
    """Of the shares that these volunteers made from these moments on, voids those that do not count by what the roster
    tells now: as ``not_disclosed``, dated ``at``. The caller holds ``storage.change_roster``."""
    rows = await storage.lock_counted_since(connection, since)
    movements = await roster.movements(connection, {row["volunteer_id"] for row in rows})
    disclosures = await roster.accounts(connection, {row["account_id"] for row in rows})
    uncounted = [
        row
        for row in rows
        if not rules.may_count(
            Share(row["volunteer_id"], row["account_id"], row["shared_at"]),
            movements.get(row["volunteer_id"], ()),
            disclosures.get(row["account_id"], ()),
            clock.zone,
        )
    ]
    await storage.void_reposts(connection, [(row["repost_id"], at, "not_disclosed") for row in uncounted])
    return [_voided(row, "not_disclosed", at) for row in uncounted]


def _voided(row: Any, reason: RepostVoidReason, at: datetime) -> Draft:
    voided = RepostVoided(
        repost_id=row["repost_id"], volunteer_id=row["volunteer_id"], shared_at=row["shared_at"], reason=reason
    )
    return Draft(voided, row["county"], at)


# -- one at a time -----------------------------------------------------------------------------------------------------


async def _concluded(connection: Connection, clock: Clock, outcome: Outcome) -> UUID:
    """Publishes what was accepted and returns its subject's id; raises otherwise."""
    result = _result(outcome)
    if isinstance(result, Refusal):
        raise result
    assert isinstance(outcome, Accepted)
    await append(connection, outcome.drafts, clock)
    return result


def _result(outcome: Outcome) -> UUID | Refusal:
    match outcome:
        case Accepted(subjects=subjects):
            return UUID(subjects[0].partition("/")[2])
        case Waiting(refusal=refusal):
            return refusal
        case refusal:
            return refusal


def _check(told: int | None, present: int) -> None:
    if told is not None and told != present:
        raise Refusal("version_conflict")
