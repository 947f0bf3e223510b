"""Write SQL of the roster, and the reads that decide under a lock."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.access import references
from shared.postgres import Connection

_VOLUNTEER = (
    "volunteer_id, unit_id, team, category, state, moved_on, version, erased_at is not null"  # as rules.Volunteer
)


async def lock_units(connection: Connection, unit_ids: Collection[str]) -> dict[str, Any]:
    """Units by id, locked in order: two registrations for the last place of a quota come one after the other."""
    rows = await connection.fetch(
        "select * from unit where unit_id = any($1::text[]) order by unit_id for update", list(unit_ids)
    )
    return {row["unit_id"]: row for row in rows}


async def counties(connection: Connection, unit_ids: Collection[str]) -> dict[str, str]:
    """The county of each unit."""
    rows = await connection.fetch("select unit_id, county from unit where unit_id = any($1::text[])", list(unit_ids))
    return {row["unit_id"]: row["county"] for row in rows}


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


async def nominated(connection: Connection, unit_ids: Collection[str]) -> dict[tuple[str, str], list[tuple[UUID, int]]]:
    """Who waits for review, by unit and team, each with the year of the nomination."""
    rows = await connection.fetch(
        """select unit_id, team, volunteer_id, extract(year from nominated_on)::int as since from volunteer
           where state = 'nominated' and unit_id = any($1::text[]) order by volunteer_id""",
        list(unit_ids),
    )
    found: dict[tuple[str, str], list[tuple[UUID, int]]] = {}
    for row in rows:
        found.setdefault((row["unit_id"], row["team"]), []).append((row["volunteer_id"], row["since"]))
    return found


async def known_refs(connection: Connection, refs: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID | None]:
    """Those of these ledger rows (unit, reference) that were taken before, with the volunteer each became; None: erased
    since. In a ledger that was given out, the id stands for who has no reference."""
    rows = await connection.fetch(
        """with asked as (select * from unnest($1::text[], $2::text[], $3::uuid[]) as a (unit_id, row_ref, id))
           select a.unit_id, a.row_ref, v.volunteer_id from asked a join volunteer v
               on v.unit_id = a.unit_id and v.volunteer_id = a.id
           union all
           select l.unit_id, l.row_ref, l.volunteer_id from asked a join ledger_row l
               on l.unit_id = a.unit_id and l.row_ref = a.row_ref""",
        [unit_id for unit_id, _ in refs],
        [row_ref for _, row_ref in refs],
        [_id(row_ref) for _, row_ref in refs],
    )
    return {(row["unit_id"], row["row_ref"]): row["volunteer_id"] for row in rows}


def _id(row_ref: str) -> UUID | None:
    try:
        return UUID(row_ref) if len(row_ref) == 36 else None
    except ValueError:
        return None


async def insert_refs(connection: Connection, rows: Sequence[tuple[str, str, UUID]]) -> None:
    """(unit_id, row_ref, volunteer_id) each."""
    if rows:
        await connection.execute(
            """insert into ledger_row (unit_id, row_ref, volunteer_id)
               select * from unnest($1::text[], $2::text[], $3::uuid[])""",
            *list(zip(*rows, strict=True)),
        )


async def insert_volunteers(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """(volunteer_id, unit_id, team, category, state, registered_on, consented_on, moved_on, nominated_on) each."""
    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    await connection.execute(
        """insert into volunteer
               (volunteer_id, unit_id, team, category, state, registered_on, consented_on, moved_on, nominated_on)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
                                $6::date[], $7::date[], $8::date[], $9::date[])""",
        *columns,
    )


async def lock_volunteers(connection: Connection, volunteer_ids: Collection[UUID]) -> list[Any]:
    """Those that are there, locked in order; the fields of ``rules.Volunteer`` in theirs."""
    return await connection.fetch(
        f"select {_VOLUNTEER} from volunteer where volunteer_id = any($1::uuid[]) order by volunteer_id for update",
        list(volunteer_ids),
    )


async def register(connection: Connection, rows: Sequence[tuple[UUID, date, date]]) -> None:
    """(volunteer_id, registered_on, consented_on) each."""
    if rows:
        await connection.execute(
            """update volunteer v
               set state = 'registered', moved_on = told.registered_on, registered_on = told.registered_on,
                   consented_on = told.consented_on, version = version + 1
               from unnest($1::uuid[], $2::date[], $3::date[]) as told (volunteer_id, registered_on, consented_on)
               where v.volunteer_id = told.volunteer_id""",
            *list(zip(*rows, strict=True)),
        )


async def decline(connection: Connection, volunteer_ids: Sequence[UUID]) -> None:
    await connection.execute(
        "update volunteer set state = 'declined', version = version + 1 where volunteer_id = any($1::uuid[])",
        list(volunteer_ids),
    )


async def move(
    connection: Connection,
    volunteer_id: UUID,
    state: str,
    *,
    unit_id: str | None = None,
    day: date,
) -> None:
    """A transfer or departure."""
    await connection.execute(
        """update volunteer set state = $2, unit_id = coalesce($3, unit_id), moved_on = $4, version = version + 1
           where volunteer_id = $1""",
        volunteer_id,
        state,
        unit_id,
        day,
    )


async def note_change(connection: Connection, volunteer_id: UUID) -> None:
    """An account changed, and with it what is shown of its volunteer."""
    await connection.execute("update volunteer set version = version + 1 where volunteer_id = $1", volunteer_id)


async def note_changes(connection: Connection, volunteer_ids: Collection[UUID]) -> None:
    await connection.execute(
        "update volunteer set version = version + 1 where volunteer_id = any($1::uuid[])", list(volunteer_ids)
    )


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
    connection: Connection, rows: Sequence[tuple[UUID, UUID, str, datetime, datetime, str, str]]
) -> None:
    """(account_id, volunteer_id, platform, disclosed_at, verified_at, disclosure_url, verified_by) each."""
    if rows:
        await connection.execute(
            """insert into account
                   (account_id, volunteer_id, platform, disclosed_at, verified_at, disclosure_url, verified_by)
               select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[],
                                    $6::text[], $7::text[])""",
            *list(zip(*rows, strict=True)),
        )


async def lock_account(connection: Connection, account_id: UUID) -> Any:
    return await connection.fetchrow("select * from account where account_id = $1 for update", account_id)


async def withdraw_account(connection: Connection, account_id: UUID, at: datetime) -> None:
    await connection.execute("update account set withdrawn_at = $2 where account_id = $1", account_id, at)


async def owners(connection: Connection, account_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """The volunteer of each account that is there."""
    rows = await connection.fetch(
        "select account_id, volunteer_id from account where account_id = any($1::uuid[])", list(account_ids)
    )
    return {row["account_id"]: row["volunteer_id"] for row in rows}


async def living_accounts(connection: Connection, volunteer_id: UUID) -> list[Any]:
    """Those not withdrawn, locked."""
    return await connection.fetch(
        "select * from account where volunteer_id = $1 and withdrawn_at is null order by account_id for update",
        volunteer_id,
    )


# -- personal data -----------------------------------------------------------------------------------------------------


async def contacts(connection: Connection, volunteer_ids: Collection[UUID]) -> dict[UUID, Any]:
    """(wrapped_key, sealed) of those who have any, locked."""
    rows = await connection.fetch(
        """select volunteer_id, wrapped_key, sealed from contact where volunteer_id = any($1::uuid[])
           order by volunteer_id for update""",
        list(volunteer_ids),
    )
    return {row["volunteer_id"]: (row["wrapped_key"], row["sealed"]) for row in rows}


async def save_contacts(connection: Connection, rows: Sequence[tuple[UUID, bytes, bytes]]) -> None:
    """(volunteer_id, wrapped_key, sealed) each."""
    if rows:
        await connection.execute(
            """insert into contact (volunteer_id, wrapped_key, sealed)
               select * from unnest($1::uuid[], $2::bytea[], $3::bytea[])
               on conflict (volunteer_id) do update
               set wrapped_key = excluded.wrapped_key, sealed = excluded.sealed, changed_at = now()""",
            *list(zip(*rows, strict=True)),
        )


async def save_hashes(
    connection: Connection, volunteer_ids: Sequence[UUID], rows: Sequence[tuple[UUID, str, bytes]]
) -> None:
    """(volunteer_id, kind, hash) each, in place of all that these volunteers had."""
    await connection.execute("delete from contact_hash where volunteer_id = any($1::uuid[])", list(volunteer_ids))
    if rows:
        await connection.execute(
            """insert into contact_hash (volunteer_id, kind, hash)
               select * from unnest($1::uuid[], $2::text[], $3::bytea[])""",
            *list(zip(*rows, strict=True)),
        )


async def known_by(connection: Connection, hashes: Collection[bytes], county: str | None) -> list[Any]:
    """Whoever has one of these hashes, of this county or, with None, of all: rows (hash, volunteer_id, unit_id, team, state),
    the first nominated first."""
    return await connection.fetch(
        """select h.hash, v.volunteer_id, v.unit_id, v.team, v.state
           from contact_hash h join volunteer v using (volunteer_id) join unit u using (unit_id)
           where h.hash = any($1::bytea[]) and ($2::text is null or u.county = $2) order by v.volunteer_id""",
        list(hashes),
        county,
    )


async def erase(connection: Connection, volunteer_id: UUID, county: str) -> None:
    """Destroys the wrapped key, what was sealed under it, the hashes, and whatever else ties the id to the person.
    ``county``: the person's."""
    await connection.execute("delete from contact where volunteer_id = $1", volunteer_id)
    await connection.execute("delete from contact_hash where volunteer_id = $1", volunteer_id)
    await connection.execute("update ledger_row set volunteer_id = null where volunteer_id = $1", volunteer_id)
    await connection.execute("update account set disclosure_url = null where volunteer_id = $1", volunteer_id)
    await references.forget(connection, volunteer_id)
    await connection.execute(
        "update volunteer set erased_at = now(), version = version + 1 where volunteer_id = $1", volunteer_id
    )
    # Answers are kept for a week and may tell which row or address was this volunteer's; lists are kept for a day, and
    # nobody can tell without reading them whom they name. So those go that hold people of this county; another county's
    # stand, else whoever erases somebody could undo its work.
    await connection.execute(
        "delete from idempotency_key where position($1::bytea in body) > 0", str(volunteer_id).encode()
    )
    await connection.execute(
        """delete from upload where upload_id in (
               select u.upload_id from upload u left join ledger_run r using (upload_id)
               where r.counties is null or $1 = any(r.counties) for update of u skip locked)""",
        county,
    )
