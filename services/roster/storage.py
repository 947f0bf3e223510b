"""Write SQL of the roster, and the reads that decide under a lock."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.postgres import Connection

_VOLUNTEER = "volunteer_id, unit_id, team, category, state, moved_on, version"  # as rules.Volunteer


async def lock_units(connection: Connection, unit_ids: Collection[str]) -> dict[str, Any]:
    """Units by id, locked in order: two registrations for the last place of a quota come one after the other."""
    rows = await connection.fetch(
        "select * from unit where unit_id = any($1::text[]) order by unit_id for update", list(unit_ids)
    )
    return {row["unit_id"]: row for row in rows}


async def insert_unit(
    connection: Connection, unit_id: str, kind: str, parent_id: str | None, county: str, name: dict[str, str]
) -> bool:
    """False when the unit is there already."""
    done = await connection.fetchval(
        """insert into unit (unit_id, kind, parent_id, county, name) values ($1, $2, $3, $4, $5)
           on conflict do nothing returning true""",
        unit_id,
        kind,
        parent_id,
        county,
        name,
    )
    return bool(done)


async def update_unit(
    connection: Connection, unit_id: str, kind: str, parent_id: str | None, county: str, name: dict[str, str]
) -> int:
    """Returns the new version."""
    return await connection.fetchval(
        """update unit set kind = $2, parent_id = $3, county = $4, name = $5, version = version + 1
           where unit_id = $1 returning version""",
        unit_id,
        kind,
        parent_id,
        county,
        name,
    )


async def save_quota(connection: Connection, unit_id: str, team: str, year: int, quota: int) -> None:
    await connection.execute(
        """insert into quota (unit_id, team, year, quota) values ($1, $2, $3, $4)
           on conflict (unit_id, team, year) do update set quota = excluded.quota""",
        unit_id,
        team,
        year,
        quota,
    )


async def quotas(connection: Connection, unit_ids: Collection[str]) -> dict[tuple[str, str, int], int]:
    rows = await connection.fetch(
        "select unit_id, team, year, quota from quota where unit_id = any($1::text[])", list(unit_ids)
    )
    return {(row["unit_id"], row["team"], row["year"]): row["quota"] for row in rows}


async def lineage(connection: Connection, unit_id: str) -> set[str]:
    """The unit and all units above it."""
    rows = await connection.fetch(
        """with recursive above as (
               select unit_id, parent_id from unit where unit_id = $1
               union select unit.unit_id, unit.parent_id from unit join above on unit.unit_id = above.parent_id
           )
           select unit_id from above""",
        unit_id,
    )
    return {row["unit_id"] for row in rows}


async def registered(connection: Connection, unit_ids: Collection[str]) -> dict[tuple[str, str], dict[int, int]]:
    """How many are registered, by unit and team, and by the year of registration."""
    rows = await connection.fetch(
        """select unit_id, team, extract(year from registered_on)::int as year, count(*) as n from volunteer
           where state = 'registered' and unit_id = any($1::text[]) group by 1, 2, 3""",
        list(unit_ids),
    )
    found: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows:
        found.setdefault((row["unit_id"], row["team"]), {})[row["year"]] = row["n"]
    return found


async def known_refs(connection: Connection, refs: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
    """Those of these ledger rows (unit, reference) that were taken before, with the volunteer each became."""
    rows = await connection.fetch(
        """select unit_id, row_ref, volunteer_id from ledger_row
           where (unit_id, row_ref) in (select * from unnest($1::text[], $2::text[]))""",
        [unit_id for unit_id, _ in refs],
        [row_ref for _, row_ref in refs],
    )
    return {(row["unit_id"], row["row_ref"]): row["volunteer_id"] for row in rows}


async def insert_refs(connection: Connection, rows: Sequence[tuple[str, str, UUID]]) -> None:
    """(unit_id, row_ref, volunteer_id) each."""
    if rows:
        await connection.execute(
            """insert into ledger_row (unit_id, row_ref, volunteer_id)
               select * from unnest($1::text[], $2::text[], $3::uuid[])""",
            *list(zip(*rows, strict=True)),
        )


async def insert_volunteers(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """(volunteer_id, unit_id, team, category, state, registered_on, consented_on, moved_on) each."""
    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    await connection.execute(
        """insert into volunteer
               (volunteer_id, unit_id, team, category, state, registered_on, consented_on, moved_on)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                                $6::date[], $7::date[], $8::date[])""",
        *columns,
    )


async def lock_volunteer(connection: Connection, volunteer_id: UUID) -> Any:
    """The fields of ``rules.Volunteer`` in their order, or None."""
    return await connection.fetchrow(
        f"select {_VOLUNTEER} from volunteer where volunteer_id = $1 for update", volunteer_id
    )


async def set_state(
    connection: Connection,
    volunteer_id: UUID,
    state: str,
    *,
    unit_id: str | None = None,
    day: date | None = None,
    consented_on: date | None = None,
) -> None:
    """Changes the state; a movement also gives its day, a registration its consent."""
    await connection.execute(
        """update volunteer
           set state = $2, unit_id = coalesce($3, unit_id), moved_on = coalesce($4, moved_on),
               registered_on = case when $5::date is null then registered_on else $4 end,
               consented_on = coalesce($5, consented_on), version = version + 1
           where volunteer_id = $1""",
        volunteer_id,
        state,
        unit_id,
        day,
        consented_on,
    )


async def note_change(connection: Connection, volunteer_id: UUID) -> None:
    """An account changed, and with it what is shown of its volunteer."""
    await connection.execute("update volunteer set version = version + 1 where volunteer_id = $1", volunteer_id)


async def movements(connection: Connection, volunteer_id: UUID) -> list[tuple[date, str]]:
    """(day, unit_id) of each movement, in order."""
    rows = await connection.fetch("select day, unit_id from movement where volunteer_id = $1 order by id", volunteer_id)
    return [(row["day"], row["unit_id"]) for row in rows]


async def insert_movements(connection: Connection, rows: Sequence[tuple[UUID, str, str, date]]) -> None:
    """(volunteer_id, kind, unit_id, day) each."""
    if rows:
        await connection.execute(
            """insert into movement (volunteer_id, kind, unit_id, day)
               select * from unnest($1::uuid[], $2::text[], $3::text[], $4::date[])""",
            *list(zip(*rows, strict=True)),
        )


async def insert_accounts(
    connection: Connection, rows: Sequence[tuple[UUID, UUID, str, datetime, datetime, str]]
) -> None:
    """(account_id, volunteer_id, platform, disclosed_at, verified_at, disclosure_url) each."""
    if rows:
        await connection.execute(
            """insert into account (account_id, volunteer_id, platform, disclosed_at, verified_at, disclosure_url)
               select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::text[])""",
            *list(zip(*rows, strict=True)),
        )


async def lock_account(connection: Connection, account_id: UUID) -> Any:
    return await connection.fetchrow("select * from account where account_id = $1 for update", account_id)


async def withdraw_account(connection: Connection, account_id: UUID, at: datetime) -> None:
    await connection.execute("update account set withdrawn_at = $2 where account_id = $1", account_id, at)
