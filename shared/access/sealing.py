"""Seals of the audit log, and the look at its whole chain (charter C11).

The chain alone shows a changed line only: whoever may write past the services can cut its tail, or make all of it anew
with hashes that fit. So once a local day a seal says how far the log reached: the number of its last line and that
line's hash under a key that is derived from the deployment's secret. Seals stand beside the log; those of the roster's
log are published as ``roster.audit_sealed`` too, where no one who has the database alone can take them back.
"""
# pyright: reportMissingTypeStubs=false

import asyncio
import contextlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.access import audit
from shared.clock import Clock
from shared.contracts.broken import Broken
from shared.contracts.decoding import Decoder
from shared.contracts.envelope import NOON
from shared.contracts.roster import AuditSealed
from shared.contracts.topics import events_topic
from shared.delivery.broker import admin, connection_options
from shared.postgres import Connection
from shared.security import derived_key
from shared.settings import Settings

LATE = timedelta(days=2)
"""A log whose last seal is older than this has no worker that seals it."""
RECENT = timedelta(days=40)
"""How far back the daily look reads the topic; ``qingsheng audit verify`` reads all of it."""
TOPIC_TIMEOUT = 30.0
"""Seconds a worker reads the topic at most: its transaction is open meanwhile."""
LOGS = ("roster", "access", "training", "opinion", "campaign", "appraisal")
"""Schemas with an audit log, ``audit`` in each."""
Kind = Literal["changed", "missing", "cut", "made_anew", "seal_lost", "unsealed"]
Progress = Callable[[int, int], None]
"""Called with how many lines or records were looked at, and how many there are."""


@dataclass(frozen=True)
class Seal:
    """``lines``: the number of the last line on that day. ``head``: see ``head_of``. ``published``: it was read from the
    topic, not from the database that is looked at."""

    sealed_on: date
    lines: int
    head: bytes
    published: bool = False


@dataclass(frozen=True)
class Fault:
    """What is wrong with a log.

    ``changed``: line ``line`` does not follow from the one before. ``missing``: lines ``line`` to ``to`` are gone from
    the middle. ``cut``: the log ended with line ``to`` when it was sealed on ``sealed_on``; the lines from ``line`` are gone.
    ``made_anew``: line ``to`` is another one than was sealed on ``sealed_on``; it was made after the seal, as were those before
    it from ``line`` on or some of them. ``seal_lost``: the seal of ``sealed_on`` is on the topic, and not in the database.
    ``unsealed``: there are lines, and no seal of the last days; ``sealed_on`` is the last one's date, or None.
    """

    kind: Kind
    line: int | None = None
    to: int | None = None
    sealed_on: date | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"sealed_on": self.sealed_on.isoformat() if self.sealed_on else None}

    @classmethod
    def of_json(cls, given: dict[str, Any]) -> "Fault":
        on = given["sealed_on"]
        return cls(given["kind"], given["line"], given["to"], date.fromisoformat(on) if on else None)


@dataclass(frozen=True)
class Checked:
    """``lines``: how many were looked at; ``last_seal``: the date of the latest seal that they fit."""

    lines: int
    last_seal: date | None
    faults: list[Fault]


@dataclass(frozen=True)
class Look:
    """A look at the whole chain, as it was kept: when, how many lines it had, what was wrong."""

    checked_at: datetime
    lines: int
    faults: list[Fault]


class Key:
    """The key of one log's seals; ``schema`` is the log's."""

    def __init__(self, settings: Settings, schema: str) -> None:
        self._key = derived_key(settings.secret_key.get_secret_value(), f"audit seal of {schema}")

    def head_of(self, sealed_on: date, lines: int, last: bytes) -> bytes:
        """HMAC-SHA-256 over the date, the number of the last line and its hash: 32 bytes."""
        return hmac.digest(self._key, f"{sealed_on.isoformat()} {lines} {last.hex()}".encode(), "sha256")


