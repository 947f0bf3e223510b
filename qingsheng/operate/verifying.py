"""Verifying closed reports: the log once more up to the stored offsets, the figures once more, and the digests."""

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from aiokafka import AIOKafkaConsumer, TopicPartition

from qingsheng.operate.lanes import Choice, Replayed
from qingsheng.operate.replaying import LogUnreadable, Progress, add_indices, fresh_tables, replay
from services.appraisal import closings, commands, period_storage, reports
from services.appraisal.closings import Closing, Known, scheme_of
from services.appraisal.measures import MEASURES_VERSION
from services.appraisal.periods import Moment, Period, evaluation
from services.appraisal.storage import FACT_COLUMNS, KIND_OF, PROJECTED
from shared.contracts.appraisal import PeriodClosed
from shared.contracts.topics import events_topic
from shared.delivery.broker import connection_options
from shared.postgres import connect, use_json
from shared.settings import Settings

SHOWN = 10


class NothingClosed(Exception):
    """The period, or that revision of it, was never closed."""


@dataclass
class Verdict:
    """What was found of one revision. ``problems`` is empty where everything agrees; ``events``: how many it rests on."""

    period: str
    revision: int
    digest: str
    events: int
    problems: list[str] = field(default_factory=list[str])

    @property
    def proved(self) -> bool:
        return not self.problems


async def verify(
    settings: Settings,
    period: str,
    revision: int | None = None,
    progress: Callable[[int], Progress] = lambda _revision: lambda _read, _all: None,
) -> list[Verdict]:
    """One verdict a revision, all of them without ``revision``. Raises NothingClosed."""
    connection: Any = await connect(settings, search_path="appraisal", timezone="UTC")
    await use_json(connection)
    try:
        numbers = [
            each["revision"]
            for each in await period_storage.history(connection, period)
            if revision in (None, each["revision"])
        ]
        if not numbers:
            raise NothingClosed(f"{period} was never closed" + (f" as revision {revision}" if revision else ""))
        verdicts: list[Verdict] = []
        told = await _published(settings, period)
        for number in numbers:
            closing = await period_storage.closing_of(connection, period, number)
            assert closing is not None
            verdicts.append(await _verdict(settings, connection, closing, told.get(number), progress(number)))
    finally:
        await connection.close()
    return verdicts


async def _verdict(
    settings: Settings, connection: Any, closing: Closing, published: set[str] | None, progress: Progress
) -> Verdict:
    try:
        record = closing.record
        verdict = Verdict(closing.period, closing.revision, closing.digest, record["events"]["count"])
    except (ValueError, KeyError, TypeError):
        broken = ["the stored record can no longer be read"]
        return Verdict(closing.period, closing.revision, closing.digest, 0, broken)
    verdict.problems += await _chain(connection, closing, record, published)
    if record.get("measures_version") != MEASURES_VERSION:
        verdict.problems.append(
            f"closed with measures version {record.get('measures_version')}, this software has {MEASURES_VERSION}: "
            "verify with the version that closed it"
        )
        return verdict
    try:
        verdict.problems += await _recomputed(settings, connection, closing, record, progress)
    except LogUnreadable as error:
        verdict.problems.append(str(error))
    except (ValueError, KeyError, TypeError) as error:
        verdict.problems.append(f"the stored record makes no sense any more: {type(error).__name__}")
    return verdict


async def _chain(connection: Any, closing: Closing, record: Mapping[str, Any], published: set[str] | None) -> list[str]:
    """The record against its digest, the digest against its neighbours and what was published."""
    found: list[str] = []
    if closings.digest_of(closing.text) != closing.digest:
        found.append("the stored record is not the one that the digest was made of")
    before = await period_storage.closed_before(connection, closing.number)
    expected = before.digest if before else None
    if record["previous_digest"] != expected or closing.previous_digest != expected:
        found.append("the record does not name the digest of the report closed before it")
    if published and published != {closing.digest}:
        found.append(f"the event period_closed says another digest: {', '.join(sorted(published))}")
    return found


async def _recomputed(
    settings: Settings, connection: Any, closing: Closing, record: Mapping[str, Any], progress: Progress
) -> list[str]:
    zone = ZoneInfo(record["time_zone"])
    then = settings.model_copy(update={"time_zone": record["time_zone"]})
    known = Known(record)
    schema = f"appraisal_verify_{secrets.token_hex(4)}"
    async with fresh_tables(settings, schema) as scratch:
        chosen = _up_to(settings, record)
        try:
            await replay(then, schema, Replayed(), chosen, closing.closed_at, progress)
            events = await period_storage.events_taken_in(scratch)
        except LogUnreadable:
            events = None
        if events != record["events"]:
            # Another cluster has other offsets, and letters may have been discarded: the same events, wherever they stand.
            ids = await _ids_then(connection, known)
            if ids is None or _digest_of(ids) != record["events"]:
                return ["the log up to the stored offsets does not hold the events that the report was made from"]
            await scratch.execute("; ".join(f"truncate {table}" for table in PROJECTED))
            await replay(then, schema, Replayed(), Choice(wanted=frozenset(ids)), closing.closed_at, progress)
            events = await period_storage.events_taken_in(scratch)
            if events != record["events"]:
                return ["the log no longer holds all events that the report was made from"]
        await add_indices(settings, scratch, schema)
        found = await _altered(scratch, settings, known)
        asked = _asked(closing, record, zone)
        shown = reports.computed(asked, await reports.inputs(scratch, asked))
        again = commands.record_of(
            asked,
            shown,
            revision=closing.revision,
            closed_by=record["closed_by"],
            offsets=record["offsets"],
            dead=record["pending_dead_letters"],
            events=record["events"],
            previous_digest=record["previous_digest"],
            zone=zone,
        )
        if closings.digest_of(closings.canonical(again)) != closing.digest:
            found.append(f"recomputed from the log it differs: {_where(record, again)}")
    return found


