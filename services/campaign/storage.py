"""Writes, and the reads that decisions rest on. Every function takes the caller's connection and its transaction."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shared.locks import Family, hold_names
from shared.postgres import Connection

# -- the roster held still ---------------------------------------------------------------------------------------------


async def hold_roster(connection: Connection) -> None:
    """Until the transaction ends, no withdrawal or departure takes force between a share's check and its logging.

    Who logs shares holds this lock in common with others who do; who projects a withdrawal or departure takes it alone
    (``change_roster``): waits for them and keeps the next ones waiting. So a share is either seen by the reaction that
    voids it, or checked against a roster that knows of the withdrawal. One lock for all volunteers costs a batch one
    statement, and taking it alone is rare.

    It comes before every other lock (of parking, rows, streams): takers, settling and projections would otherwise wait
    for one another in a circle.
    """
    await hold_names(connection, Family.CAMPAIGN_ROSTER, [".roster"], shared=True)


async def change_roster(connection: Connection) -> None:
    """Waits for whoever logs shares, and keeps others from it until the transaction ends."""
    await hold_names(connection, Family.CAMPAIGN_ROSTER, [".roster"])


# -- columns and posts -------------------------------------------------------------------------------------------------


async def insert_column(
    connection: Connection, column_id: UUID, unit_id: str, county: str, title: Mapping[str, str], opened_on: date
) -> None:
    await connection.execute(
        "insert into post_column (column_id, unit_id, county, title, opened_on) values ($1, $2, $3, $4, $5)",
        column_id,
        unit_id,
        county,
        title,
        opened_on,
    )


async def known_columns(connection: Connection, column_ids: Collection[UUID]) -> set[UUID]:
    if not column_ids:
        return set()
    rows = await connection.fetch(
        "select column_id from post_column where column_id = any($1::uuid[])", list(column_ids)
    )
    return {row["column_id"] for row in rows}


class PostRow(NamedTuple):
    """A row of ``post`` as it is entered."""

    post_id: UUID
    column_id: UUID | None
    channel: str
    unit_id: str
    county: str
    title: str
    url: str
    published_at: datetime


async def insert_posts(connection: Connection, posts: Sequence[PostRow]) -> set[UUID]:
    """Enters posts. Returns the ids of those whose link no standing post had."""
    if not posts:
        return set()
    posts = sorted(posts, key=lambda post: url_digest(post.url))  # two batches wait for each other in one order
    rows = await connection.fetch(
        """insert into post (post_id, column_id, channel, unit_id, county, title, url, url_digest, published_at)
           select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                $8::bytea[], $9::timestamptz[])
           on conflict (url_digest) where withdrawn_at is null do nothing returning post_id""",
        [post.post_id for post in posts],
        [post.column_id for post in posts],
        [post.channel for post in posts],
        [post.unit_id for post in posts],
        [post.county for post in posts],
        [post.title for post in posts],
        [post.url for post in posts],
        [url_digest(post.url) for post in posts],
        [post.published_at for post in posts],
    )
    return {row["post_id"] for row in rows}


async def lock_post(connection: Connection, post_id: UUID) -> Any | None:
    return await connection.fetchrow("select * from post where post_id = $1 for update", post_id)


async def withdraw_post(connection: Connection, post_id: UUID, at: datetime, reason: str) -> None:
    await connection.execute(
        "update post set withdrawn_at = $2, withdrawn_reason = $3 where post_id = $1", post_id, at, reason
    )


async def posts_of(connection: Connection, post_ids: Collection[UUID], urls: Collection[str]) -> list[Any]:
    """The posts with these ids or links, withdrawn ones too: post_id, url, published_at, withdrawn_at."""
    return await connection.fetch(
        """select post_id, url, published_at, withdrawn_at from post
           where post_id = any($1::uuid[]) or url_digest = any($2::bytea[])""",
        list(post_ids),
        [url_digest(url) for url in urls],
    )


def url_digest(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()


# -- shares ------------------------------------------------------------------------------------------------------------


class RepostRow(NamedTuple):
    """A row of ``repost`` as it is logged."""

    repost_id: UUID
    post_id: UUID
    volunteer_id: UUID
    account_id: UUID
    shared_at: datetime
    platform: str
    county: str
    link: str | None
    report_source: str | None
    report_id: str | None


async def insert_reposts(connection: Connection, reposts: Sequence[RepostRow]) -> set[UUID]:
    """Logs shares. Returns the ids of those whose account had no counted share of the post."""
    if not reposts:
        return set()
    # Two batches wait for each other in one order.
    ordered = sorted(reposts, key=lambda repost: (repost.account_id.int, repost.post_id.int))
    rows = await connection.fetch(
        """insert into repost (repost_id, post_id, volunteer_id, account_id, shared_at, platform, county, link,
                               report_source, report_id)
           select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[],
                                $7::text[], $8::text[], $9::text[], $10::text[])
           on conflict (account_id, post_id) where voided_at is null do nothing returning repost_id""",
        *(list(column) for column in zip(*ordered, strict=True)),
    )
    return {row["repost_id"] for row in rows}


async def lock_repost(connection: Connection, repost_id: UUID) -> Any | None:
    return await connection.fetchrow("select * from repost where repost_id = $1 for update", repost_id)


async def lock_reported(connection: Connection, reports: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """Shares by the (source, id) of the report that told them."""
    rows = await connection.fetch(
        """select * from repost
           where (report_source, report_id) in (select * from unnest($1::text[], $2::text[]))
           order by repost_id for update""",
        [source for source, _ in reports],
        [id for _, id in reports],
    )
    return {(row["report_source"], row["report_id"]): row for row in rows}


async def answered(connection: Connection, reports: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the reports, by (source, id), that have been decided."""
    if not reports:
        return set()
    rows = await connection.fetch(
        """select source, id from intake_request
           where (source, id) in (select * from unnest($1::text[], $2::text[])) and answer is not null""",
        [source for source, _ in reports],
        [id for _, id in reports],
    )
    return {(row["source"], row["id"]) for row in rows}


