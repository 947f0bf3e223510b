"""The projection of roster events: write by batch, read by batch. Copies and any order of arrival end the same."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from shared.contracts import roster
from shared.postgres import Connection
from shared.roster_view.rules import Account, Movement

NEEDED = (
    roster.UnitDefined,
    roster.VolunteerRegistered,
    roster.VolunteerTransferred,
    roster.VolunteerLeft,
    roster.AccountDisclosed,
    roster.AccountWithdrawn,
)
"""The event types this projection is made of."""


async def project(connection: Connection, events: Sequence[Any]) -> list[str]:
    """Writes decoded roster events of the NEEDED types. Returns the things now known, as ``unit/…``, ``volunteer/…``,
    ``account/…``, for reports that wait for them."""
    units: dict[str, Any] = {}
    movements: list[tuple[Any, ...]] = []
    accounts: list[tuple[Any, ...]] = []
    for event in events:
        data = event.data
        match event.type:
            case roster.UnitDefined.TYPE:
                if data.unit_id not in units or units[data.unit_id].sequence < event.sequence:
                    units[data.unit_id] = event
            case roster.VolunteerRegistered.TYPE:
                movements.append((data.volunteer_id, event.sequence, data.registered_on, data.unit_id, event.county))
            case roster.VolunteerTransferred.TYPE:
                movements.append(
                    (data.volunteer_id, event.sequence, data.effective_on, data.to_unit_id, data.to_county)
                )
            case roster.VolunteerLeft.TYPE:
                movements.append((data.volunteer_id, event.sequence, data.left_on, None, event.county))
            case roster.AccountDisclosed.TYPE:
                since = max(data.disclosed_at, data.verified_at)
                accounts.append((data.account_id, event.sequence, data.volunteer_id, data.platform, True, since))
            case roster.AccountWithdrawn.TYPE:
                accounts.append((data.account_id, event.sequence, data.volunteer_id, None, False, data.withdrawn_at))
            case _:
                raise ValueError(event.type)
    await connection.executemany(
        """insert into unit as u (unit_id, sequence, kind, county, parent_id, name) values ($1, $2, $3, $4, $5, $6)
           on conflict (unit_id) do update
           set sequence = excluded.sequence, kind = excluded.kind, county = excluded.county,
               parent_id = excluded.parent_id, name = excluded.name
           where u.sequence < excluded.sequence""",
        [
            (e.data.unit_id, e.sequence, e.data.kind, e.data.county, e.data.parent_id, _names(e.data.name))
            for _, e in sorted(units.items())
        ],
    )
    await connection.executemany(
        """insert into movement (volunteer_id, sequence, day, unit_id, county) values ($1, $2, $3, $4, $5)
           on conflict do nothing""",
        sorted(movements, key=lambda row: (row[0], row[1])),
    )
    await connection.executemany(
        """insert into account_movement (account_id, sequence, volunteer_id, platform, opens, since)
           values ($1, $2, $3, $4, $5, $6) on conflict do nothing""",
        sorted(accounts, key=lambda row: (row[0], row[1])),
    )
    return (
        [f"unit/{unit_id}" for unit_id in units]
        + [f"volunteer/{row[0]}" for row in movements]
        + [f"account/{row[0]}" for row in accounts]
    )


async def units(connection: Connection, unit_ids: Collection[str]) -> dict[str, Any]:
    """Units by id: rows with kind, county, parent_id, name. Unknown ones are left out."""
    rows = await connection.fetch("select * from unit where unit_id = any($1::text[])", list(unit_ids))
    return {row["unit_id"]: row for row in rows}


async def movements(connection: Connection, volunteer_ids: Collection[UUID]) -> dict[UUID, list[Movement]]:
    """Movements by volunteer. Unknown volunteers are left out."""
    rows = await connection.fetch(
        "select volunteer_id, sequence, day, unit_id, county from movement where volunteer_id = any($1::uuid[])",
        list(volunteer_ids),
    )
    found: dict[UUID, list[Movement]] = {}
    for volunteer_id, *movement in rows:
        found.setdefault(volunteer_id, []).append(Movement(*movement))
    return found


async def accounts(connection: Connection, account_ids: Collection[UUID]) -> dict[UUID, list[Account]]:
    """Disclosures and withdrawals by account. Unknown accounts are left out."""
    rows = await connection.fetch(
        """select account_id, sequence, opens, since, volunteer_id, platform from account_movement
           where account_id = any($1::uuid[])""",
        list(account_ids),
    )
    found: dict[UUID, list[Account]] = {}
    for account_id, *account in rows:
        found.setdefault(account_id, []).append(Account(*account))
    return found


def _names(name: Any) -> dict[str, str]:
    return {"zh": name.zh} | ({"en": name.en} if name.en else {})
