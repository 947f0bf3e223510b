"""Personal data of volunteers, within the caller's transaction: kept, read, recognised. Every look at it leaves an audit
line (charter C11)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from services.roster import rules, storage
from services.roster.personal import Contact, Sealed, Vault
from services.roster.rules import State, Volunteer
from shared.access import audit
from shared.access.roles import Principal
from shared.contracts.refusals import Refusal
from shared.postgres import Connection


class Known(NamedTuple):
    """Whose phone or e-mail it is."""

    volunteer_id: UUID
    unit_id: str
    team: str
    state: State


class Acquaintances:
    """Who is known by which hash; what a batch enters is known to the rows after it."""

    def __init__(self, vault: Vault, known: dict[bytes, list[Known]]) -> None:
        self._vault, self._known = vault, known

    def look(self, contact: Contact, unit_id: str, team: str) -> list[UUID] | Refusal:
        """Who may be the same person; ``duplicate_volunteer`` for somebody of the very same unit and team."""
        found = {
            known.volunteer_id: known
            for kind_of_hash in self._vault.hashes(contact).values()
            for known in self._known.get(kind_of_hash, ())
        }
        for known in found.values():
            same_team = (known.unit_id, known.team) == (unit_id, team)
            if not rules.may_join_twice(known.state, same_team=same_team):
                return Refusal("duplicate_volunteer", pointer="/contact", volunteer=known.volunteer_id)
        return list(found)

    def add(self, contact: Contact, known: Known) -> None:
        for each in self._vault.hashes(contact).values():
            self._known.setdefault(each, []).append(known)


async def acquaintances(
    connection: Connection, who: Principal, vault: Vault, contacts: Sequence[Contact]
) -> Acquaintances:
    """Those whom ``who`` serves and who are known by the phones and e-mails of these contacts: nobody's are read for that.
    Whether somebody is a volunteer of another county is not told."""
    hashes = {each for contact in contacts for each in vault.hashes(contact).values()}
    known: dict[bytes, list[Known]] = {}
    for row in await storage.known_by(connection, hashes, who.county) if hashes else ():
        known.setdefault(row["hash"], []).append(Known(*list(row)[1:]))
    return Acquaintances(vault, known)


async def save(connection: Connection, vault: Vault, contacts: Mapping[UUID, Contact]) -> None:
    """In place of what was kept of these volunteers before, each under the key of the person."""
    before = await storage.contacts(connection, contacts)
    sealed = {id: vault.seal(id, contact, before[id][0] if id in before else None) for id, contact in contacts.items()}
    await storage.save_contacts(connection, [(id, each.wrapped_key, each.sealed) for id, each in sealed.items()])
    hashes = [(id, kind, each) for id, contact in contacts.items() for kind, each in vault.hashes(contact).items()]
    await storage.save_hashes(connection, list(contacts), hashes)


async def add_to(connection: Connection, vault: Vault, contacts: Mapping[UUID, Contact]) -> list[UUID]:
    """What these tell takes the place of what stood there, what they leave out stays; whose contact that changed."""
    before = await opened(connection, vault, list(contacts))
    after = {id: before.get(id, Contact()).with_more(contact) for id, contact in contacts.items()}
    changed = {id: contact for id, contact in after.items() if contact != before.get(id)}
    if changed:
        await save(connection, vault, changed)
    return list(changed)


async def opened(connection: Connection, vault: Vault, volunteer_ids: Sequence[UUID]) -> dict[UUID, Contact]:
    """Of those of whom something is kept. Whoever shows it to anybody audits it."""
    found = await storage.contacts(connection, volunteer_ids)
    return {volunteer_id: vault.open(volunteer_id, Sealed(*each)) for volunteer_id, each in found.items()}


async def replace(
    connection: Connection, who: Principal, vault: Vault, volunteer: Volunteer, contact: Contact
) -> list[UUID]:
    """Keeps this contact of a volunteer, locked by the caller; who else, of those whom ``who`` serves, may be the same
    person. Raises ``erased``."""
    refusal = rules.may_know(volunteer)
    if refusal is not None:
        raise refusal
    known = await storage.known_by(connection, list(vault.hashes(contact).values()), who.county)
    await save(connection, vault, {volunteer.volunteer_id: contact})
    await storage.note_change(connection, volunteer.volunteer_id)
    await note(connection, who, "contact.changed", volunteer.volunteer_id, contact.fields)
    return list({row["volunteer_id"]: None for row in known if row["volunteer_id"] != volunteer.volunteer_id})


async def read(connection: Connection, who: Principal, vault: Vault, volunteer_id: UUID) -> Contact:
    """One volunteer's, with an audit line."""
    found = (await opened(connection, vault, [volunteer_id])).get(volunteer_id, Contact())
    await note(connection, who, "contact.read", volunteer_id, found.fields)
    return found


async def note(connection: Connection, who: Principal, action: str, volunteer_id: UUID, fields: Sequence[str]) -> None:
    await audit.record(connection, who, action, f"volunteer/{volunteer_id}", {"fields": list(fields)})
