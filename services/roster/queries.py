"""Read SQL of the roster's API and pages. ``county``: of a county operator, whose lists are filtered to it; None: all."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from shared.clock import Clock
from shared.contracts.fields import plain_text
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after

_SHOWN = """v.volunteer_id, v.unit_id, v.team, v.category, v.state, v.nominated_on, v.registered_on, v.consented_on,
            v.erased_at, v.version"""
_SAME_CONTACT = """
    select v.volunteer_id, v.unit_id, o.volunteer_id as other_id, o.unit_id as other_unit_id
    from contact_hash h join contact_hash k on k.hash = h.hash and k.volunteer_id <> h.volunteer_id
        join volunteer v on v.volunteer_id = h.volunteer_id join unit u on u.unit_id = v.unit_id
        join volunteer o on o.volunteer_id = k.volunteer_id join unit p on p.unit_id = o.unit_id
    where u.county <> p.county and v.state <> 'declined' and o.state <> 'declined'"""
_WAITING = """
    place as (
        select q.unit_id, q.team, q.quota,
               (select count(*) from volunteer v
                where v.unit_id = q.unit_id and v.team = q.team and v.state = 'registered'
                  and v.registered_on < make_date(q.year + 1, 1, 1)) as filled
        from quota q where q.year = $1 and ($2::text is null or q.unit_id = $2)
    ), line as (
        select volunteer_id, unit_id, team, row_number() over (partition by unit_id, team order by volunteer_id) as n
        from volunteer
        where state = 'nominated' and nominated_on < make_date($1 + 1, 1, 1) and ($2::text is null or unit_id = $2)
    ), waiting as (
        select line.volunteer_id, line.n - greatest(place.quota - place.filled, 0) as waiting_position
        from line join place using (unit_id, team) where line.n > greatest(place.quota - place.filled, 0)
    )"""
"""Places of the year $1 (of the unit $2, or all), and who is nominated beyond them: in the order of ids, which is that of
nominations."""


def year_of(clock: Clock) -> int:
    """The year whose places are asked for: the present one."""
    return clock.now().astimezone(clock.zone).year


async def unit(connection: Connection, unit_id: str, *, lock: bool = False) -> dict[str, Any]:
    """Raises ``not_found``. ``lock``: until the end of the transaction, for an update."""
    ending = " for update" if lock else ""
    row = await connection.fetchrow(f"select * from unit where unit_id = $1{ending}", unit_id)
    if row is None:
        raise Refusal("not_found")
    return dict(row)


async def units(connection: Connection, county: str | None, cursor: str | None, limit: int) -> list[dict[str, Any]]:
    [unit_id] = _key(cursor, _text) or [""]
    rows = await connection.fetch(
        """select * from unit where unit_id > $1 and ($2::text is null or county = $2)
           order by unit_id limit $3""",
        unit_id,
        county,
        limit + 1,
    )
    return [dict(row) for row in rows]


async def quotas(
    connection: Connection,
    county: str | None,
    year: int | None,
    cursor: str | None,
    limit: int,
    unit_id: str | None = None,
) -> list[dict[str, Any]]:
    """Quotas with how many places are filled (registered in that year or before, and not left since), how many are
    nominated, and how many of these wait beyond the places left."""
    after_unit, after_team, after_year = _key(cursor, _text, _text, _year) or ["", "", 0]
    rows = await connection.fetch(
        """with found as (
               select q.unit_id, q.team, q.year, q.quota,
                      (select count(*) from volunteer v
                       where v.unit_id = q.unit_id and v.team = q.team and v.state = 'registered'
                         and v.registered_on < make_date(q.year + 1, 1, 1)) as filled,
                      (select count(*) from volunteer v
                       where v.unit_id = q.unit_id and v.team = q.team and v.state = 'nominated'
                         and v.nominated_on < make_date(q.year + 1, 1, 1)) as nominated
               from quota q join unit u using (unit_id)
               where ($1::int is null or q.year = $1) and (q.unit_id, q.team, q.year) > ($2, $3, $4)
                 and ($6::text is null or u.county = $6) and ($7::text is null or q.unit_id = $7)
               order by q.unit_id, q.team, q.year limit $5
           )
           select *, greatest(nominated - greatest(quota - filled, 0), 0) as waiting from found
           order by unit_id, team, year""",
        year,
        after_unit,
        after_team,
        after_year,
        limit + 1,
        county,
        unit_id,
    )
    return [dict(row) for row in rows]


async def volunteers(
    connection: Connection,
    county: str | None,
    year: int,
    cursor: str | None,
    limit: int,
    *,
    unit_id: str | None = None,
    state: str | None = None,
    team: str | None = None,
    ref: str | None = None,
) -> list[dict[str, Any]]:
    """In the order of nomination. ``waiting_position``: of the nominated for whom no place of ``year`` is left. ``ref``: an
    id, or a unit's own reference in its ledger."""
    [volunteer_id] = _key(cursor, UUID) or [None]
    rows = await connection.fetch(
        f"""with {_WAITING}
           select {_SHOWN}, u.county, w.waiting_position
           from volunteer v join unit u using (unit_id) left join waiting w using (volunteer_id)
           where ($2::text is null or v.unit_id = $2) and ($3::text is null or v.state = $3)
             and ($4::text is null or v.team = $4) and ($5::text is null or u.county = $5)
             and ($6::uuid is null or v.volunteer_id > $6)
             and ($8::text is null or v.volunteer_id = $9::uuid
                  or v.volunteer_id in (select l.volunteer_id from ledger_row l where l.row_ref = $8))
           order by v.volunteer_id limit $7""",
        year,
        unit_id,
        state,
        team,
        county,
        volunteer_id,
        limit + 1,
        ref,
        _uuid(ref),
    )
    return [dict(row) for row in rows]


