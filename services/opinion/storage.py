"""Writes, and the reads that decisions rest on. Every function takes the caller's connection and its transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
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


async def insert_tips(connection: Connection, tips: Sequence[TipRow]) -> None:
    if not tips:
        return
    await connection.execute(
        """insert into tip (tip_id, channel, kind, topic, unit_id, county, text, relayed_by, reported_at)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                $8::uuid[], $9::timestamptz[])""",
        *(list(column) for column in zip(*tips, strict=True)),
    )


async def lock_tips(connection: Connection, tip_ids: Collection[UUID]) -> dict[UUID, Any]:
    """Tips by id, each with its ``version``. Unknown ones are left out."""
    rows = await connection.fetch(
        "select * from tip where tip_id = any($1::uuid[]) order by tip_id for update", list(tip_ids)
    )
    return {row["tip_id"]: dict(row) | {"version": await _version(connection, row["tip_id"])} for row in rows}


async def triage_tip(connection: Connection, tip_id: UUID, responsible_unit_id: str, at: datetime) -> None:
    await connection.execute(
        "update tip set responsible_unit_id = $2, triaged_at = $3 where tip_id = $1", tip_id, responsible_unit_id, at
    )


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


async def erase_text(connection: Connection, tip_id: UUID) -> None:
    await connection.execute("update tip set text = null, text_erased_at = now() where tip_id = $1", tip_id)


async def erase_texts_of_ended(connection: Connection, kept: timedelta) -> int:
    """Erases the texts of tips that were resolved or voided longer ago than ``kept``. Returns how many."""
    status = await connection.execute(
        """update tip set text = null, text_erased_at = now()
           where text is not null and least(resolved_at, voided_at) < now() - $1::interval""",
        kept,
    )
    return int(status.rpartition(" ")[2])


# -- corrections -------------------------------------------------------------------------------------------------------


class CorrectionRow(NamedTuple):
    """A row of ``correction`` as it is opened."""

    case_id: UUID
    unit_id: str
    county: str
    claim_published_at: datetime
    source_kind: str
    opened_at: datetime


async def insert_correction(connection: Connection, correction: CorrectionRow) -> None:
    await connection.execute(
        """insert into correction (case_id, unit_id, county, claim_published_at, source_kind, opened_at)
           values ($1, $2, $3, $4, $5, $6)""",
        *correction,
    )


async def lock_correction(connection: Connection, case_id: UUID) -> Any | None:
    """A correction with its ``version``."""
    row = await connection.fetchrow("select * from correction where case_id = $1 for update", case_id)
    return None if row is None else dict(row) | {"version": await _version(connection, case_id)}


async def close_correction(
    connection: Connection,
    case_id: UUID,
    at: datetime,
    outcome: str,
    evidence: Sequence[str],
    official_source: str,
    media_met: bool,
) -> None:
    await connection.execute(
        """update correction set closed_at = $2, outcome = $3, evidence = $4, official_source = $5, media_met = $6
           where case_id = $1""",
        case_id,
        at,
        outcome,
        list(evidence),
        official_source,
        media_met,
    )


async def _version(connection: Connection, id: UUID) -> int:
    """Under the row's lock nobody else appends an event of the thing."""
    return await connection.fetchval("select sequence from stream where key = $1", str(id))
