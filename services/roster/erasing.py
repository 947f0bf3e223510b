"""C1: a person's data are erased as they ask, without a reason and without a mark; after it the id means nobody."""

from uuid import UUID

from services.roster import commands, disclosures, storage
from shared.access import audit
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.roster import VolunteerDeclined
from shared.delivery.outbox import Draft, append
from shared.postgres import Connection


async def erase(connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID) -> None:
    """Withdraws the accounts, ends the membership, destroys the person's key, hashes and whatever else ties the id to the
    person. Done before, it does nothing. Raises ``not_found``, ``forbidden``."""
    volunteer = await commands.lock_volunteer(connection, volunteer_id)
    county = (await storage.lock_units(connection, [volunteer.unit_id]))[volunteer.unit_id]["county"]
    who.must_serve(county)
    if volunteer.erased:
        return
    now = clock.now()
    drafts: list[Draft] = []
    for account in await storage.living_accounts(connection, volunteer_id):
        at = max(now, account["disclosed_at"])
        drafts.append(await disclosures.withdrawal(connection, clock, volunteer, account["account_id"], at))
    if volunteer.state == "nominated":
        await storage.decline(connection, [volunteer_id])
        drafts.append(Draft(VolunteerDeclined(volunteer_id=volunteer_id, reason="withdrawn"), county))
    await append(connection, drafts, clock)
    if volunteer.state == "registered":
        await commands.leave(connection, clock, who, volunteer_id, None)
    await storage.erase(connection, volunteer_id, county)
    await audit.record(connection, who, "volunteer.erased", f"volunteer/{volunteer_id}")
