"""The subscription of services that only project the roster's events."""

from collections.abc import Sequence
from typing import Any

from shared.contracts.decoding import Decoder
from shared.contracts.topics import events_topic
from shared.delivery import parking
from shared.delivery.subscription import Read, Subscription
from shared.postgres import Connection
from shared.roster_view.storage import NEEDED, project
from shared.settings import Settings


def roster_subscription(settings: Settings) -> Subscription[Any]:
    """Projects units, movements and accounts, and wakes reports that waited for one."""
    decoder = Decoder("roster", NEEDED, settings.zone)

    async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        things = await project(connection, [read.content for read in reads])
        await parking.arrived(connection, things)

    return Subscription(
        topic=events_topic("roster"),
        decode=lambda record: decoder(record.value),
        apply=apply,
        recorded=lambda event: event.recordedtime,
    )
