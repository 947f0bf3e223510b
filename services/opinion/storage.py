"""Writes, and the reads that decisions rest on. Every function takes the caller's connection and its transaction."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from shared.postgres import Connection

# -- tips --------------------------------------------------------------------------------------------------------------


class TipRow(NamedTuple):
    """A row of ``tip`` as it is reported."""

    tip_id: UUID
    channel: str
    kind: str
    topic: str
    unit_id: str
    county: str
    text: str
    relayed_by: UUID | None
    reported_at: datetime
    status_hash: bytes | None
    contact: bytes | None
    contact_key: bytes | None


async def insert_tips(connection: Connection, tips: Sequence[TipRow]) -> None:
    if not tips:
        return
    columns = [list(column) for column in zip(*tips, strict=True)]
    await connection.execute(
        """insert into tip (tip_id, channel, kind, topic, unit_id, county, text, relayed_by, reported_at, status_hash,
                            contact)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                $8::uuid[], $9::timestamptz[], $10::bytea[], $11::bytea[])""",
        *columns[:-1],
    )
    await connection.executemany(
        "insert into contact_key (tip_id, key) values ($1, $2)",
        [(tip.tip_id, tip.contact_key) for tip in tips if tip.contact_key],
    )


async def lock_tips(connection: Connection, tip_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Tips by id, each with its ``version``. Unknown ones are left out."""
    rows = await connection.fetch(
        "select * from tip where tip_id = any($1::uuid[]) order by tip_id for update", list(tip_ids)
    )
    return {row["tip_id"]: dict(row) | {"version": await _version(connection, row["tip_id"])} for row in rows}


async def triage_tip(
    connection: Connection,
    tip_id: UUID,
    unit: tuple[str, str],
    at: datetime,
    topic: str | None,
    due_on: date | None,
) -> None:
    """``unit``: the responsible one and its county. ``topic`` and ``due_on`` None: as they are."""
    await connection.execute(
        """update tip set responsible_unit_id = $2, responsible_county = $3, triaged_at = $4,
                          topic = coalesce($5, topic), due_on = coalesce($6, due_on)
           where tip_id = $1""",
        tip_id,
        *unit,
        at,
        topic,
        due_on,
    )


async def assign_tip(connection: Connection, tip_id: UUID, operator: str | None) -> None:
    await connection.execute("update tip set assigned_to = $2 where tip_id = $1", tip_id, operator)


async def set_due(connection: Connection, tip_id: UUID, due_on: date) -> None:
    await connection.execute("update tip set due_on = $2 where tip_id = $1", tip_id, due_on)


async def answer_tip(connection: Connection, tip_id: UUID, answer: str, at: datetime) -> None:
    await connection.execute("update tip set answer = $2, answer_at = $3 where tip_id = $1", tip_id, answer, at)


async def resolve_tip(
    connection: Connection, tip_id: UUID, at: datetime, outcome: str, answered: bool, action: dict[str, Any] | None
) -> None:
    await connection.execute(
        "update tip set resolved_at = $2, outcome = $3, answered = $4, action = $5 where tip_id = $1",
        tip_id,
        at,
        outcome,
        answered,
        action,
    )


async def void_tip(connection: Connection, tip_id: UUID, at: datetime, reason: str, merged_into: UUID | None) -> None:
    await connection.execute(
        "update tip set voided_at = $2, void_reason = $3, merged_into = $4 where tip_id = $1",
        tip_id,
        at,
        reason,
        merged_into,
    )


async def contact_key(connection: Connection, tip_id: UUID) -> bytes | None:
    return await connection.fetchval("select key from contact_key where tip_id = $1", tip_id)


async def operators(connection: Connection, counties: Collection[str]) -> list[str]:
    """Names of sign-in of those who may see to tips of these counties."""
    rows = await connection.fetch(
        """select name from access.account
           where disabled_at is null
                 and ('city_operator' = any (roles) or 'county_operator' = any (roles) and county = any($1::text[]))
           order by name""",
        list(counties),
    )
    return [row["name"] for row in rows]


async def erase_text(connection: Connection, tip_id: UUID, at: datetime) -> None:
    await connection.execute(
        "update tip set text = null, answer = null, text_erased_at = $2 where tip_id = $1", tip_id, at
    )


async def erase_texts_of_ended(connection: Connection, now: datetime, kept: timedelta) -> int:
    """Erases the texts and answers of tips that were resolved or voided longer ago than ``kept``. Returns how many."""
    status = await connection.execute(
        """update tip set text = null, answer = null, text_erased_at = coalesce(text_erased_at, $1)
           where (text is not null or answer is not null) and least(resolved_at, voided_at) < $1::timestamptz - $2::interval""",
        now,
        kept,
    )
    return int(status.rpartition(" ")[2])