async def in_other_counties(connection: Connection, volunteer_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """Who of other counties has the same phone or e-mail, by volunteer: for the city's operators alone."""
    rows = await connection.fetch(
        f"select distinct volunteer_id, other_id from ({_SAME_CONTACT}) s where volunteer_id = any($1::uuid[]) order by 1, 2",
        list(volunteer_ids),
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row["volunteer_id"], []).append(row["other_id"])
    return found


async def of_two_counties(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Pairs of volunteers of different counties with the same phone or e-mail, the latest nominated first: ``volunteer_id``
    (the later), ``unit_id``, ``other_id``, ``other_unit_id``. For the city's operators alone."""
    rows = await connection.fetch(
        f"""select distinct volunteer_id, unit_id, other_id, other_unit_id from ({_SAME_CONTACT}) s
            where volunteer_id > other_id order by 1 desc, 3 limit $1""",
        limit,
    )
    return [dict(row) for row in rows]


async def volunteer(connection: Connection, volunteer_id: UUID, year: int) -> dict[str, Any]:
    """With movements in order and accounts. Raises ``not_found``."""
    row = await connection.fetchrow(
        f"select {_SHOWN}, u.county from volunteer v join unit u using (unit_id) where v.volunteer_id = $1",
        volunteer_id,
    )
    if row is None:
        raise Refusal("not_found")
    movements = await connection.fetch(
        "select kind, unit_id, day from movement where volunteer_id = $1 order by id", volunteer_id
    )
    return {
        **dict(row),
        "waiting_position": await _waiting_position(connection, row, year) if row["state"] == "nominated" else None,
        "movements": [dict(m) for m in movements],
        "accounts": await accounts(connection, volunteer_id),
    }


async def _waiting_position(connection: Connection, row: Any, year: int) -> int | None:
    """Of one who is nominated."""
    return await connection.fetchval(
        f"with {_WAITING} select waiting_position from waiting where volunteer_id = $3",
        year,
        row["unit_id"],
        row["volunteer_id"],
    )


async def ledger_refs(connection: Connection, volunteer_id: UUID) -> list[dict[str, Any]]:
    """Rows of ledgers that became this volunteer: ``unit_id``, ``row_ref``."""
    rows = await connection.fetch(
        "select unit_id, row_ref from ledger_row where volunteer_id = $1 order by unit_id, row_ref", volunteer_id
    )
    return [dict(row) for row in rows]


async def looks(connection: Connection, volunteer_id: UUID) -> list[dict[str, Any]]:
    """Audit lines about this person: who looked at or changed what, and when."""
    rows = await connection.fetch(
        """select at, actor, action from audit
           where subject = 'volunteer/' || $1 or details -> 'volunteers' ? $1 order by number""",
        str(volunteer_id),
    )
    return [dict(row) for row in rows]


async def accounts(connection: Connection, volunteer_id: UUID) -> list[dict[str, Any]]:
    rows = await connection.fetch("select * from account where volunteer_id = $1 order by account_id", volunteer_id)
    return [dict(row) for row in rows]


async def account(connection: Connection, account_id: UUID) -> dict[str, Any]:
    """Raises ``not_found``."""
    row = await connection.fetchrow("select * from account where account_id = $1", account_id)
    if row is None:
        raise Refusal("not_found")
    return dict(row)


async def disclosures(
    connection: Connection,
    county: str | None,
    cursor: str | None,
    limit: int,
    *,
    unit_id: str | None = None,
    platform: str | None = None,
    standing: bool | None = None,
) -> list[dict[str, Any]]:
    """The disclosure register. ``standing``: those that stand, or those withdrawn; None: both."""
    [account_id] = _key(cursor, UUID) or [None]
    rows = await connection.fetch(
        """select a.account_id, a.volunteer_id, v.unit_id, u.county, a.platform, a.disclosure_url, a.disclosed_at,
                  a.verified_at, a.verified_by, a.withdrawn_at
           from account a join volunteer v using (volunteer_id) join unit u using (unit_id)
           where ($1::text is null or u.county = $1) and ($2::text is null or v.unit_id = $2)
             and ($3::text is null or a.platform = $3) and ($4::bool is null or (a.withdrawn_at is null) = $4)
             and ($5::uuid is null or a.account_id > $5)
           order by a.account_id limit $6""",
        county,
        unit_id,
        platform,
        standing,
        account_id,
        limit + 1,
    )
    return [dict(row) for row in rows]


async def ledger(connection: Connection, unit_id: str, *, parts: bool) -> list[dict[str, Any]]:
    """The registered of a unit, with ``parts`` of the units below it too, in the columns of a ledger. ``row_ref``: the
    unit's own, else the id; of several accounts the first that stands."""
    rows = await connection.fetch(
        """with recursive part as (
               select unit_id from unit where unit_id = $1
               union select unit.unit_id from unit join part on unit.parent_id = part.unit_id where $2
           )
           select v.unit_id, v.team, v.category, v.registered_on, v.consented_on,
                  coalesce(l.row_ref, v.volunteer_id::text) as row_ref,
                  a.platform, a.disclosed_at, a.verified_at, a.disclosure_url
           from volunteer v
           left join (select volunteer_id, unit_id, min(row_ref) as row_ref from ledger_row
               group by volunteer_id, unit_id) l on l.volunteer_id = v.volunteer_id and l.unit_id = v.unit_id
           left join (select distinct on (volunteer_id) * from account
               where withdrawn_at is null order by volunteer_id, account_id) a on a.volunteer_id = v.volunteer_id
           where v.state = 'registered' and v.unit_id in (select unit_id from part)
           order by v.unit_id, v.volunteer_id""",
        unit_id,
        parts,
    )
    return [dict(row) for row in rows]


async def external_refs(
    connection: Connection,
    county: str | None,
    cursor: str | None,
    limit: int,
    *,
    producer: str | None = None,
    kind: str | None = None,
    external_ref: str | None = None,
    volunteer_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """What other systems call volunteers and accounts, in the order of producer, kind and reference."""
    after_producer, after_kind, after_ref = _key(cursor, _text, _text, _text) or ["", "", ""]
    rows = await connection.fetch(
        """select r.producer, r.kind, r.external_ref, r.volunteer_id, r.account_id
           from access.external_ref r join volunteer v using (volunteer_id) join unit u using (unit_id)
           where ($1::text is null or u.county = $1) and ($2::text is null or r.producer = $2)
             and ($3::text is null or r.kind = $3) and ($4::text is null or r.external_ref = $4)
             and ($5::uuid is null or r.volunteer_id = $5) and (r.producer, r.kind, r.external_ref) > ($6, $7, $8)
           order by r.producer, r.kind, r.external_ref limit $9""",
        county,
        producer,
        kind,
        external_ref,
        volunteer_id,
        after_producer,
        after_kind,
        after_ref,
        limit + 1,
    )
    return [dict(row) for row in rows]


async def members(connection: Connection, unit_id: str, team: str | None) -> list[dict[str, Any]]:
    """The registered of a unit (and team): ``volunteer_id``, ``team``, ``row_ref``."""
    rows = await connection.fetch(
        """select v.volunteer_id, v.team,
                  (select min(row_ref) from ledger_row l
                   where l.volunteer_id = v.volunteer_id and l.unit_id = v.unit_id) as row_ref
           from volunteer v
           where v.state = 'registered' and v.unit_id = $1 and ($2::text is null or v.team = $2)
           order by v.volunteer_id""",
        unit_id,
        team,
    )
    return [dict(row) for row in rows]


def _key(cursor: str | None, *read: Callable[[Any], Any]) -> list[Any] | None:
    """The sort key that a cursor stands for. Raises ``schema`` for one that no page of ours gave."""
    key = after(cursor, len(read))
    if key is None:
        return None
    try:
        return [reads(part) for reads, part in zip(read, key, strict=True)]
    except (ValueError, AttributeError, TypeError, OverflowError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None


def _text(part: str) -> str:
    return plain_text(part)


def _year(part: str) -> int:
    return date(int(part), 1, 1).year


def _uuid(ref: str | None) -> UUID | None:
    try:
        return UUID(ref or "")
    except ValueError:
        return None


# -- for pages ---------------------------------------------------------------------------------------------------------


async def places(
    connection: Connection, county: str | None, year: int, *, unit_id: str | None = None, parent_id: str | None = None
) -> list[dict[str, Any]]:
    """Units with ``teams``: [{team, quota, filled, nominated, waiting}] of the year, quota None where none is set. All, one,
    or the parts of one."""
    rows = await connection.fetch(
        """with filled as (
               select unit_id, team, count(*) as n from volunteer
               where state = 'registered' and registered_on < make_date($2 + 1, 1, 1) group by 1, 2
           ), nominated as (
               select unit_id, team, count(*) as n from volunteer
               where state = 'nominated' and nominated_on < make_date($2 + 1, 1, 1) group by 1, 2
           )
           select u.unit_id, u.name, u.kind, u.county, u.parent_id, t.team, q.quota,
                  coalesce(f.n, 0) as filled, coalesce(n.n, 0) as nominated,
                  case when q.quota is null then 0
                       else greatest(coalesce(n.n, 0) - greatest(q.quota - coalesce(f.n, 0), 0), 0) end as waiting
           from unit u cross join (values ('city'), ('county')) as t (team)
           left join quota q on q.unit_id = u.unit_id and q.team = t.team and q.year = $2
           left join filled f on f.unit_id = u.unit_id and f.team = t.team
           left join nominated n on n.unit_id = u.unit_id and n.team = t.team
           where ($1::text is null or u.county = $1) and ($3::text is null or u.unit_id = $3)
             and ($4::text is null or u.parent_id = $4)
           order by array_position(array['city', 'county', 'organ', 'township'], u.kind), u.unit_id, t.team""",
        county,
        year,
        unit_id,
        parent_id,
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        unit = found.setdefault(
            row["unit_id"],
            {name: row[name] for name in ("unit_id", "name", "kind", "county", "parent_id")} | {"teams": []},
        )
        if row["quota"] is not None or row["filled"] or row["nominated"]:
            unit["teams"].append({name: row[name] for name in ("team", "quota", "filled", "nominated", "waiting")})
    return list(found.values())


async def unit_names(connection: Connection, county: str | None = None) -> dict[str, dict[str, str]]:
    """{zh, en?} by unit, of all counties or one."""
    rows = await connection.fetch(
        "select unit_id, name from unit where $1::text is null or county = $1 order by unit_id", county
    )
    return {row["unit_id"]: row["name"] for row in rows}


async def has_contact(connection: Connection, volunteer_id: UUID) -> bool:
    return await connection.fetchval("select exists (select from contact where volunteer_id = $1)", volunteer_id)
