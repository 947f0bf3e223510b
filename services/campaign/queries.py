"""Reads for the API. Lists are in the order of their ids, which is that of entering."""

from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page

_CONCERNS = "({0}::text is null or {1}.county = {0} or exists (select from unit u where u.kind = 'city' and u.county = {1}.county))"
"""A county sees its own columns and posts, and those of the city level."""
_SHARES = "(select count(*) from repost r where r.post_id = p.post_id and r.voided_at is null) as shares"


async def columns(connection: Connection, county: str | None, cursor: str | None, limit: int) -> dict[str, Any]:
    rows = await connection.fetch(
        f"""select * from post_column c where ($1::uuid is null or column_id > $1) and {_CONCERNS.format("$3", "c")}
            order by column_id limit $2""",
        _last_id(cursor),
        limit + 1,
        county,
    )
    return page([dict(row) for row in rows], limit, ["column_id"])


async def column(connection: Connection, column_id: UUID, county: str | None = None) -> dict[str, Any]:
    """A column with the counts of its posts' shares. Raises ``not_found``; ``forbidden`` for one of another county than
    ``county``, if told."""
    row = await connection.fetchrow(
        f"""select c.*, {_CONCERNS.format("$2", "c")} as concerns,
                   (select count(*) from post p where p.column_id = c.column_id and p.withdrawn_at is null) as posts
            from post_column c where column_id = $1""",
        column_id,
        county,
    )
    counts = await connection.fetch(
        """select r.county, count(*) filter (where r.voided_at is null) as counted,
                  count(*) filter (where r.voided_at is not null) as voided
           from repost r join post p using (post_id) where p.column_id = $1 group by r.county order by r.county""",
        column_id,
    )
    return dict(_concerning(row)) | {"counts": _counts(counts)}


async def posts(
    connection: Connection,
    county: str | None,
    cursor: str | None,
    limit: int,
    *,
    column_id: UUID | None,
    url_digest: bytes | None,
) -> dict[str, Any]:
    """Posts, withdrawn ones too, each with the number of its shares that count."""
    rows = await connection.fetch(
        f"""select p.*, {_SHARES} from post p
            where ($1::uuid is null or post_id > $1) and ($2::uuid is null or column_id = $2)
                  and ($3::bytea is null or url_digest = $3) and {_CONCERNS.format("$5", "p")}
            order by post_id limit $4""",
        _last_id(cursor),
        column_id,
        url_digest,
        limit + 1,
        county,
    )
    return page([_post(row) for row in rows], limit, ["post_id"])


async def latest_posts(
    connection: Connection, county: str | None, cursor: str | None, limit: int, *, column_id: UUID | None = None
) -> dict[str, Any]:
    """The same for people: the latest published first, with the title of its column."""
    at, last = after(cursor, 2) or (None, None)
    rows = await connection.fetch(
        f"""select p.*, {_SHARES}, c.title as column_title from post p left join post_column c using (column_id)
            where ($1::text is null or (published_at, post_id) < ($1::text::timestamptz, $2::text::uuid))
                  and ($3::uuid is null or p.column_id = $3) and {_CONCERNS.format("$5", "p")}
            order by published_at desc, post_id desc limit $4""",
        at,
        last,
        column_id,
        limit + 1,
        county,
    )
    return page([_post(row) for row in rows], limit, ["published_at", "post_id"])


async def post(connection: Connection, post_id: UUID, county: str | None = None) -> dict[str, Any]:
    """A post with the counts of its shares. Raises as ``column``."""
    row = await connection.fetchrow(
        f"select p.*, {_CONCERNS.format('$2', 'p')} as concerns, {_SHARES} from post p where post_id = $1",
        post_id,
        county,
    )
    counts = await connection.fetch(
        """select county, count(*) filter (where voided_at is null) as counted,
                  count(*) filter (where voided_at is not null) as voided
           from repost where post_id = $1 group by county order by county""",
        post_id,
    )
    return _post(_concerning(row)) | {"counts": _counts(counts)}