async def erase_needless_contacts(connection: Connection, ended_before: datetime, of: UUID | None = None) -> int:
    """Erases contacts whose tip was answered or voided, or has ended before then; of a duplicate, the tip decides that
    it was merged into. ``of``: those of this tip and its duplicates alone. Returns how many."""
    return await connection.fetchval(
        """with recursive step as (
               select tip_id, tip_id as reached from tip where contact is not null
               union all
               select s.tip_id, t.merged_into from step s join tip t on t.tip_id = s.reached
               where t.merged_into is not null
           ), over as (
               select s.tip_id from step s join tip t on t.tip_id = s.reached
               where t.merged_into is null and ($2::uuid is null or t.tip_id = $2)
                     and (t.voided_at is not null or t.resolved_at < $1
                          or t.resolved_at is not null and (t.answered or t.answer_at >= t.resolved_at))
           ), erased as (
               delete from contact_key where tip_id in (select tip_id from over)
           ), emptied as (
               update tip set contact = null where tip_id in (select tip_id from over) returning 1
           )
           select count(*) from emptied""",
        ended_before,
        of,
    )


# -- e-mails about overdue tips ----------------------------------------------------------------------------------------


async def claim_digests(connection: Connection, day: date, unit_ids: Sequence[str]) -> list[str]:
    """Units whose e-mail of the day is still to be sent; until the transaction ends nobody else gets them."""
    rows = await connection.fetch(
        """with old as (delete from digest where day < $1::date - 30)
           insert into digest (day, unit_id) select $1, u from unnest($2::text[]) u order by u
           on conflict do nothing returning unit_id""",
        day,
        list(unit_ids),
    )
    return [row["unit_id"] for row in rows]


async def release_digests(connection: Connection, day: date, unit_ids: Sequence[str]) -> None:
    await connection.execute("delete from digest where day = $1 and unit_id = any($2::text[])", day, list(unit_ids))


# -- corrections -------------------------------------------------------------------------------------------------------


class CorrectionRow(NamedTuple):
    """A row of ``correction`` as it is opened."""

    case_id: UUID
    unit_id: str
    county: str
    claim_published_at: datetime
    source_kind: str
    opened_at: datetime
    claim: str | None
    claim_link: str | None


async def insert_correction(connection: Connection, correction: CorrectionRow) -> None:
    await connection.execute(
        """insert into correction (case_id, unit_id, county, claim_published_at, source_kind, opened_at, claim, claim_link)
           values ($1, $2, $3, $4, $5, $6, $7, $8)""",
        *correction,
    )


async def lock_correction(connection: Connection, case_id: UUID) -> Any | None:
    """A correction with its ``version``."""
    row = await connection.fetchrow("select * from correction where case_id = $1 for update", case_id)
    return None if row is None else dict(row) | {"version": await _version(connection, case_id)}


async def describe_correction(connection: Connection, case_id: UUID, claim: str, claim_link: str | None) -> None:
    await connection.execute(
        "update correction set claim = $2, claim_link = $3 where case_id = $1", case_id, claim, claim_link
    )


class EvidenceRow(NamedTuple):
    link: str
    title: str | None
    kind: str


async def add_evidence(connection: Connection, case_id: UUID, items: Sequence[EvidenceRow]) -> None:
    """Adds what is not there yet; a link told again stays as it was told first."""
    for item in items:
        await connection.execute(
            """insert into evidence (case_id, number, link, title, kind)
               select $1, coalesce(max(number), 0) + 1, $2, $3, $4 from evidence where case_id = $1
               on conflict (case_id, link) do nothing""",
            case_id,
            *item,
        )


async def evidence_links(connection: Connection, case_id: UUID) -> list[str]:
    rows = await connection.fetch("select link from evidence where case_id = $1 order by number", case_id)
    return [row["link"] for row in rows]


async def add_entry(connection: Connection, case_id: UUID, at: datetime, text: str) -> None:
    await connection.execute(
        """insert into timeline_entry (case_id, number, at, text)
           select $1, coalesce(max(number), 0) + 1, $2, $3 from timeline_entry where case_id = $1""",
        case_id,
        at,
        text,
    )


async def close_correction(
    connection: Connection,
    case_id: UUID,
    at: datetime,
    outcome: str,
    evidence: Sequence[str],
    official_source: str,
    media_met: bool,
    finding: str | None,
) -> None:
    await connection.execute(
        """update correction set closed_at = $2, outcome = $3, evidence = $4, official_source = $5, media_met = $6,
                                 finding = $7
           where case_id = $1""",
        case_id,
        at,
        outcome,
        list(evidence),
        official_source,
        media_met,
        finding,
    )


async def _version(connection: Connection, id: UUID) -> int:
    """Under the row's lock nobody else appends an event of the thing."""
    return await connection.fetchval("select sequence from stream where key = $1", str(id))
