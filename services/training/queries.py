"""Reads for the API. Lists are in the order of their ids, which is that of entering."""

from typing import Any
from uuid import UUID

from services.training.rules import state_of
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page

_CONCERNS = """(s.county = {0} or {0} = any(s.counties)
                or exists (select from unit u where u.kind = 'city' and u.county = s.county))"""
"""As ``rules.concerns``."""
_COUNTED = (
    "(select count(*) from attendance a where a.session_id = s.session_id and a.voided_at is null) as attendances"
)
_STATE = {
    "planned": "not s.held and s.cancelled_at is null",
    "held": "s.held and s.cancelled_at is null",
    "cancelled": "s.cancelled_at is not null",
    "all": "true",
    None: "s.held",
}


async def sessions(
    connection: Connection, county: str | None, state: str | None, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Sessions, each with the number of its attendances that count, in the order of entering. ``state`` None: those that
    were held, cancelled ones too. ``county``: only what concerns that one."""
    rows = await connection.fetch(
        f"""select s.*, {_COUNTED} from session s
            where ($1::uuid is null or session_id > $1) and ($3::text is null or {_CONCERNS.format("$3")})
                  and {_STATE[state]}
            order by session_id limit $2""",
        _last_id(cursor),
        limit + 1,
        county,
    )
    return page([_session(row) for row in rows], limit, ["session_id"])


async def sessions_by_day(
    connection: Connection, county: str | None, state: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """The same for people: plans with the next one first, others with the latest one first."""
    earlier, order = (">", "asc") if state == "planned" else ("<", "desc")
    start, last = after(cursor, 2) or (None, None)
    rows = await connection.fetch(
        f"""select s.*, {_COUNTED} from session s
            where ($1::text is null or (starts_at, session_id) {earlier} ($1::text::timestamptz, $2::text::uuid))
                  and ($4::text is null or {_CONCERNS.format("$4")}) and {_STATE[state]}
            order by starts_at {order}, session_id {order} limit $3""",
        start,
        last,
        limit + 1,
        county,
    )
    return page([_session(row) for row in rows], limit, ["starts_at", "session_id"])


async def session(connection: Connection, session_id: UUID, county: str | None = None) -> dict[str, Any]:
    """A session with its venues and its ``version``. Raises ``not_found``; ``forbidden`` for one that does not concern
    ``county``, if told."""
    row = await connection.fetchrow(
        f"select s.*, {_CONCERNS.format('$2::text')} as concerns from session s where s.session_id = $1",
        session_id,
        county,
    )
    if row is None:
        raise Refusal("not_found")
    if county is not None and not row["concerns"]:
        raise Refusal("forbidden")
    venues = await connection.fetch(
        """select venue_no, v.name, v.unit_id, v.county, v.capacity, coalesce(e.expected, 0) as expected,
                  coalesce(a.attendances, 0) as attendances, l.issued_at is not null as has_link
           from (select * from venue where session_id = $1) v
           full join (select venue_no, count(*) as attendances from attendance
                      where session_id = $1 and voided_at is null group by venue_no) a using (venue_no)
           full join (select venue_no, count(*) as expected from expected
                      where session_id = $1 group by venue_no) e using (venue_no)
           full join (select venue_no, issued_at from venue_link
                      where session_id = $1 and revoked_at is null) l using (venue_no)
           order by venue_no""",
        session_id,
    )
    told = [dict(venue) for venue in venues]
    return _session(row) | {"venues": told, "attendances": sum(venue["attendances"] for venue in told)}


async def expected_at(connection: Connection, session_id: UUID, venue_no: int) -> list[Any]:
    """Those expected at a venue (volunteer_id, list_no) with whether an attendance of theirs counts (``came``)."""
    return await connection.fetch(
        """select e.volunteer_id, e.list_no, a.attendance_id is not null as came
           from expected e left join attendance a
                on a.session_id = e.session_id and a.volunteer_id = e.volunteer_id and a.voided_at is null
           where e.session_id = $1 and e.venue_no = $2 order by e.list_no nulls last, e.volunteer_id""",
        session_id,
        venue_no,
    )


async def present_at(connection: Connection, session_id: UUID, venue_no: int) -> int:
    """How many attendances of a venue count."""
    return await connection.fetchval(
        "select count(*) from attendance where session_id = $1 and venue_no = $2 and voided_at is null",
        session_id,
        venue_no,
    )


async def units(connection: Connection, county: str | None) -> list[Any]:
    """The units known (unit_id, name, kind, county), the city's first; of ``county``, if told."""
    return await connection.fetch(
        """select unit_id, name, kind, county from unit where $1::text is null or county = $1
           order by kind <> 'city', kind <> 'county', unit_id""",
        county,
    )


async def plan(connection: Connection, county: str | None, year: int, zone: str) -> list[Any]:
    """A year's figures by first organiser and local quarter: unit_id, name, county, quarter and those of ``Figures``."""
    return await connection.fetch(
        """with placed as (
               select s.session_id, s.organisers[1] as unit_id, s.county, s.hours, s.cancelled_at is not null as cancelled,
                      s.held and s.cancelled_at is null as held, s.planned_for at time zone $3 as planned_for,
                      s.starts_at at time zone $3 as starts_at
               from session s where $1::text is null or s.county = $1
           ), counted as (
               -- What was planned belongs to the quarter it was planned for, what was held to that in which it was held.
               select unit_id, county, planned_for as at, 1 as planned, 0 as held, cancelled::int as cancelled,
                      (not held and not cancelled)::int as open, 0::float8 as hours, 0::bigint as attendances
               from placed where planned_for is not null
               union all
               select unit_id, county, starts_at, 0, held::int, (cancelled and planned_for is null)::int, 0,
                      case when held then hours else 0 end,
                      case when held then (select count(*) from attendance a
                                           where a.session_id = placed.session_id and a.voided_at is null) else 0 end
               from placed where held or planned_for is null
           )
           select c.unit_id, u.name, c.county, extract(quarter from at)::int as quarter, sum(planned)::int as planned,
                  sum(held)::int as held, sum(cancelled)::int as cancelled, sum(open)::int as open,
                  sum(hours)::float8 as hours, sum(attendances)::int as attendances
           from counted c left join unit u using (unit_id)
           where extract(year from at)::int = $2
           group by c.unit_id, u.name, c.county, quarter order by c.county, c.unit_id, quarter""",
        county,
        year,
        zone,
    )


async def attendances(
    connection: Connection,
    county: str | None,
    cursor: str | None,
    limit: int,
    *,
    session_id: UUID | None,
    volunteer_id: UUID | None,
) -> dict[str, Any]:
    """Attendances, voided ones too; of ``county``, if told."""
    rows = await connection.fetch(
        """select * from attendance
           where ($1::uuid is null or attendance_id > $1) and ($2::uuid is null or session_id = $2)
                 and ($3::uuid is null or volunteer_id = $3) and ($5::text is null or county = $5)
           order by attendance_id limit $4""",
        _last_id(cursor),
        session_id,
        volunteer_id,
        limit + 1,
        county,
    )
    return page([_attendance(row) for row in rows], limit, ["attendance_id"])


async def attendance(connection: Connection, attendance_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    row = await connection.fetchrow("select * from attendance where attendance_id = $1", attendance_id)
    if row is None:
        raise Refusal("not_found")
    return _attendance(row)


def _session(row: Any) -> dict[str, Any]:
    state = state_of(row["held"], row["cancelled_at"] is not None)
    return dict(row) | {"state": state, "cancelled": _undone(row["cancelled_at"], row["cancel_reason"])}


def _attendance(row: Any) -> dict[str, Any]:
    return dict(row) | {"voided": _undone(row["voided_at"], row["void_reason"])}


def _undone(at: Any, reason: Any) -> dict[str, Any] | None:
    return None if at is None else {"at": at, "reason": reason}


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None
