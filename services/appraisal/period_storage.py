"""SQL of periods: closed revisions, what counties say of their figures, plans."""
# ruff: noqa: S608  # the names of columns are constants of this file

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime
from heapq import merge
from typing import Any, NamedTuple
from uuid import UUID

from services.appraisal.closings import Closing, Place
from services.appraisal.storage import SOURCES
from shared.contracts.topics import events_topic
from shared.postgres import Connection

_CLOSING = "number, period, revision, closed_at, record, digest, previous_digest, reopened_at, sensitivity"
_OBJECTION = """select objection_id, period, revision, county, indicator, event_id, text, at, outcome, answer, resolved_at
                from objection"""
_PAGE = 50_000


async def latest_closing(connection: Connection, period: str) -> Closing | None:
    return _closing(
        await connection.fetchrow(
            f"select {_CLOSING} from closing where period = $1 order by revision desc limit 1", period
        )
    )


async def closing_of(connection: Connection, period: str, revision: int) -> Closing | None:
    return _closing(
        await connection.fetchrow(
            f"select {_CLOSING} from closing where period = $1 and revision = $2", period, revision
        )
    )


async def closed_before(connection: Connection, number: int) -> Closing | None:
    """The report closed before the one with this number."""
    return _closing(
        await connection.fetchrow(
            f"select {_CLOSING} from closing where number < $1 order by number desc limit 1", number
        )
    )


async def last_closing(connection: Connection) -> Closing | None:
    """The report closed last of all, whichever period it was of."""
    return _closing(await connection.fetchrow(f"select {_CLOSING} from closing order by number desc limit 1"))


async def periods(connection: Connection) -> list[str]:
    """Those that were ever closed."""
    return [row[0] for row in await connection.fetch("select distinct period from closing order by 1")]


async def history(connection: Connection, period: str) -> list[dict[str, Any]]:
    """All revisions of a period, the first one first."""
    rows = await connection.fetch(
        """select revision, closed_at, digest, previous_digest, reason, reopened_at, reopened_reason
           from closing where period = $1 order by revision""",
        period,
    )
    return [dict(row) for row in rows]


async def chain(connection: Connection, period: str | None, limit: int) -> list[dict[str, Any]]:
    """Closed reports, the latest first; of one period where it is named. ``whole``: the record has its digest; ``bound``:
    it holds the digest of the one closed before it, ``before`` (number, period and revision; null for the first)."""
    rows = await connection.fetch(
        """select * from (
               select number, period, revision, closed_at, digest, previous_digest, reason, reopened_at, reopened_reason,
                      encode(sha256(convert_to(record, 'UTF8')), 'hex') = digest as whole,
                      previous_digest is not distinct from lag(digest) over chain as bound,
                      lag(period) over chain as before_period, lag(revision) over chain as before_revision
               from closing window chain as (order by number)) as closed
           where $1::text is null or period = $1 order by number desc limit $2""",
        period,
        limit,
    )
    return [dict(row) for row in rows]