class Sealing:
    """A worker's daily work for one log: sealing it, then looking at all of its chain. ``publish`` tells of a new seal, in
    the same transaction."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        schema: str,
        publish: Callable[[Connection, Seal], Awaitable[None]] | None = None,
    ) -> None:
        self._settings, self._clock, self._schema, self._publish = settings, clock, schema, publish

    @property
    def jobs(self) -> list[Callable[[Connection], Awaitable[object]]]:
        return [self.seal, self.look]

    async def seal(self, connection: Connection) -> Seal | None:
        """Seals the log, once a local date whoever else tries; None where that was done, or the log is empty: there is
        nothing to seal then. Raises what ``publish`` does."""
        today = self._today()
        last = await connection.fetchrow(
            f"""select number, hash from {self._schema}.audit
                where not exists (select from {self._schema}.audit_seal where sealed_on >= $1)
                order by number desc limit 1""",  # noqa: S608
            today,
        )
        if last is None:
            return None
        head = Key(self._settings, self._schema).head_of(today, last["number"], last["hash"])
        seal = Seal(today, last["number"], head)
        # Of two workers the second waits here for the first, and finds it done.
        made = await connection.fetchval(
            f"""insert into {self._schema}.audit_seal (sealed_on, lines, head) values ($1, $2, $3)
                on conflict do nothing returning true""",  # noqa: S608
            seal.sealed_on,
            seal.lines,
            seal.head,
        )
        if not made:
            return None
        if self._publish:
            await self._publish(connection, seal)
        return seal

    async def look(self, connection: Connection) -> Checked | None:
        """Looks at the whole chain, once a local date, and keeps what it saw for the page; None where that was done. The
        seals of the last 40 days on the topic count as well; while Kafka is away, every hour looks again."""
        before: Any = await connection.fetchrow(f"select checked_at, topic_read from {self._schema}.audit_check")  # noqa: S608
        if before is not None and (before["topic_read"] or not self._publish):
            checked_at: datetime = before["checked_at"]
            if checked_at.astimezone(self._clock.zone).date() >= self._today():
                return None
        published: list[Seal] | None = None
        if self._publish:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(TOPIC_TIMEOUT):
                    published = await published_seals(self._settings, self._clock.now() - RECENT)
        found = await check(connection, self._settings, self._schema, published or (), self._clock.now())
        await connection.execute(
            f"""insert into {self._schema}.audit_check (checked_at, lines, topic_read, faults) values ($1, $2, $3, $4::text::jsonb)
                on conflict (only_one) do update set checked_at = excluded.checked_at, lines = excluded.lines,
                    topic_read = excluded.topic_read, faults = excluded.faults""",  # noqa: S608
            self._clock.now(),
            found.lines,
            published is not None,
            json.dumps([fault.as_json() for fault in found.faults]),
        )
        return found

    def _today(self) -> date:
        return self._clock.now().astimezone(self._clock.zone).date()


async def check(
    connection: Connection,
    settings: Settings,
    schema: str,
    published: Iterable[Seal],
    now: datetime,
    progress: Progress = lambda _read, _all: None,
) -> Checked:
    """Looks at every line of a log, and holds the chain against the seals of its own table and against ``published``. Each
    kind of fault is told once, where it shows first."""
    own = await _seals(connection, schema)
    seals = sorted([*own, *published], key=lambda seal: (seal.lines, seal.sealed_on))
    total = await connection.fetchval(f"select count(*) from {schema}.audit")  # noqa: S608
    looked, faults = await _along(connection, settings, schema, seals, 0, None, total, progress)
    known = {(seal.sealed_on, seal.lines, seal.head) for seal in own}
    for seal in seals:
        if (seal.sealed_on, seal.lines, seal.head) not in known:
            faults.append(Fault("seal_lost", to=seal.lines, sealed_on=seal.sealed_on))
            break
    return Checked(looked.lines, looked.last_seal, faults + await _unsealed(connection, schema, own, now))


async def check_recent(connection: Connection, settings: Settings, schema: str, now: datetime, limit: int) -> Checked:
    """Looks at up to ``limit`` lines from the last seal on, and at that the log reaches as far as its seals say: what a page
    can do each time it is shown."""
    own = await _seals(connection, schema)
    seals = sorted(own, key=lambda seal: seal.lines)[-1:]
    start = max(0, seals[0].lines - 1) if seals else 0
    looked, faults = await _along(
        connection, settings, schema, seals, start, start + limit, limit, lambda _read, _all: None
    )
    return Checked(looked.lines, looked.last_seal, faults + await _unsealed(connection, schema, own, now))


async def last_look(connection: Connection, schema: str) -> Look | None:
    """What the worker saw when it last looked at the whole chain; None where it never did."""
    row = await connection.fetchrow(f"select checked_at, lines, faults::text from {schema}.audit_check")  # noqa: S608
    if row is None:
        return None
    return Look(row["checked_at"], row["lines"], [Fault.of_json(each) for each in json.loads(row["faults"])])


async def published_seals(
    settings: Settings, since: datetime | None = None, progress: Progress = lambda _read, _all: None
) -> list[Seal]:
    """The seals of the roster's log on its topic, of one date the one with the lowest sequence; ``since``: those recorded
    from then on. Raises what a consumer raises."""
    topic = settings.topic_prefix + events_topic("roster")
    async with admin(settings) as client:
        if topic not in await client.list_topics():
            return []
    decode = Decoder("roster", [AuditSealed], settings.zone)
    consumer: Any = AIOKafkaConsumer(
        topic,
        **connection_options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    found: dict[date, tuple[int, Seal]] = {}
    await consumer.start()
    try:
        places: list[TopicPartition] = sorted(consumer.assignment())
        ends = cast(dict[TopicPartition, int], await consumer.end_offsets(places))
        at = dict(cast(dict[TopicPartition, int], await consumer.beginning_offsets(places)))
        if since is not None:
            moment = int(since.timestamp() * 1000)
            times: dict[TopicPartition, Any] = await consumer.offsets_for_times(dict.fromkeys(places, moment))
            at |= {place: times[place].offset if times.get(place) else ends[place] for place in places}
        for place in places:
            consumer.seek(place, at[place])
        read, total = 0, sum(ends[place] - at[place] for place in places)
        left = {place for place in places if at[place] < ends[place]}
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200, max_records=2_000)).values():
                read += len(records)
                for record in records:
                    # Other types are not even parsed: the log is long, and these are one a day.
                    if record.value is None or AuditSealed.TYPE.encode() not in record.value:
                        continue
                    with contextlib.suppress(Broken):  # whoever reads the topic makes a dead letter of it
                        event = decode(record.value)
                        if event is not None:
                            data = cast(AuditSealed, event.data)
                            seal = Seal(data.sealed_on, data.lines, bytes.fromhex(data.head), published=True)
                            if event.sequence < found.get(seal.sealed_on, (event.sequence + 1, seal))[0]:
                                found[seal.sealed_on] = (event.sequence, seal)
            progress(read, total)
            for place in sorted(left):
                if await consumer.position(place) >= ends[place]:
                    left.discard(place)
        return [seal for _, seal in found.values()]
    finally:
        await consumer.stop()


async def _seals(connection: Connection, schema: str) -> list[Seal]:
    rows = await connection.fetch(f"select sealed_on, lines, head from {schema}.audit_seal")  # noqa: S608
    return [Seal(row["sealed_on"], row["lines"], row["head"]) for row in rows]


async def _along(
    connection: Connection,
    settings: Settings,
    schema: str,
    seals: Sequence[Seal],
    after: int,
    until: int | None,
    total: int,
    progress: Progress,
) -> tuple[Checked, list[Fault]]:
    """The chain from behind line ``after`` up to ``until``, and the seals (in the order of their lines) of what lies
    there."""
    key = Key(settings, schema)
    faults: dict[Kind, Fault] = {}
    expected, looked, fits = after + 1, 0, None
    good = after
    """The last line that a seal fits."""
    waiting = [seal for seal in seals if seal.lines > after]
    async for number, hash, follows in audit.chained(connection, after, until, f"{schema}.audit"):
        if number != expected:
            faults.setdefault("missing", Fault("missing", expected, number - 1))
        elif not follows:
            faults.setdefault("changed", Fault("changed", number))
        while waiting and waiting[0].lines <= number:
            seal = waiting.pop(0)
            if seal.lines == number and hmac.compare_digest(seal.head, key.head_of(seal.sealed_on, number, hash)):
                good, fits = number, seal.sealed_on
            elif seal.lines == number:
                faults.setdefault("made_anew", Fault("made_anew", good + 1, number, seal.sealed_on))
        expected, looked = number + 1, looked + 1
        if looked % 500 == 0:
            progress(looked, total)
    if waiting:  # seals of lines behind the last one
        end = await connection.fetchval(f"select coalesce(max(number), 0) from {schema}.audit")  # noqa: S608
        faults["cut"] = Fault("cut", end + 1, waiting[-1].lines, waiting[-1].sealed_on)
    progress(looked, total)
    return Checked(looked, fits, []), list(faults.values())


async def _unsealed(connection: Connection, schema: str, own: Sequence[Seal], now: datetime) -> list[Fault]:
    """Whether the log has lines, and waits for a seal longer than a worker takes to make one."""
    last = max((seal.sealed_on for seal in own), default=None)
    if last is not None and now - datetime.combine(last, NOON, UTC) < LATE + timedelta(days=1):
        return []
    first = await connection.fetchval(f"select min(at) from {schema}.audit where number < 1000")  # noqa: S608
    return [Fault("unsealed", sealed_on=last)] if first is not None and first < now - LATE else []
