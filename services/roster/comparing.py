"""Comparing contacts with those that are kept tells whether somebody is a volunteer. So each time leaves an audit line, and
a county's operators have a budget of it."""

from collections.abc import Sequence

from services.roster.personal import Contact
from shared.access import audit
from shared.access.roles import Principal
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, Pool, in_transaction

CAPACITY = 1000
"""Contacts that a county may have compared at once."""
PER_HOUR = 1000
"""Those that come back."""


async def noted(pool: Pool, who: Principal, contacts: Sequence[Contact | None], *, charged: bool = True) -> None:
    """Writes down, in a transaction of its own, that ``who`` has these compared: the line stays where the comparison is a
    trial and rolled back, or refused. To be awaited before the transaction that compares. ``charged``: False for a list
    that was tried and is recorded now. Raises ``rate_limited`` while the county's budget is used up.

    Whoever has a token left may go into debt for a list and waits afterwards, so a list of any length passes. Operators of
    the city are not limited: they serve every county, whose volunteers are no secret to them.
    """
    count = sum(1 for contact in contacts if contact is not None and (contact.phone or contact.email))
    if not count:
        return
    subject = f"county/{who.county}" if who.county else "city"

    async def work(connection: Connection) -> bool:
        allowed = not (who.county and charged) or await _taken(connection, who.county, count)
        refused = {} if allowed else {"refused": True}
        await audit.record(connection, who, "contacts.compared", subject, {"contacts": count} | refused)
        return allowed

    if not await in_transaction(pool, work):
        raise Refusal("rate_limited")


async def _taken(connection: Connection, county: str, count: int) -> bool:
    """Takes ``count`` tokens, or none and returns False where not one is left."""
    taken = await connection.fetchval(
        """insert into comparison_bucket as b (county, tokens, at) values ($1, $2::float8 - $4, now())
           on conflict (county) do update
           set tokens = least($2, b.tokens + extract(epoch from now() - b.at) * $3 / 3600) - $4, at = now()
           where b.tokens + extract(epoch from now() - b.at) * $3 / 3600 >= 1
           returning true""",
        county,
        float(CAPACITY),
        float(PER_HOUR),
        float(count),
    )
    return bool(taken)
