"""What the campaign reads from Kafka: the roster's events, and reports of other systems."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from services.campaign import commands, storage
from shared.clock import Clock
from shared.contracts.decoding import Decoder
from shared.contracts.roster import AccountWithdrawn, VolunteerLeft
from shared.contracts.topics import events_topic
from shared.delivery import parking
from shared.delivery.intake import Door
from shared.delivery.intake_subscription import intake_subscription
from shared.delivery.outbox import append
from shared.delivery.subscription import Read, Subscription
from shared.postgres import Connection
from shared.roster_view.storage import NEEDED, project
from shared.settings import Settings


def subscriptions(settings: Settings, door: Door, clock: Clock) -> list[Subscription[Any]]:
    return [roster_subscription(settings, clock), intake_subscription("campaign", door)]


def roster_subscription(settings: Settings, clock: Clock) -> Subscription[Any]:
    decoder = Decoder("roster", NEEDED, settings.zone)

    async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
        await take_roster_events(connection, clock, [read.content for read in reads])

    return Subscription(
        topic=events_topic("roster"),
        decode=lambda record: decoder(record.value),
        apply=apply,
        recorded=lambda event: event.recordedtime,
    )


async def take_roster_events(connection: Connection, clock: Clock, events: Sequence[Any]) -> None:
    """Projects the events, reacts to those that end something, wakes reports that waited for one."""
    things = await project(connection, events)
    await react_to_endings(connection, clock, events)
    await parking.arrived(connection, things)


async def react_to_endings(connection: Connection, clock: Clock, events: Sequence[Any]) -> None:
    """Voids shares that a withdrawal or departure, known only now, leaves without a disclosed account or a registered
    volunteer. Once an event; never in a rebuild."""
    endings = [event for event in events if event.type in (AccountWithdrawn.TYPE, VolunteerLeft.TYPE)]
    if not endings:
        return
    # From here to the commit no share is logged; those logged before are committed and seen below.
    await storage.change_roster(connection)
    fresh = await storage.handle_once(connection, [event.id for event in endings])
    since: dict[UUID, datetime] = {}
    for event in endings:
        if event.id in fresh:
            ended = _ended_at(event, clock)
            since[event.data.volunteer_id] = min(ended, since.get(event.data.volunteer_id, ended))
    if not since:
        return
    # In a story the shares are voided when their endings were recorded, not when the story is told.
    with clock.told(max(event.recordedtime for event in endings)):
        drafts = await commands.void_uncounted(connection, clock, since, clock.now())
        await append(connection, drafts, clock)


def _ended_at(event: Any, clock: Clock) -> datetime:
    """The first moment at which a share may not count any more; a departure is in force for its whole local day."""
    if event.type == AccountWithdrawn.TYPE:
        return event.data.withdrawn_at
    return datetime.combine(event.data.left_on, time(), clock.zone)