async def save_closing(connection: Connection, closing: Closing, reason: str | None) -> None:
    await connection.execute(
        """insert into closing (number, period, revision, closed_at, record, digest, previous_digest, reason, sensitivity)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        closing.number,
        closing.period,
        closing.revision,
        closing.closed_at,
        closing.text,
        closing.digest,
        closing.previous_digest,
        reason,
        closing.sensitivity,
    )


async def reopen(connection: Connection, number: int, at: datetime, by: str, reason: str) -> bool:
    """False when it was reopened already."""
    done = await connection.fetchval(
        """update closing set reopened_at = $2, reopened_by = $3, reopened_reason = $4
           where number = $1 and reopened_at is null returning true""",
        number,
        at,
        by,
        reason,
    )
    return bool(done)


async def offsets(connection: Connection, prefix: str) -> list[Place]:
    """What would be read next of each partition of the sources' topics."""
    rows = await connection.fetch(
        'select topic, "partition", next_offset from consumer_offset where topic = any($1::text[])', _topics(prefix)
    )
    return [Place(topic.removeprefix(prefix), partition, offset) for topic, partition, offset in rows]


async def dead_letters(connection: Connection, prefix: str) -> list[Place]:
    """Records below those offsets that could not be applied."""
    rows = await connection.fetch(
        """select d.topic, d."partition", d."offset" from dead_letter d
           join consumer_offset o on o.topic = d.topic and o."partition" = d."partition" and d."offset" < o.next_offset
           where d.topic = any($1::text[]) order by d.topic, d."partition", d."offset\"""",
        _topics(prefix),
    )
    return [Place(topic.removeprefix(prefix), partition, offset) for topic, partition, offset in rows]


async def events_taken_in(connection: Connection) -> dict[str, Any]:
    """``{count, sha256}`` of all events applied: of their ids, sorted and joined by newlines."""
    rest = await connection.fetch(
        "select event_id as id from unit_definition union all select event_id from quota_setting order by id"
    )
    digest, count = hashlib.sha256(), 0
    others = iter([row["id"] for row in rest])
    waiting: UUID | None = next(others, None)
    async for id in _fact_ids(connection):
        while waiting is not None and waiting < id:
            count = _add(digest, waiting, count)
            waiting = next(others, None)
        count = _add(digest, id, count)
    for id in merge([waiting] if waiting is not None else [], others):
        count = _add(digest, id, count)
    return {"count": count, "sha256": digest.hexdigest()}


def _add(digest: Any, id: UUID, count: int) -> int:
    digest.update(f"\n{id}".encode() if count else str(id).encode())
    return count + 1


async def _fact_ids(connection: Connection) -> AsyncIterator[UUID]:
    """All of them in order, some at a time."""
    last = UUID(int=0)
    while rows := await connection.fetch("select id from fact where id > $1 order by id limit $2", last, _PAGE):
        for row in rows:
            yield row["id"]
        last = rows[-1]["id"]


class Kept(NamedTuple):
    """An event taken in. ``kind``: None of the roster's units and quotas. The place is unknown of some old ones."""

    kind: int | None
    partition: int | None
    offset: int | None


async def place_of(connection: Connection, event_id: UUID) -> Kept | None:
    """Where an event was read."""
    row = await connection.fetchrow(
        """select kind::int, "partition", "offset" from fact where id = $1
           union all select null, "partition", "offset" from quota_setting where event_id = $1
           union all select null, "partition", "offset" from unit_definition where event_id = $1""",
        event_id,
    )
    return Kept(*row) if row else None


# -- what counties say --------------------------------------------------------------------------------------------------


async def confirm(
    connection: Connection, period: str, revision: int, county: str, at: datetime, by: str, figures: str
) -> None:
    await connection.execute(
        """insert into confirmation (period, revision, county, at, by, figures) values ($1, $2, $3, $4, $5, $6)
           on conflict (period, revision, county) do update
           set at = excluded.at, by = excluded.by, figures = excluded.figures""",
        period,
        revision,
        county,
        at,
        by,
        figures,
    )


async def confirmations(connection: Connection, period: str, revision: int) -> dict[str, dict[str, Any]]:
    """By county."""
    rows = await connection.fetch(
        "select county, at, figures from confirmation where period = $1 and revision = $2", period, revision
    )
    return {row["county"]: {"at": row["at"], "figures": row["figures"]} for row in rows}


async def save_objection(connection: Connection, told: dict[str, Any]) -> None:
    await connection.execute(
        """insert into objection (objection_id, period, revision, county, indicator, event_id, text, at, by)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        *(
            told[name]
            for name in (
                "objection_id",
                "period",
                "revision",
                "county",
                "indicator",
                "event_id",
                "text",
                "at",
                "by",
            )
        ),
    )


async def objections(
    connection: Connection, period: str, county: str | None = None, revision: int | None = None
) -> list[dict[str, Any]]:
    """Of a period, the first one first; of one county or revision where they are named."""
    rows = await connection.fetch(
        f"""{_OBJECTION}
           where period = $1 and ($2::text is null or county = $2) and ($3::int is null or revision = $3)
           order by at, objection_id""",
        period,
        county,
        revision,
    )
    return [dict(row) for row in rows]


async def objection(connection: Connection, objection_id: UUID) -> dict[str, Any] | None:
    """For update."""
    row = await connection.fetchrow(f"{_OBJECTION} where objection_id = $1 for update", objection_id)
    return dict(row) if row else None


async def objection_told(connection: Connection, objection_id: UUID) -> dict[str, Any] | None:
    row = await connection.fetchrow(f"{_OBJECTION} where objection_id = $1", objection_id)
    return dict(row) if row else None


async def resolve_objection(
    connection: Connection, objection_id: UUID, outcome: str, answer: str, at: datetime, by: str
) -> None:
    await connection.execute(
        "update objection set outcome = $2, answer = $3, resolved_at = $4, resolved_by = $5 where objection_id = $1",
        objection_id,
        outcome,
        answer,
        at,
        by,
    )


# -- plans --------------------------------------------------------------------------------------------------------------


async def plans(connection: Connection, period: str) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        "select county, indicator, value, version from plan where period = $1 order by county, indicator", period
    )
    return [dict(row) for row in rows]


async def plan_version(connection: Connection, period: str, county: str, indicator: str) -> int | None:
    return await connection.fetchval(
        "select version from plan where period = $1 and county = $2 and indicator = $3 for update",
        period,
        county,
        indicator,
    )


async def save_plan(
    connection: Connection, period: str, county: str, indicator: str, value: Any, at: datetime, by: str
) -> int:
    """The new version."""
    return await connection.fetchval(
        """insert into plan as p (period, county, indicator, value, version, set_at, set_by)
           values ($1, $2, $3, $4, 1, $5, $6)
           on conflict (period, county, indicator) do update
           set value = excluded.value, version = p.version + 1, set_at = excluded.set_at, set_by = excluded.set_by
           returning version""",
        period,
        county,
        indicator,
        value,
        at,
        by,
    )


async def drop_plan(connection: Connection, period: str, county: str, indicator: str) -> None:
    await connection.execute(
        "delete from plan where period = $1 and county = $2 and indicator = $3", period, county, indicator
    )


def _topics(prefix: str) -> list[str]:
    return [prefix + events_topic(service) for service in SOURCES]


def _closing(row: Any) -> Closing | None:
    return Closing(*row) if row else None
