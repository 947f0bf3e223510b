"""Reads for the API and the operators' pages. Lists are in the order of their ids, which is that of entering."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.opinion.rules import State
from shared.contracts.opinion import TipTopic
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page


@dataclass(frozen=True, slots=True)
class Calendar:
    """From what a tip's due date follows. ``days``: after the report, where it has no date of its own."""

    zone: ZoneInfo
    days: int
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tips; None: whichever. ``county``: filed with it, or given to one of its units. ``open``: neither resolved
    nor void."""

    county: str | None = None
    state: State | None = None
    open: bool | None = None
    unit_id: str | None = None
    responsible_unit_id: str | None = None
    topic: TipTopic | None = None
    overdue: bool | None = None
    assigned_to: str | None = None


_TIPS = """
    from (
        select tip_id, channel, kind, topic, unit_id, county, relayed_by, reported_at, responsible_unit_id,
               responsible_county, triaged_at, resolved_at, outcome, answered, action, voided_at, void_reason,
               merged_into, text, text_erased_at, answer, answer_at, assigned_to, contact is not null as has_contact,
               coalesce(due_on, (reported_at at time zone $1)::date + $2::int) as due_on,
               coalesce(due_on, (reported_at at time zone $1)::date + $2::int) < $3::date
                   and resolved_at is null and voided_at is null as overdue,
               resolved_at is null and voided_at is null as open,
               case when voided_at is not null then 'voided' when resolved_at is not null then 'resolved'
                    when triaged_at is not null then 'triaged' else 'reported' end as state
        from tip
    ) t"""
_WHICH = """
    where ($4::text is null or county = $4 or responsible_county = $4) and ($5::text is null or state = $5)
          and ($6::bool is null or open = $6) and ($7::text is null or unit_id = $7)
          and ($8::text is null or responsible_unit_id = $8) and ($9::text is null or topic = $9)
          and ($10::bool is null or overdue = $10) and ($11::text is null or assigned_to = $11)"""


def _told(calendar: Calendar, which: Filter) -> list[Any]:
    return [
        calendar.zone.key,
        calendar.days,
        calendar.today,
        which.county,
        which.state,
        which.open,
        which.unit_id,
        which.responsible_unit_id,
        which.topic,
        which.overdue,
        which.assigned_to,
    ]


async def tips(
    connection: Connection, calendar: Calendar, which: Filter, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Tips; a caller that lists them leaves the texts out."""
    rows = await connection.fetch(
        f"select * {_TIPS} {_WHICH} and ($12::uuid is null or tip_id > $12) order by tip_id limit $13",
        *_told(calendar, which),
        _last_id(cursor),
        limit + 1,
    )
    return page([_tip(row) for row in rows], limit, ["tip_id"])


async def inbox(
    connection: Connection, calendar: Calendar, which: Filter, cursor: str | None, limit: int
) -> dict[str, Any]:
    """The open ones first, those due first before the others, with their texts."""
    key = after(cursor, 3)
    last = key and (key[0] != "True", _day(key[1]), _id(key[2]))
    rows = await connection.fetch(
        f"""select * {_TIPS} {_WHICH}
            and ($12::bool is null or (not open, due_on, tip_id) > ($12, $13::date, $14::uuid))
            order by not open, due_on, tip_id limit $15""",
        *_told(calendar, which),
        *(last or (None, None, None)),
        limit + 1,
    )
    return page([_tip(row) for row in rows], limit, ["open", "due_on", "tip_id"])


async def counts(connection: Connection, calendar: Calendar, county: str | None) -> dict[str, int]:
    """How many are open, overdue, not triaged, of what a county sees to."""
    row = await connection.fetchrow(
        f"""select count(*) filter (where open) as open, count(*) filter (where overdue) as overdue,
                   count(*) filter (where state = 'reported') as untriaged {_TIPS} {_WHICH}""",
        *_told(calendar, Filter(county=county)),
    )
    return dict(row)


async def tip(connection: Connection, calendar: Calendar, tip_id: UUID) -> dict[str, Any]:
    """A tip with its text and ``version``. Raises ``not_found``."""
    row = await connection.fetchrow(
        f"""select t.*, v.sequence as version {_TIPS} join stream v on v.key = t.tip_id::text where tip_id = $4""",
        calendar.zone.key,
        calendar.days,
        calendar.today,
        tip_id,
    )
    return _tip(_found(row))


async def duplicates(connection: Connection, tip_id: UUID) -> list[UUID]:
    """Tips that were merged into this one."""
    rows = await connection.fetch("select tip_id from tip where merged_into = $1 order by tip_id", tip_id)
    return [row["tip_id"] for row in rows]


async def is_link_of(connection: Connection, tip_id: UUID, status_hash: bytes) -> bool:
    return await connection.fetchval(
        "select exists (select from tip where tip_id = $1 and status_hash = $2)", tip_id, status_hash
    )