async def lock_counted_since(connection: Connection, since: Mapping[UUID, datetime]) -> list[Any]:
    """Shares not voided that these volunteers made from these moments on."""
    return await connection.fetch(
        """select r.* from unnest($1::uuid[], $2::timestamptz[]) as c (volunteer_id, since)
           join repost r on r.volunteer_id = c.volunteer_id and r.shared_at >= c.since
           where r.voided_at is null order by r.repost_id for update of r""",
        list(since),
        list(since.values()),
    )


async def void_reposts(connection: Connection, voids: Sequence[tuple[UUID, datetime, str]]) -> None:
    """Voids shares: (repost_id, when, reason)."""
    await connection.execute(
        """update repost r set voided_at = d.at, void_reason = d.reason
           from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as d (repost_id, at, reason)
           where r.repost_id = d.repost_id""",
        [repost_id for repost_id, _, _ in voids],
        [at for _, at, _ in voids],
        [reason for _, _, reason in voids],
    )


# -- refused shares ----------------------------------------------------------------------------------------------------


class RefusedRow(NamedTuple):
    """A share that was refused; the post by id or link."""

    refusal_id: UUID
    volunteer_id: UUID
    account_id: UUID | None
    post_id: UUID | None
    url_digest: bytes | None
    shared_at: datetime
    code: str
    refused_at: datetime


async def note_refused(connection: Connection, rows: Sequence[RefusedRow]) -> None:
    """Notes refused shares of known volunteers. A post that is not known is left out."""
    if not rows:
        return
    await connection.execute(
        """insert into refused_share (refusal_id, volunteer_id, account_id, post_id, shared_at, code, refused_at)
           select distinct on (d.volunteer_id, d.account_id, p.post_id, d.shared_at, d.code)
                  d.refusal_id, d.volunteer_id, d.account_id, p.post_id, d.shared_at, d.code, d.refused_at
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::timestamptz[], $7::text[],
                       $8::timestamptz[])
                as d (refusal_id, volunteer_id, account_id, post_id, url_digest, shared_at, code, refused_at)
           left join lateral (select post_id from post where post_id = d.post_id or url_digest = d.url_digest
                              order by withdrawn_at nulls first limit 1) p on true
           where exists (select from movement m where m.volunteer_id = d.volunteer_id)
           order by d.volunteer_id, d.account_id, p.post_id, d.shared_at, d.code
           on conflict (volunteer_id, account_id, post_id, shared_at, code)
           do update set refused_at = excluded.refused_at""",
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def forget_refused(connection: Connection, before: datetime) -> None:
    await connection.execute("delete from refused_share where refused_at < $1", before)


# -- links to volunteers' own pages ------------------------------------------------------------------------------------


async def replace_link(connection: Connection, token_hash: bytes, volunteer_id: UUID, by: str, at: datetime) -> None:
    await revoke_link(connection, volunteer_id, at)
    await connection.execute(
        "insert into volunteer_link (token_hash, volunteer_id, issued_by, issued_at) values ($1, $2, $3, $4)",
        token_hash,
        volunteer_id,
        by,
        at,
    )


async def revoke_link(connection: Connection, volunteer_id: UUID, at: datetime) -> bool:
    """Whether there was a living one."""
    done = await connection.execute(
        "update volunteer_link set revoked_at = $2 where volunteer_id = $1 and revoked_at is null", volunteer_id, at
    )
    return not done.endswith(" 0")


async def volunteer_of_link(connection: Connection, token_hash: bytes) -> UUID | None:
    return await connection.fetchval(
        "select volunteer_id from volunteer_link where token_hash = $1 and revoked_at is null", token_hash
    )


# -- reports and reactions ---------------------------------------------------------------------------------------------


async def wake_withdrawals(connection: Connection) -> None:
    """Wakes parked withdrawals whose report has been answered since.

    Asked for at each settling, from the few that wait: were the many that are answered to say so, each of them would
    take a lock in case somebody waits for it.
    """
    await connection.execute(
        """update parked p set arrived = true
           where (p.source, p.id) in (
               select w.source, w.id from parked w
               join intake_request r on r.source = w.source
                   and r.id = substr(w.thing, length('report/' || w.source || ' ') + 1)
               where not w.arrived and w.thing like 'report/%' and r.answer is not null for update of w skip locked
           )"""
    )


async def handle_once(connection: Connection, event_ids: Sequence[UUID]) -> set[UUID]:
    """Notes events that a reaction answers. Returns those it has not answered before."""
    rows = await connection.fetch(
        """insert into inbox (event_id) select * from unnest($1::uuid[]) as id order by id
           on conflict do nothing returning event_id""",
        list(event_ids),
    )
    return {row["event_id"] for row in rows}
