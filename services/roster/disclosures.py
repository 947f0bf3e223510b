"""Accounts that volunteers disclosed in public, within the caller's transaction: entered, withdrawn."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from services.roster import rules, storage
from services.roster.commands import lock_volunteer
from services.roster.rules import Volunteer
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.contracts.roster import AccountDisclosed, AccountWithdrawn, Platform
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection


@dataclass(frozen=True, slots=True)
class Disclosure:
    """An account that its volunteer disclosed in public. ``verified_at``: when an operator saw that; None: as it is
    entered."""

    platform: Platform
    disclosed_at: datetime
    verified_at: datetime | None
    disclosure_url: str

    def seen(self, now: datetime, by: str) -> "Verified":
        return Verified(self.platform, self.disclosed_at, self.verified_at or now, self.disclosure_url, by)


class Verified(NamedTuple):
    """A disclosure that was seen, and by whom (the name of an operator's account): only these are published (C2)."""

    platform: Platform
    disclosed_at: datetime
    verified_at: datetime
    disclosure_url: str
    verified_by: str


async def disclose(connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID, told: Disclosure) -> UUID:
    """Raises ``time_out_of_range``, ``invalid_state`` unless registered, ``erased``, ``not_found``, ``forbidden``."""
    volunteer = await lock_volunteer(connection, volunteer_id)
    await _serve(connection, who, volunteer)
    if volunteer.state != "registered":
        raise rules.may_know(volunteer) or Refusal(
            "invalid_state", reason={"zh": "志愿者不在册", "en": "the volunteer is not registered"}
        )
    now = clock.now()
    verified = told.seen(now, who.name)
    refusal = rules.may_disclose(verified.disclosed_at, verified.verified_at, now)
    if refusal is not None:
        raise refusal
    account_id = uuid7()
    row: Any = (account_id, volunteer_id, *verified)
    await storage.insert_accounts(connection, [row])
    await storage.note_change(connection, volunteer_id)
    county = await _county_at(connection, volunteer, verified.disclosed_at, clock)
    await append(connection, [Draft(disclosed(account_id, volunteer_id, verified), county)], clock)
    return account_id


async def withdraw(
    connection: Connection, clock: Clock, who: Principal, account_id: UUID, withdrawn_at: datetime | None
) -> None:
    """From that instant its shares do not count. Raises ``time_out_of_range``, ``out_of_order_date``,
    ``invalid_state``, ``not_found``, ``forbidden``."""
    account = await storage.lock_account(connection, account_id)
    if account is None:
        raise Refusal("not_found")
    volunteer = await lock_volunteer(connection, account["volunteer_id"])
    await _serve(connection, who, volunteer)
    if account["withdrawn_at"]:
        raise Refusal("invalid_state", reason={"zh": "账号已撤回披露", "en": "the account is withdrawn already"})
    now = clock.now()
    withdrawn_at = withdrawn_at or now
    refusal = rules.timely(withdrawn_at, now, "/withdrawn_at")
    if refusal is not None:
        raise refusal
    if withdrawn_at < account["disclosed_at"]:
        raise Refusal("out_of_order_date", pointer="/withdrawn_at")
    await storage.note_change(connection, volunteer.volunteer_id)
    await append(connection, [await withdrawal(connection, clock, volunteer, account_id, withdrawn_at)], clock)


async def withdrawal(
    connection: Connection, clock: Clock, volunteer: Volunteer, account_id: UUID, withdrawn_at: datetime
) -> Draft:
    """Withdraws an account, locked by the caller, who appends the event."""
    await storage.withdraw_account(connection, account_id, withdrawn_at)
    told = AccountWithdrawn(volunteer_id=volunteer.volunteer_id, account_id=account_id, withdrawn_at=withdrawn_at)
    return Draft(told, await _county_at(connection, volunteer, withdrawn_at, clock))


def disclosed(account_id: UUID, volunteer_id: UUID, told: Verified) -> AccountDisclosed:
    return AccountDisclosed(
        volunteer_id=volunteer_id,
        account_id=account_id,
        platform=told.platform,
        disclosed_at=told.disclosed_at,
        verified_at=told.verified_at,
    )


async def _serve(connection: Connection, who: Principal, volunteer: Volunteer) -> None:
    who.must_serve((await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]["county"])


async def _county_at(connection: Connection, volunteer: Volunteer, moment: datetime, clock: Clock) -> str:
    """The county of the unit that the volunteer belonged to at that moment: it may lie before a transfer."""
    day = moment.astimezone(clock.zone).date()
    unit_id = rules.unit_on(await storage.movements(connection, volunteer.volunteer_id), day, volunteer.unit_id)
    return (await storage.lock_units(connection, [unit_id]))[unit_id]["county"]