async def responsible_units(connection: Connection, county: str | None) -> list[str]:
    """Units that have been given tips of those a county sees to."""
    rows = await connection.fetch(
        """select distinct responsible_unit_id from tip
           where responsible_unit_id is not null and ($1::text is null or county = $1 or responsible_county = $1)
           order by responsible_unit_id""",
        county,
    )
    return [row["responsible_unit_id"] for row in rows]


async def overdue_by_unit(connection: Connection, calendar: Calendar) -> dict[str, list[dict[str, Any]]]:
    """Overdue tips by responsible unit (before triage: the one it is filed with), the longest overdue first. Each with
    ``county``: the unit's. Without texts."""
    rows = await connection.fetch(
        f"""select tip_id, topic, due_on, coalesce(responsible_unit_id, unit_id) as seen_to_by,
                   coalesce(responsible_county, county) as county {_TIPS}
            where overdue order by due_on, tip_id""",
        calendar.zone.key,
        calendar.days,
        calendar.today,
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["seen_to_by"], []).append(dict(row))
    return found


async def units(connection: Connection, county: str | None = None) -> list[Any]:
    """Units of the roster, all or a county's, by code: rows with unit_id, kind, county, name."""
    return await connection.fetch(
        "select unit_id, kind, county, name from unit where $1::text is null or county = $1 order by unit_id", county
    )


async def corrections(
    connection: Connection,
    cursor: str | None,
    limit: int,
    *,
    county: str | None = None,
    closed: bool | None = None,
    unit_id: str | None = None,
) -> dict[str, Any]:
    rows = await connection.fetch(
        """select * from correction
           where ($1::uuid is null or case_id > $1) and ($2::bool is null or (closed_at is not null) = $2)
                 and ($3::text is null or unit_id = $3) and ($4::text is null or county = $4)
           order by case_id limit $5""",
        _last_id(cursor),
        closed,
        unit_id,
        county,
        limit + 1,
    )
    return page([_correction(row) for row in rows], limit, ["case_id"])


async def latest_corrections(
    connection: Connection, cursor: str | None, limit: int, *, county: str | None = None, closed: bool
) -> dict[str, Any]:
    """Open or closed ones, the latest first."""
    rows = await connection.fetch(
        """select * from correction
           where ($1::uuid is null or case_id < $1) and (closed_at is not null) = $2
                 and ($3::text is null or county = $3)
           order by case_id desc limit $4""",
        _last_id(cursor),
        closed,
        county,
        limit + 1,
    )
    return page([_correction(row) for row in rows], limit, ["case_id"])


async def correction(connection: Connection, case_id: UUID) -> dict[str, Any]:
    """A correction with its ``version``, evidence and timeline. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select c.*, v.sequence as version from correction c join stream v on v.key = c.case_id::text
           where case_id = $1""",
        case_id,
    )
    found = _correction(_found(row))
    found["evidence"] = await _rows(
        connection, "select link, title, kind from evidence where case_id = $1 order by number", case_id
    )
    found["timeline"] = await _rows(
        connection, "select at, text from timeline_entry where case_id = $1 order by at, number", case_id
    )
    return found


async def _rows(connection: Connection, query: str, case_id: UUID) -> Sequence[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(query, case_id)]


def _tip(row: Any) -> dict[str, Any]:
    triaged = row["triaged_at"] and {"at": row["triaged_at"], "responsible_unit_id": row["responsible_unit_id"]}
    resolved = row["resolved_at"] and {
        "at": row["resolved_at"],
        "outcome": row["outcome"],
        "answered": row["answered"],
        "action": row["action"],
    }
    voided = row["voided_at"] and {
        "at": row["voided_at"],
        "reason": row["void_reason"],
        "merged_into": row["merged_into"],
    }
    return dict(row) | {"triaged": triaged, "resolved": resolved, "voided": voided}


def _correction(row: Any) -> dict[str, Any]:
    closed = row["closed_at"] and {
        "at": row["closed_at"],
        "outcome": row["outcome"],
        "evidence": row["evidence"],
        "official_source": row["official_source"],
        "media_met": row["media_met"],
        "finding": row["finding"],
    }
    return dict(row) | {"closed": closed}


def _found(row: Any) -> Any:
    if row is None:
        raise Refusal("not_found")
    return row


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    return None if key is None else _id(key[0])


def _id(told: Any) -> UUID:
    try:
        return UUID(told)
    except (ValueError, AttributeError, TypeError):
        raise _no_cursor() from None


def _day(told: Any) -> date:
    try:
        return date.fromisoformat(told)
    except (ValueError, TypeError):
        raise _no_cursor() from None


def _no_cursor() -> Refusal:
    return Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")
