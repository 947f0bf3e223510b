"""A unit's ledger, row by row, within the caller's transaction: nominated, registered, disclosed, contacts kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

from services.roster import commands, contacts, disclosures, rules, storage
from services.roster.disclosures import Disclosure, Verified
from services.roster.personal import Contact, Vault
from shared.access import audit
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.contracts.roster import VolunteerNominated, VolunteerRegistered
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection

AT_ONCE = 500
"""Rows decided and written together; in between, whatever else the process does has its turn."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a unit's ledger. ``row_ref``: the unit's own reference, so that the row is taken once."""

    unit_id: str
    team: Any
    category: Any
    registered_on: date
    consented_on: date | None
    row_ref: str | None = None
    disclosure: Disclosure | None = None
    contact: Contact | None = None

    @property
    def ref(self) -> tuple[str, str] | None:
        """The reference among those of all units."""
        return None if self.row_ref is None else (self.unit_id, self.row_ref)


@dataclass(frozen=True, slots=True)
class Enlisted:
    """What became of a row: ids of the volunteer and of the account it disclosed. ``duplicates``: whom the caller serves
    and who has the same phone or e-mail: they may be the same person."""

    volunteer_id: UUID
    account_id: UUID | None = None
    before: bool = False
    """The row was taken before, as this volunteer: nothing was done now, besides keeping what it tells of the contact."""
    contact_kept: bool = False
    duplicates: list[UUID] = field(default_factory=list[UUID])


async def enlist_all(
    connection: Connection,
    clock: Clock,
    who: Principal,
    vault: Vault,
    entries: Sequence[Entry],
    done: Callable[[int], None] = lambda _: None,
) -> list[Enlisted | Refusal]:
    """Every row by itself, in order; a refused row hurts no other. ``done`` is told how many rows are decided."""
    results: list[Enlisted | Refusal] = []
    for start in range(0, len(entries), AT_ONCE):
        results += await _enlist(connection, clock, who, vault, entries[start : start + AT_ONCE])
        done(len(results))
    kept = [str(each.volunteer_id) for each in results if isinstance(each, Enlisted) and each.contact_kept]
    if kept:
        # Last, as nobody else adds to the audit log until the transaction ends.
        await audit.record(connection, who, "contacts.imported", "ledger", {"volunteers": kept})
    return results


class _Written(NamedTuple):
    """What a batch writes, column by column of its tables."""

    drafts: list[Draft]
    volunteers: list[Any]
    refs: list[Any]
    movements: list[Any]
    accounts: list[Any]
    contacts: dict[UUID, Contact]


async def _enlist(
    connection: Connection, clock: Clock, who: Principal, vault: Vault, entries: Sequence[Entry]
) -> list[Enlisted | Refusal]:
    unit_ids = {entry.unit_id for entry in entries}
    units = await storage.lock_units(connection, unit_ids)
    quotas = await storage.quotas(connection, unit_ids)
    filled = await storage.registered(connection, unit_ids)
    waiting = await storage.nominated(connection, unit_ids)
    refs = await storage.known_refs(connection, {ref for entry in entries if (ref := entry.ref)})
    known = await contacts.acquaintances(connection, who, vault, [entry.contact for entry in entries if entry.contact])
    now = clock.now()
    today = now.astimezone(clock.zone).date()
    results: list[Enlisted | Refusal] = []
    additions: dict[UUID, tuple[str, Contact]] = {}
    new = _Written([], [], [], [], [], {})
    for entry in entries:
        if entry.ref in refs:
            results.append(_before(who, entry, refs[entry.ref], units, new, additions))
            continue
        day, place = entry.registered_on, (entry.unit_id, entry.team)
        taken, line = filled.setdefault(place, {}), waiting.get(place, [])
        verified = entry.disclosure.seen(now, who.name) if entry.disclosure else None
        refusal = _refused(who, entry, verified, units, now, clock)
        if refusal is None:
            volunteer_id = uuid7()
            ahead = rules.ahead_of(line, volunteer_id, day.year, returning=True)
            refusal = rules.in_turn(quotas.get((*place, day.year)), taken, day.year, ahead)
        if refusal is not None:
            results.append(refusal)
            continue
        duplicates: list[UUID] = []
        if entry.contact is not None:
            found = known.look(entry.contact, *place)
            if isinstance(found, Refusal):
                results.append(found)
                continue
            duplicates = found
            known.add(entry.contact, contacts.Known(volunteer_id, *place, "registered"))
        taken[day.year] = taken.get(day.year, 0) + 1
        if entry.ref is not None:
            refs[entry.ref] = volunteer_id
        account_id = _write(new, entry, volunteer_id, verified, units[entry.unit_id]["county"], today)
        kept = entry.contact is not None
        results.append(Enlisted(volunteer_id, account_id, contact_kept=kept, duplicates=duplicates))
    await storage.insert_volunteers(connection, new.volunteers)
    await storage.insert_refs(connection, new.refs)
    await storage.insert_movements(connection, new.movements)
    await storage.insert_accounts(connection, new.accounts)
    if new.contacts:
        await contacts.save(connection, vault, new.contacts)
    if additions:
        changed = await _add_contacts(connection, vault, additions)
        results = [_marked(each, changed) for each in results]
    await append(connection, new.drafts, clock)
    return results


