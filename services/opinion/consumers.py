"""What opinion reads from Kafka: the roster's events, and reports of other systems."""

from collections.abc import Sequence
from typing import Any

from shared.contracts.decoding import Decoder
from shared.contracts.topics import events_topic
from shared.delivery import parking
from shared.delivery.intake import Door
from shared.delivery.intake_subscription import intake_subscription
from shared.delivery.subscription import Read, Subscription
from shared.postgres import Connection
from shared.roster_view.storage import NEEDED, project
from shared.settings import Settings


def subscriptions(settings: Settings, door: Door) -> list[Subscription[Any]]:
    return [roster_subscription(settings), intake_subscription("opinion", door)]


def roster_subscription(settings: Settings) -> Subscription[Any]:
    decoder = Decoder("roster", NEEDED, settings.zone)

    async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        await take_roster_events(connection, [read.content for read in reads])

    return Subscription(
        topic=events_topic("roster"),
        decode=lambda record: decoder(record.value),
        apply=apply,
        recorded=lambda event: event.recordedtime,
    )


async def take_roster_events(connection: Connection, events: Sequence[Any]) -> None:
    """Projects the events and wakes reports that waited for one."""
    await parking.arrived(connection, await project(connection, events))
