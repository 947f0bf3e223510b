"""Write SQL of the appraisal, of what its tallies are made of. Everything works on whole batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np

from services.appraisal.fact_rows import columns_of, written
from services.appraisal.measures import Fact, Kind
from services.appraisal.shares import Shares, hexadecimal
from shared.contracts import campaign, opinion, roster, training
from shared.contracts.decoding import Decoded
from shared.contracts.envelope import EventData
from shared.delivery.subscription import Read
from shared.locks import Family, hold_numbers
from shared.postgres import Connection

KIND_OF: dict[type[EventData], Kind] = {
    roster.VolunteerRegistered: Kind.VOLUNTEER_REGISTERED,
    roster.VolunteerTransferred: Kind.VOLUNTEER_TRANSFERRED,
    roster.VolunteerLeft: Kind.VOLUNTEER_LEFT,
    training.AttendanceRecorded: Kind.ATTENDANCE_RECORDED,
    training.AttendanceVoided: Kind.ATTENDANCE_VOIDED,
    opinion.TipReported: Kind.TIP_REPORTED,
    opinion.TipTriaged: Kind.TIP_TRIAGED,
    opinion.TipResolved: Kind.TIP_RESOLVED,
    opinion.TipVoided: Kind.TIP_VOIDED,
    opinion.CorrectionOpened: Kind.CORRECTION_OPENED,
    opinion.CorrectionClosed: Kind.CORRECTION_CLOSED,
    campaign.PostPublished: Kind.POST_PUBLISHED,
    campaign.PostWithdrawn: Kind.POST_WITHDRAWN,
    campaign.RepostLogged: Kind.REPOST_LOGGED,
    campaign.RepostVoided: Kind.REPOST_VOIDED,
}
"""The event types that are counted."""
COUNTED = tuple(KIND_OF)
SOURCES = ("roster", "training", "opinion", "campaign")
"""The services whose events are counted."""

PROJECTED = (
    "unit_definition",
    "quota_setting",
    "tally",
    "tally_span",
    "future_fact",
    "fact",
    "early_subject",
    "mixed_subject",
    "person_count",
)
"""The tables that are made from the log alone, in the order in which reports read them."""

FACT_COLUMNS = (
    "id",
    "kind",
    "subject",
    "county",
    "other_county",
    "volunteer",
    "time",
    "day",
    "recordedtime",
    "sequence",
    "flag",
    "partition",
    "offset",
)
"""In the order of the fields of Fact."""
FACT = ", ".join(f'f."{name}"' for name in FACT_COLUMNS)
"""For a select whose rows are Facts."""
_NAMES = ", ".join(f'"{name}"' for name in (*FACT_COLUMNS, "telling"))

OPENINGS = frozenset(
    {Kind.ATTENDANCE_RECORDED, Kind.TIP_REPORTED, Kind.CORRECTION_OPENED, Kind.POST_PUBLISHED, Kind.REPOST_LOGGED}
)
"""Kinds that open their subject; all others speak of one that other facts speak of as well."""
MOVEMENTS = frozenset({Kind.VOLUNTEER_REGISTERED, Kind.VOLUNTEER_TRANSFERRED, Kind.VOLUNTEER_LEFT})
_MANY = 64
"""Facts from which on it is quicker to make rows by columns than one by one."""
_LOCKS = 256
"""Of each service: facts of one are put together with those of no other, and need not wait for them."""
_FIRST_LOCK = {int(kind): SOURCES.index(event_type.SERVICE) * _LOCKS for event_type, kind in KIND_OF.items()}


async def save_units(connection: Connection, reads: Sequence[Read[Decoded]]) -> None:
    """Keeps every definition: the tree that quotas hang on is that of the moment that is asked about."""
    await connection.executemany(
        """insert into unit_definition
               (event_id, unit_id, sequence, kind, county, parent_id, name, time, recordedtime, "partition", "offset")
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing""",
        sorted(
            (
                (
                    e.id,
                    e.data.unit_id,
                    e.sequence,
                    e.data.kind,
                    e.data.county,
                    e.data.parent_id,
                    _names(e.data.name),
                    e.time,
                    e.recordedtime,
                    partition,
                    offset,
                )
                for e, _, partition, offset in reads
            ),
            key=lambda row: row[0],
        ),
    )


def _names(name: Any) -> dict[str, str]:
    return {"zh": name.zh} | ({"en": name.en} if name.en else {})


async def save_quotas(connection: Connection, reads: Sequence[Read[Decoded]]) -> None:
    """Keeps every setting: which one counts depends on the moment that is asked about."""
    await connection.executemany(
        """insert into quota_setting
               (event_id, unit_id, team, year, quota, sequence, time, recordedtime, "partition", "offset")
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing""",
        sorted(
            (
                e.id,
                e.data.unit_id,
                e.data.team,
                e.data.year,
                e.data.quota,
                e.sequence,
                e.time,
                e.recordedtime,
                partition,
                offset,
            )
            for e, _, partition, offset in reads
        ),
    )


@dataclass(frozen=True)
class Saved:
    """New facts. ``crowded``: subjects that certainly have other facts, for their place was taken."""

    new: list[Fact]
    crowded: set[UUID]


async def save_facts(connection: Connection, facts: Sequence[Fact]) -> Saved:
    """Stores the facts that are new, of different ids. Tries the straight way first: copies are rare."""
    try:
        async with connection.transaction():
            await _copy(connection, "fact", facts)
        return Saved(list(facts), set())
    except asyncpg.UniqueViolationError:
        return await _save_among_copies(connection, facts)


async def _copy(connection: Connection, table: str, facts: Sequence[Fact]) -> None:
    """Movements have their sequence as their telling: all of one subject and kind count."""
    movements = [(*fact, fact.sequence % 2**31) for fact in facts if fact.kind in MOVEMENTS]
    if movements:
        await connection.copy_records_to_table(table, records=movements, columns=(*FACT_COLUMNS, "telling"))
    others = [fact for fact in facts if fact.kind not in MOVEMENTS] if movements else facts
    if len(others) < _MANY:
        if others:
            await connection.copy_records_to_table(table, records=others, columns=FACT_COLUMNS)
        return
    for group in (
        [fact for fact in others if fact.volunteer is None],
        [fact for fact in others if fact.volunteer is not None],
    ):
        if group:
            columns = columns_of(group)
            await connection.copy_to_table(
                table, source=written(columns, len(group)), columns=list(columns), format="binary"
            )


async def _save_among_copies(connection: Connection, facts: Sequence[Fact]) -> Saved:
    """The way round: some facts are copies (the id is known), or second tellings (their place is taken)."""
    await connection.execute(
        """create temp table if not exists fact_stage (like fact including defaults) on commit delete rows;
           truncate fact_stage"""
    )
    await _copy(connection, "fact_stage", facts)
    stored = {
        row["id"]
        for row in await connection.fetch(
            f"insert into fact ({_NAMES}) select {_NAMES} from fact_stage order by id on conflict do nothing returning id"
        )
    }
    left = [fact for fact in facts if fact.id not in stored]
    copies = await connection.fetch("select id from fact where id = any($1::uuid[])", [fact.id for fact in left])
    known = {row["id"] for row in copies}
    crowded: set[UUID] = set()
    for fact in left:
        if fact.id not in known:
            await _save_second_telling(connection, fact.id)
            stored.add(fact.id)
            crowded.add(fact.subject)
    return Saved([fact for fact in facts if fact.id in stored], crowded)


async def _save_second_telling(connection: Connection, id: UUID) -> None:
    place = "1 + (select max(telling) from fact f where f.subject = s.subject and f.kind = s.kind)"
    names = _NAMES.replace('"telling"', place)
    await connection.execute(f"insert into fact ({_NAMES}) select {names} from fact_stage s where id = $1", id)


async def lock(connection: Connection, new: Sequence[Fact], shares: Shares | None) -> set[UUID]:
    """Locks the subjects of new facts, so that of two workers with facts of one subject (its partition may have changed
    hands) the later one sees what the earlier one stored. Returns those of opening facts, of which others came early.

    Facts that open their subject share a lock: two of them never need each other, for the second telling of one has
    waited at the unique index. And they look for others only where some came early.
    """
    first = _FIRST_LOCK[Kind.REPOST_LOGGED]
    alone = {} if shares is None else {first + n: False for n in np.unique(shares.subject[:, 15]).tolist()}
    opened: list[UUID | str] = []
    for fact in new:
        number = _FIRST_LOCK[fact.kind] + fact.subject.int % _LOCKS
        if fact.kind in OPENINGS:
            opened.append(fact.subject)
            alone.setdefault(number, False)
        else:
            alone[number] = True
    await hold_numbers(connection, Family.FACTS, alone)
    if not opened and shares is None:
        return set()
    if not await connection.fetchval("select exists (select from early_subject)"):
        return set()
    if shares is not None:
        opened += hexadecimal(shares.subject)
    rows = await connection.fetch("delete from early_subject where subject = any($1::uuid[]) returning subject", opened)
    return {row["subject"] for row in rows}


async def find_others(connection: Connection, saved: Saved, early: set[UUID]) -> dict[UUID, list[Fact]]:
    """Facts stored besides these of the subjects of the new ones; subjects without any are left out. Only subjects that
    may have some are asked for: the crowded, the early, and those of facts that speak of what others opened."""
    asked = saved.crowded | early | {fact.subject for fact in saved.new if fact.kind not in OPENINGS}
    if not asked:
        return {}
    rows = await connection.fetch(
        f"""select {FACT} from fact f
            where subject = any($1::uuid[]) and not exists (select from unnest($2::uuid[]) as new (id) where new.id = f.id)""",
        list(asked),
        [fact.id for fact in saved.new if fact.subject in asked],
    )
    others: dict[UUID, list[Fact]] = {}
    for row in rows:
        others.setdefault(row["subject"], []).append(Fact(*row))
    await _note_early(connection, saved.new, others)
    return others


async def _note_early(connection: Connection, new: Sequence[Fact], others: Mapping[UUID, Sequence[Fact]]) -> None:
    """Remembers subjects that only have facts which wait for an opening one. Movements have none to wait for."""
    opened = {fact.subject for fact in new if fact.kind in OPENINGS}
    early = {
        fact.subject
        for fact in new
        if fact.kind not in OPENINGS
        and fact.kind not in MOVEMENTS
        and fact.subject not in opened
        and not any(other.kind in OPENINGS for other in others.get(fact.subject, ()))
    }
    if early:
        await connection.execute(
            "insert into early_subject select unnest($1::uuid[]) on conflict do nothing", sorted(early)
        )


async def note_mixed(connection: Connection, new: Sequence[Fact], known: Mapping[UUID, Sequence[Fact]]) -> None:
    """Remembers subjects whose facts name more than one county, which no sound service tells: evidence reads them whole."""
    counties: dict[UUID, str] = {}
    mixed: set[UUID] = set()
    for fact in new:
        if fact.kind not in MOVEMENTS and counties.setdefault(fact.subject, fact.county) != fact.county:
            mixed.add(fact.subject)
    for subject, facts in known.items():
        county = counties.get(subject)
        if county is not None and any(fact.county != county for fact in facts if fact.kind not in MOVEMENTS):
            mixed.add(subject)
    if mixed:
        await connection.execute(
            "insert into mixed_subject select unnest($1::uuid[]) on conflict do nothing", sorted(mixed)
        )


async def note_future(connection: Connection, facts: Sequence[Fact]) -> None:
    """Remembers facts whose time has not come, so that reports can leave them out without looking for them."""
    if facts:
        await connection.executemany(
            "insert into future_fact (id, subject, time) values ($1, $2, $3) on conflict do nothing",
            [(fact.id, fact.subject, fact.time) for fact in facts],
        )


async def forget_past_futures(connection: Connection) -> None:
    """Housekeeping: those whose time came more than a day ago."""
    await connection.execute("delete from future_fact where time < now() - interval '1 day'")