def _before(
    who: Principal,
    entry: Entry,
    volunteer_id: UUID | None,
    units: Any,
    new: _Written,
    additions: dict[UUID, tuple[str, Contact]],
) -> Enlisted | Refusal:
    """A row that was taken before, or stands twice in this ledger."""
    refusal = commands.served(who, units[entry.unit_id]["county"])
    if refusal is not None:
        refusal.pointer = "/unit_id"
        return refusal
    if volunteer_id is None:
        return Refusal("erased", pointer="/row_ref")
    if entry.contact is not None and volunteer_id not in new.contacts:
        before = additions.get(volunteer_id)
        additions[volunteer_id] = (entry.unit_id, before[1].with_more(entry.contact) if before else entry.contact)
    return Enlisted(volunteer_id, before=True)


def _write(
    new: _Written, entry: Entry, volunteer_id: UUID, verified: Verified | None, county: str, today: date
) -> UUID | None:
    """Notes all that is to be written of a new volunteer; the account's id."""
    day, consented_on = entry.registered_on, entry.consented_on
    assert consented_on is not None
    common: Any = {"unit_id": entry.unit_id, "team": entry.team, "category": entry.category}
    new.volunteers.append((volunteer_id, *common.values(), "registered", day, consented_on, day, today))
    if entry.ref is not None:
        new.refs.append((*entry.ref, volunteer_id))
    new.movements.append((volunteer_id, "registered", entry.unit_id, day))
    new.drafts.append(Draft(VolunteerNominated(volunteer_id=volunteer_id, **common), county))
    told = VolunteerRegistered(volunteer_id=volunteer_id, registered_on=day, consented_on=consented_on, **common)
    new.drafts.append(Draft(told, county))
    if entry.contact is not None:
        new.contacts[volunteer_id] = entry.contact
    if verified is None:
        return None
    account_id = uuid7()
    new.accounts.append((account_id, volunteer_id, *verified))
    new.drafts.append(Draft(disclosures.disclosed(account_id, volunteer_id, verified), county))
    return account_id


async def _add_contacts(
    connection: Connection, vault: Vault, additions: dict[UUID, tuple[str, Contact]]
) -> frozenset[UUID]:
    """Of those who are still in the unit that tells it: whoever was transferred is another unit's to ask."""
    volunteers = await commands.lock_volunteers(connection, additions)
    mine = {
        id: contact
        for id, (unit_id, contact) in additions.items()
        if volunteers[id].unit_id == unit_id and not volunteers[id].erased
    }
    changed = await contacts.add_to(connection, vault, mine)
    await storage.note_changes(connection, changed)
    return frozenset(changed)


def _marked(result: Enlisted | Refusal, changed: frozenset[UUID]) -> Enlisted | Refusal:
    if isinstance(result, Refusal) or not result.before or result.volunteer_id not in changed:
        return result
    return Enlisted(result.volunteer_id, before=True, contact_kept=True)


def _refused(
    who: Principal, entry: Entry, verified: Verified | None, units: Any, now: datetime, clock: Clock
) -> Refusal | None:
    if entry.unit_id not in units:
        return Refusal("unknown_unit", pointer="/unit_id")
    refusal = commands.served(who, units[entry.unit_id]["county"])
    if refusal is not None:
        refusal.pointer = "/unit_id"
        return refusal
    if entry.row_ref is not None and (refusal := rules.may_refer(entry.row_ref)):
        return refusal
    refusal = rules.may_consent(entry.consented_on, entry.registered_on) or rules.timely_day(
        entry.registered_on, now, clock.zone, "/registered_on"
    )
    if refusal is None and verified is not None:
        refusal = rules.may_disclose(verified.disclosed_at, verified.verified_at, now)
    return refusal
