"""SQL of commendations: who wants to be considered, what they served, what was awarded."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.appraisal.measures import Kind
from shared.postgres import Connection

_MOVEMENTS = [int(Kind.VOLUNTEER_REGISTERED), int(Kind.VOLUNTEER_TRANSFERRED), int(Kind.VOLUNTEER_LEFT)]


async def present_county(connection: Connection, volunteer: UUID) -> str | None:
    """Of somebody who is registered; None of others."""
    return await connection.fetchval(
        """select case when kind <> $3 then county end from fact
           where subject = $1 and kind = any($2::smallint[]) order by day desc, sequence desc limit 1""",
        volunteer,
        _MOVEMENTS,
        int(Kind.VOLUNTEER_LEFT),
    )


async def unit_county(connection: Connection, unit_id: str) -> str | None:
    return await connection.fetchval(
        "select county from unit_definition where unit_id = $1 order by sequence desc, event_id desc limit 1", unit_id
    )


async def unit_name(connection: Connection, unit_id: str) -> dict[str, str] | None:
    return await connection.fetchval(
        "select name from unit_definition where unit_id = $1 order by sequence desc, event_id desc limit 1", unit_id
    )


async def save_consent(
    connection: Connection, volunteer: UUID, unit_id: str, county: str, opted_in_on: date, at: datetime, by: str
) -> None:
    await connection.execute(
        """insert into commendation_consent (volunteer, unit_id, county, opted_in_on, recorded_at, recorded_by)
           values ($1, $2, $3, $4, $5, $6) on conflict (volunteer) do update
           set unit_id = excluded.unit_id, county = excluded.county, opted_in_on = excluded.opted_in_on,
               recorded_at = excluded.recorded_at, recorded_by = excluded.recorded_by""",
        volunteer,
        unit_id,
        county,
        opted_in_on,
        at,
        by,
    )


async def consent(connection: Connection, volunteer: UUID) -> dict[str, Any] | None:
    """For update."""
    row = await connection.fetchrow(
        "select volunteer, unit_id, county, opted_in_on from commendation_consent where volunteer = $1 for update",
        volunteer,
    )
    return dict(row) if row else None


async def drop_consent(connection: Connection, volunteer: UUID) -> None:
    await connection.execute("delete from commendation_consent where volunteer = $1", volunteer)


async def records(connection: Connection, year: int, county: str | None) -> list[dict[str, Any]]:
    """The service in a year of everybody who opted in: ``trainings`` attended, ``sharing_months`` with a share that counts.
    By unit, then id: there is no other order among persons (charter C8)."""
    rows = await connection.fetch(
        """select c.volunteer, c.unit_id, c.county, c.opted_in_on, present.county as present_county,
                  (select count(*)::int from fact f where f.volunteer = c.volunteer and f.kind = $3 and f.telling = 0
                     and f.day between $4 and $5 and not exists (
                       select from fact v where v.subject = f.subject and v.kind = $6)) as trainings,
                  (select count(distinct date_trunc('month', f.day))::int from fact f
                   where f.volunteer = c.volunteer and f.kind = $7 and f.telling = 0
                     and f.day between $4 and $5 and not exists (
                       select from fact v where v.subject = f.subject and v.kind = $8)) as sharing_months,
                  a.awarded_at
           from commendation_consent c
           left join lateral (
               select case when m.kind <> $9 then m.county end as county from fact m
               where m.subject = c.volunteer and m.kind = any($10::smallint[])
               order by m.day desc, m.sequence desc limit 1) present on true
           left join commendation a on a.year = $1 and a.volunteer = c.volunteer
           where $2::text is null or c.county = $2 order by c.unit_id, c.volunteer""",
        year,
        county,
        int(Kind.ATTENDANCE_RECORDED),
        date(year, 1, 1),
        date(year, 12, 31),
        int(Kind.ATTENDANCE_VOIDED),
        int(Kind.REPOST_LOGGED),
        int(Kind.REPOST_VOIDED),
        int(Kind.VOLUNTEER_LEFT),
        _MOVEMENTS,
    )
    return [dict(row) for row in rows]


async def save(connection: Connection, year: int, consent: dict[str, Any], at: datetime, by: str) -> bool:
    """False when it was awarded already."""
    done = await connection.fetchval(
        """insert into commendation (year, volunteer, unit_id, county, opted_in_on, awarded_at, awarded_by)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning true""",
        year,
        consent["volunteer"],
        consent["unit_id"],
        consent["county"],
        consent["opted_in_on"],
        at,
        by,
    )
    return bool(done)


async def awarded(
    connection: Connection, year: int, county: str | None, volunteer: UUID | None = None
) -> list[dict[str, Any]]:
    """By unit, then id."""
    rows = await connection.fetch(
        """select year, volunteer, unit_id, county, opted_in_on, awarded_at from commendation
           where year = $1 and ($2::text is null or county = $2) and ($3::uuid is null or volunteer = $3)
           order by unit_id, volunteer""",
        year,
        county,
        volunteer,
    )
    return [dict(row) for row in rows]
