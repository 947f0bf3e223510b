"""Events in: each counted event becomes one narrow fact, and each batch changes the tallies once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.appraisal import storage
from services.appraisal.measures import (
    Changes,
    Fact,
    Kind,
    closing_flag,
    of,
    of_one,
    person_change,
    resolution_flag,
)
from services.appraisal.storage import Row
from shared.contracts import campaign, opinion, roster, training
from shared.contracts.decoding import Decoded, Decoder
from shared.contracts.envelope import EventData
from shared.contracts.topics import events_topic
from shared.delivery.consuming import Read, Subscription
from shared.postgres import Connection
from shared.settings import Settings

Told = tuple[Kind, UUID, UUID | None, str | None, int]
"""Kind, subject, volunteer, former county, flag."""

COUNTED: dict[type[EventData], Callable[[Any], Told]] = {
    roster.VolunteerRegistered: lambda d: (Kind.VOLUNTEER_REGISTERED, d.volunteer_id, d.volunteer_id, None, 0),
    roster.VolunteerTransferred: lambda d: (
        Kind.VOLUNTEER_TRANSFERRED,
        d.volunteer_id,
        d.volunteer_id,
        d.from_county,
        0,
    ),
    roster.VolunteerLeft: lambda d: (Kind.VOLUNTEER_LEFT, d.volunteer_id, d.volunteer_id, None, 0),
    training.AttendanceRecorded: lambda d: (Kind.ATTENDANCE_RECORDED, d.attendance_id, d.volunteer_id, None, 0),
    training.AttendanceVoided: lambda d: (Kind.ATTENDANCE_VOIDED, d.attendance_id, d.volunteer_id, None, 0),
    opinion.TipReported: lambda d: (Kind.TIP_REPORTED, d.tip_id, None, None, 0),
    opinion.TipTriaged: lambda d: (Kind.TIP_TRIAGED, d.tip_id, None, None, 0),
    opinion.TipResolved: lambda d: (
        Kind.TIP_RESOLVED,
        d.tip_id,
        None,
        None,
        resolution_flag(d.outcome, d.answered),
    ),
    opinion.TipVoided: lambda d: (Kind.TIP_VOIDED, d.tip_id, None, None, 0),
    opinion.CorrectionOpened: lambda d: (Kind.CORRECTION_OPENED, d.case_id, None, None, 0),
    opinion.CorrectionClosed: lambda d: (Kind.CORRECTION_CLOSED, d.case_id, None, None, closing_flag(d.outcome)),
    campaign.PostPublished: lambda d: (Kind.POST_PUBLISHED, d.post_id, None, None, 0),
    campaign.PostWithdrawn: lambda d: (Kind.POST_WITHDRAWN, d.post_id, None, None, 0),
    campaign.RepostLogged: lambda d: (Kind.REPOST_LOGGED, d.repost_id, d.volunteer_id, None, 0),
    campaign.RepostVoided: lambda d: (Kind.REPOST_VOIDED, d.repost_id, d.volunteer_id, None, 0),
}
"""What the appraisal keeps of each event type that it counts."""
_COUNTED = {event_type.TYPE: told for event_type, told in COUNTED.items()}
SOURCES = ("roster", "training", "opinion", "campaign")


def subscriptions(settings: Settings) -> list[Subscription[Decoded]]:
    """One subscription to the event topic of each producing service."""

    async def apply(connection: Connection, reads: Sequence[Read[Decoded]]) -> None:
        await take_in(connection, reads, settings.zone, datetime.now(UTC))

    found: list[Subscription[Decoded]] = []
    for service in SOURCES:
        types: list[type[EventData]] = [t for t in COUNTED if service == t.SERVICE]
        if service == "roster":
            types += [roster.UnitDefined, roster.QuotaSet]
        decoder = Decoder(service, types, settings.zone)
        found.append(
            Subscription(
                topic=events_topic(service),
                decode=lambda record, decoder=decoder: decoder(record.value),
                apply=apply,
                recorded=lambda event: event.recordedtime,
            )
        )
    return found


async def take_in(connection: Connection, reads: Sequence[Read[Decoded]], zone: ZoneInfo, now: datetime) -> None:
    """Stores the facts of a batch and adds to the tallies what they change, whatever was known of their subjects."""
    rows: dict[UUID, Row] = {}
    units: list[Decoded] = []
    quotas: list[Decoded] = []
    for event, _, partition, offset in reads:
        told = _COUNTED.get(event.type)
        if told is None:
            (units if event.type == roster.UnitDefined.TYPE else quotas).append(event)
            continue
        kind, subject, volunteer, other_county, flag = told(event.data)
        time = event.time
        fact = Fact(
            event.id,
            kind,
            subject,
            event.county,
            other_county,
            volunteer,
            time,
            time.astimezone(zone).date(),
            event.recordedtime,
            event.sequence,
            flag,
        )
        rows[event.id] = (fact, partition, offset)
    if units:
        await storage.save_units(connection, units)
    if quotas:
        await storage.save_quotas(connection, quotas)
    if rows:
        saved = await storage.save_facts(connection, list(rows.values()))
        if saved.new:
            known = await storage.lock_and_find_others(connection, saved)
            await storage.add_to_tallies(connection, _changes(saved.new, known), person_change)
            await storage.note_future(connection, [fact for fact in saved.new if fact.time > now])


def _changes(new: Sequence[Fact], known: Mapping[UUID, Sequence[Fact]]) -> Changes:
    """``of(after) − of(before)`` of every subject; of most, a new one with one fact, there is nothing before."""
    changes = Changes()
    together: dict[UUID, list[Fact]] = {}
    for fact in new:
        together.setdefault(fact.subject, []).append(fact)
    for subject, facts in together.items():
        before = known.get(subject)
        if before is None:
            changes.add(of_one(facts[0]) if len(facts) == 1 else of(facts))
        else:
            changes.add(of([*before, *facts]))
            changes.take(of(before))
    return changes