def _asked(closing: Closing, record: Mapping[str, Any], zone: ZoneInfo) -> reports.Question:
    period = Period.parse(closing.period)
    moment = Moment(closing.closed_at)
    return reports.Question(period, scheme_of(record), None, moment, evaluation(period, moment, zone))


def _up_to(settings: Settings, record: Mapping[str, Any]) -> Choice:
    prefix = settings.topic_prefix
    return Choice(
        until={
            TopicPartition(prefix + topic, int(partition)): end
            for topic, partitions in record["offsets"].items()
            for partition, end in partitions.items()
        },
        skipped=frozenset(
            (prefix + each["topic"], each["partition"], each["offset"]) for each in record["pending_dead_letters"]
        ),
    )


async def _ids_then(connection: Any, known: Known) -> list[UUID] | None:
    """Ids of the events that the database has from below the stored offsets."""
    ids: list[UUID] = []
    last = UUID(int=0)
    while rows := await connection.fetch(
        'select id, kind, "partition", "offset" from fact where id > $1 order by id limit 50000', last
    ):
        ids += [id for id, kind, partition, offset in rows if known.holds(reports.topic_of(kind), partition, offset)]
        last = rows[-1]["id"]
    rows = await connection.fetch(
        """select event_id, "partition", "offset" from unit_definition
           union all select event_id, "partition", "offset" from quota_setting"""
    )
    if any(row["offset"] is None for row in rows):
        return None
    return ids + [row["event_id"] for row in rows if known.holds(reports.topic_of(None), row[1], row[2])]


def _digest_of(ids: Sequence[UUID]) -> dict[str, Any]:
    text = "\n".join(str(id) for id in sorted(ids))
    return {"count": len(ids), "sha256": hashlib.sha256(text.encode()).hexdigest()}


async def _altered(scratch: Any, settings: Settings, known: Known) -> list[str]:
    """What the database holds otherwise than the log, of the events that the report was made from."""
    found: list[str] = []
    for table, key, columns in (
        ("fact", "id", [name for name in FACT_COLUMNS if name not in ("partition", "offset")]),
        (
            "unit_definition",
            "event_id",
            ["event_id", "unit_id", "sequence", "kind", "county", "parent_id", "name", "time", "recordedtime"],
        ),
        (
            "quota_setting",
            "event_id",
            ["event_id", "unit_id", "team", "year", "quota", "sequence", "time", "recordedtime"],
        ),
    ):
        ours, theirs = (", ".join(f'{side}."{name}"' for name in columns) for side in ("f", "s"))
        rows = await scratch.fetch(
            f"""select s.{key} from {table} s left join appraisal.{table} f on f.{key} = s.{key}
                where f.{key} is null or row({ours}) is distinct from row({theirs})
                order by 1 limit {SHOWN + 1}"""
        )
        found += _told(f"stored in {table} otherwise than in the log", [row[0] for row in rows])
    topics = {int(kind): events_topic(event_type.SERVICE) for event_type, kind in KIND_OF.items()}
    places = [
        (kind, partition, end)
        for kind, topic in topics.items()
        for (of, partition), end in known.offsets.items()
        if of == topic
    ]
    rows = await scratch.fetch(
        f"""select f.id, f.kind, f."partition", f."offset" from appraisal.fact f
            join unnest($1::int[], $2::int[], $3::bigint[]) as p (kind, "partition", next)
              on p.kind = f.kind and p."partition" = f."partition" and f."offset" < p.next
            where not exists (select from fact s where s.id = f.id) order by 1 limit {SHOWN * 100}""",
        *([place[at] for place in places] for at in range(3)),
    )
    forged = [id for id, kind, partition, offset in rows if known.holds(topics[kind], partition, offset)]
    return found + _told("stored in fact, though not in the log at its place", forged)


def _told(what: str, ids: Sequence[UUID]) -> list[str]:
    if not ids:
        return []
    return [f"{what}: {', '.join(str(id) for id in ids[:SHOWN])}{' …' if len(ids) > SHOWN else ''}"]


def _where(record: Mapping[str, Any], again: Mapping[str, Any]) -> str:
    """Names of what differs, counties by their codes."""
    differing = [name for name in again if record.get(name) != again[name]]
    if "counties" in differing:
        rows = {row["county"]: row for row in record["counties"]}
        differing += [row["county"] for row in again["counties"] if rows.get(row["county"]) != row]
    return ", ".join(differing) or "in its form"


async def _published(settings: Settings, period: str) -> dict[int, set[str]]:
    """Digests by revision, as the events on the appraisal's own topic tell them."""
    topic = settings.topic_prefix + events_topic("appraisal")
    consumer: Any = AIOKafkaConsumer(
        topic, **connection_options(settings), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    told: dict[int, set[str]] = {}
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    event = json.loads(record.value or b"null")
                    if event and event.get("type") == PeriodClosed.TYPE and event["data"]["period"] == period:
                        told.setdefault(event["data"]["revision"], set()).add(event["data"]["digest"])
    finally:
        await consumer.stop()
    return told
