"""The seals of the audit log as events: where the database's administrator cannot take them back."""

from shared.access.sealing import Seal, Sealing
from shared.clock import Clock
from shared.contracts.roster import AuditSealed
from shared.delivery.outbox import Draft, append
from shared.delivery.worker import Job
from shared.postgres import Connection
from shared.settings import Settings


def jobs(settings: Settings, clock: Clock) -> list[Job]:
    """Seals the roster's log, publishes the seal, and looks at the chain; the same for the log of accounts, whose seals
    stay in the database."""

    async def publish(connection: Connection, seal: Seal) -> None:
        county = await _city(connection)
        if county is not None:  # before any unit is defined there is no city to tell of
            data = AuditSealed(sealed_on=seal.sealed_on, lines=seal.lines, head=seal.head.hex())
            await append(connection, [Draft(data, county)], clock)

    return [*Sealing(settings, clock, "roster", publish).jobs, *Sealing(settings, clock, "access").jobs]


async def _city(connection: Connection) -> str | None:
    """The code of the city level: that of the city's own unit, else the one above any county's (GB/T 2260: 3509 02 is a
    county of 3509 00)."""
    return await connection.fetchval(
        """select case when kind = 'city' then county else left(county, 4) || '00' end from unit
           order by kind <> 'city', unit_id limit 1"""
    )