async def reposts(
    connection: Connection,
    county: str | None,
    cursor: str | None,
    limit: int,
    *,
    volunteer_id: UUID | None,
    post_id: UUID | None,
) -> dict[str, Any]:
    """Shares, voided ones too; of ``county``, if told."""
    rows = await connection.fetch(
        """select * from repost
           where ($1::uuid is null or repost_id > $1) and ($2::uuid is null or volunteer_id = $2)
                 and ($3::uuid is null or post_id = $3) and ($5::text is null or county = $5)
           order by repost_id limit $4""",
        _last_id(cursor),
        volunteer_id,
        post_id,
        limit + 1,
        county,
    )
    return page([_repost(row) for row in rows], limit, ["repost_id"])


async def repost(connection: Connection, repost_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    return _repost(_found(await connection.fetchrow("select * from repost where repost_id = $1", repost_id)))


async def units(connection: Connection, county: str | None) -> list[Any]:
    """The units known (unit_id, name), the city's first; of ``county``, if told."""
    return await connection.fetch(
        """select unit_id, name from unit where $1::text is null or county = $1
           order by kind <> 'city', kind <> 'county', unit_id""",
        county,
    )


async def own_shares(connection: Connection, volunteer_id: UUID, cursor: str | None, limit: int) -> dict[str, Any]:
    """What a volunteer's own page lists, the latest share first: logged ones (``repost_id``, ``voided_at``,
    ``void_reason``) and refused ones (``code``), each with ``id``, ``shared_at``, ``platform``, and ``title`` and ``url`` of a
    post that is known. A refusal that a share logged since has made good is left out."""
    at, last = after(cursor, 2) or (None, None)
    rows = await connection.fetch(
        """select s.*, p.title, p.url from (
               select repost_id as id, repost_id, post_id, shared_at, platform, voided_at, void_reason, null as code
               from repost where volunteer_id = $1
               union all
               select refusal_id, null, post_id, shared_at, null, null, null, code
               from refused_share f where volunteer_id = $1 and (code = 'already_logged' or not exists (
                   select from repost r
                   where r.volunteer_id = f.volunteer_id and r.account_id = f.account_id and r.post_id = f.post_id))
           ) s left join post p using (post_id)
           where $2::text is null or (s.shared_at, s.id) < ($2::text::timestamptz, $3::text::uuid)
           order by s.shared_at desc, s.id desc limit $4""",
        volunteer_id,
        at,
        last,
        limit + 1,
    )
    return page([dict(row) for row in rows], limit, ["shared_at", "id"])


async def own_counts(connection: Connection, volunteer_id: UUID) -> dict[str, int]:
    """How many of a volunteer's shares count (``counted``) and how many were voided (``voided``)."""
    row = await connection.fetchrow(
        """select count(*) filter (where voided_at is null) as counted,
                  count(*) filter (where voided_at is not null) as voided
           from repost where volunteer_id = $1""",
        volunteer_id,
    )
    return dict(row)


async def link_issued_at(connection: Connection, volunteer_id: UUID) -> datetime | None:
    """Since when a volunteer has a living link."""
    return await connection.fetchval(
        "select issued_at from volunteer_link where volunteer_id = $1 and revoked_at is null", volunteer_id
    )


def _counts(rows: list[Any]) -> dict[str, Any]:
    counties = [dict(row) for row in rows]
    return {name: sum(row[name] for row in counties) for name in ("counted", "voided")} | {"counties": counties}


def _concerning(row: Any) -> Any:
    if not _found(row)["concerns"]:
        raise Refusal("forbidden")
    return row


def _post(row: Any) -> dict[str, Any]:
    return dict(row) | {"withdrawn": _undone(row["withdrawn_at"], row["withdrawn_reason"])}


def _repost(row: Any) -> dict[str, Any]:
    voided = _undone(row["voided_at"], row["void_reason"])
    return dict(row) | {"counted": voided is None, "voided": voided}


def _undone(at: Any, reason: Any) -> dict[str, Any] | None:
    return None if at is None else {"at": at, "reason": reason}


def _found(row: Any) -> Any:
    if row is None:
        raise Refusal("not_found")
    return row


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None
