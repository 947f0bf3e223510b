"""Volunteers' own pages: the private links to them, and what they show."""

from uuid import UUID

from services.campaign import rules, storage
from shared.access import audit
from shared.access.links import hash_of, new_token
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.roster_view import storage as roster


async def issue_link(connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID) -> str:
    """The path of a new link to a volunteer's own page, shown once; an earlier one ends. Raises ``not_found``,
    ``forbidden`` for a volunteer of another county."""
    await serving(connection, who, volunteer_id)
    token = new_token()
    await storage.replace_link(connection, hash_of(token), volunteer_id, who.name, clock.now())
    await audit.record(connection, who, "volunteer_link.issued", f"volunteer/{volunteer_id}")
    return f"/campaign/mine/{token}"


async def revoke_link(connection: Connection, clock: Clock, who: Principal, volunteer_id: UUID) -> None:
    """Ends a link at once. Raises ``not_found``, ``forbidden``."""
    await serving(connection, who, volunteer_id)
    if not await storage.revoke_link(connection, volunteer_id, clock.now()):
        raise Refusal("not_found")
    await audit.record(connection, who, "volunteer_link.revoked", f"volunteer/{volunteer_id}")


async def serving(connection: Connection, who: Principal, volunteer_id: UUID) -> None:
    """Raises ``not_found`` for a volunteer not known, ``forbidden`` for one of another county."""
    county = rules.last_county((await roster.movements(connection, [volunteer_id])).get(volunteer_id, ()))
    if county is None:
        raise Refusal("not_found")
    who.must_serve(county)


async def volunteer_of(connection: Connection, token: str) -> UUID:
    """Whose page a living link leads to. Raises ``not_found``."""
    volunteer_id = await storage.volunteer_of_link(connection, hash_of(token))
    if volunteer_id is None:
        raise Refusal("not_found")
    return volunteer_id
