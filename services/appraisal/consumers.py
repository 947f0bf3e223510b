"""Events in: each counted event becomes one narrow fact, and each batch changes the tallies once."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.appraisal import share_storage, storage, tallying
from services.appraisal.measures import (
    Changes,
    Fact,
    Kind,
    closing_flag,
    of,
    of_one,
    resolution_flag,
    voiding_flag,
)
from services.appraisal.shares import ShareReader, Shares, joined
from services.appraisal.storage import COUNTED, KIND_OF, SOURCES, Saved
from services.appraisal.tallying import Pending
from shared.contracts import roster
from shared.contracts.decoding import Decoded, Decoder
from shared.contracts.envelope import EventData
from shared.contracts.topics import events_topic
from shared.delivery.dead_letters import Record
from shared.delivery.subscription import Bulk, Read, Subscription
from shared.postgres import Connection
from shared.settings import Settings

_FLAGS: dict[Kind, Callable[[Any], int]] = {
    Kind.TIP_RESOLVED: lambda data: resolution_flag(data.outcome, data.answered),
    Kind.CORRECTION_CLOSED: lambda data: closing_flag(data.outcome),
    Kind.REPOST_VOIDED: lambda data: voiding_flag(data.reason),
}
_KEPT = {
    event_type.TYPE: (
        int(kind),
        attrgetter(event_type.SUBJECT[1]),
        event_type.KEY == "volunteer_id",
        _FLAGS.get(kind),
    )
    for event_type, kind in KIND_OF.items()
}
"""Kind, where the subject's id is found, whether a volunteer is spoken of, and what is kept of an outcome."""


def subscriptions(settings: Settings) -> list[Subscription[Decoded]]:
    """One subscription to the event topic of each producing service."""

    async def apply(connection: Connection, reads: Sequence[Read[Decoded]]) -> None:
        await take_in(connection, reads, settings.zone, datetime.now(UTC))

    async def apply_shares(connection: Connection, shares: Shares, reads: Sequence[Read[Decoded]]) -> None:
        await take_in(connection, reads, settings.zone, datetime.now(UTC), shares)

    found: list[Subscription[Decoded]] = []
    for service in SOURCES:
        types: list[type[EventData]] = [t for t in COUNTED if service == t.SERVICE]
        if service == "roster":
            types += [roster.UnitDefined, roster.QuotaSet]
        decoder = Decoder(service, types, settings.zone)
        decode = partial(_decoded, decoder)
        bulk = (
            Bulk(ShareReader(decode, settings.zone), apply_shares, joined, Shares.recorded)
            if service == "campaign"
            else None
        )
        found.append(
            Subscription(
                topic=events_topic(service),
                decode=decode,
                apply=apply,
                bulk=bulk,
                only_projects=True,
                recorded=lambda event: event.recordedtime,
            )
        )
    return found


def _decoded(decoder: Decoder, record: Record) -> Decoded | None:
    return decoder(record.value)


async def take_in(
    connection: Connection,
    reads: Sequence[Read[Decoded]],
    zone: ZoneInfo,
    now: datetime,
    shares: Shares | None = None,
) -> None:
    """Stores the facts of a batch and adds to the tallies what they change, whatever was known of their subjects.
    ``shares``: those of the batch that were read by columns."""
    pending = Pending()
    await store(connection, reads, zone, now, pending, shares)
    await tallying.write(connection, pending)


async def store(
    connection: Connection,
    reads: Sequence[Read[Decoded]],
    zone: ZoneInfo,
    now: datetime,
    pending: Pending,
    shares: Shares | None = None,
) -> None:
    """Stores the facts of a batch; what they change is added to ``pending``, for the caller to write."""
    told = sorted_out(reads, zone)
    if told.units:
        await storage.save_units(connection, told.units)
    if told.quotas:
        await storage.save_quotas(connection, told.quotas)
    facts = told.facts
    if shares is not None and not await share_storage.save(connection, shares):
        facts = list({fact.id: fact for fact in (*facts, *shares.facts())}.values())
        shares = None
    saved = await storage.save_facts(connection, facts) if facts else Saved([], set())
    if shares is None and not saved.new:
        return
    early = await storage.lock(connection, saved.new, shares)
    if shares is not None and early:
        # These count together with what came before them.
        shares, apart = shares.parted(early)
        saved.new.extend(apart.facts())
    known = await storage.find_others(connection, saved, early)
    await storage.note_mixed(connection, saved.new, known)
    _change(pending.changes, saved.new, known)
    if shares is not None:
        pending.add(shares)
    future = [fact for fact in saved.new if fact.time > now]
    await storage.note_future(connection, [*future, *(shares.later_than(now).facts() if shares is not None else ())])


class Told(NamedTuple):
    """What a batch tells: facts of different ids, definitions of units, settings of quotas."""

    facts: list[Fact]
    units: list[Read[Decoded]]
    quotas: list[Read[Decoded]]


def sorted_out(reads: Sequence[Read[Decoded]], zone: ZoneInfo) -> Told:
    facts: dict[UUID, Fact] = {}
    units: list[Read[Decoded]] = []
    quotas: list[Read[Decoded]] = []
    for read in reads:
        event, _, partition, offset = read
        kept = _KEPT.get(event.type)
        if kept is None:
            (units if event.type == roster.UnitDefined.TYPE else quotas).append(read)
            continue
        kind, subject_of, has_volunteer, flag_of = kept
        data, time = event.data, event.time
        facts[event.id] = Fact(
            event.id,
            kind,
            subject_of(data),
            event.county,
            data.from_county if kind == Kind.VOLUNTEER_TRANSFERRED else None,
            data.volunteer_id if has_volunteer else None,
            time,
            time.astimezone(zone).date(),
            event.recordedtime,
            event.sequence,
            flag_of(data) if flag_of else 0,
            partition,
            offset,
        )
    return Told(list(facts.values()), units, quotas)


def _change(changes: Changes, new: Sequence[Fact], known: Mapping[UUID, Sequence[Fact]]) -> None:
    """Adds ``of(after) − of(before)`` of every subject; of most, a new one with one fact, there is nothing before."""
    together: dict[UUID, list[Fact]] = {}
    for fact in new:
        together.setdefault(fact.subject, []).append(fact)
    for subject, facts in together.items():
        before = known.get(subject) if known else None
        if before is None:
            changes.add(of_one(facts[0]) if len(facts) == 1 else of(facts))
        else:
            changes.add(of([*before, *facts]))
            changes.take(of(before))
