"""Outbox: an event commits together with the state it tells of, in the command's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from uuid_utils.compat import uuid7

from shared import tracing
from shared.clock import Clock
from shared.contracts.envelope import Event, EventData
from shared.contracts.topics import events_topic
from shared.delivery.own_topic import BehindOwnTopic
from shared.delivery.waking import NOTIFY, wake_relay
from shared.postgres import Connection, after_commit

MAX_BYTES = 64 * 1024
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is recorded.

    ``county`` is a six-digit code. ``time`` is when an undoing happened (None: when it is recorded); facts with a time
    field of their own take it from there.
    """

    data: EventData
    county: str
    time: datetime | None = None


async def append(connection: Connection, drafts: Sequence[Draft], clock: Clock) -> list[Event]:
    """Records the drafts, in order, and returns their events.

    Takes the locks of their partition keys (sorted, so that two batches cannot wait for each other); under them each
    event gets the next ``sequence`` of its key and a ``recordedtime`` that never goes back. Raises ValueError for an
    event above 64 KiB: nothing of the transaction may then be committed. Raises BehindOwnTopic, an outage.
    """
    if not drafts:
        return []
    keys = sorted({_key(draft) for draft in drafts})
    last = {
        row["key"]: (row["sequence"], row["recordedtime"])
        for row in await connection.fetch(
            """insert into stream as s (key, sequence, recordedtime)
               select key, 0, '2000-01-01' from unnest($1::text[]) as key
               where not exists (select from behind) order by key
               on conflict (key) do update set sequence = s.sequence
               returning key, sequence, recordedtime""",
            keys,
        )
    }
    if not last:
        raise BehindOwnTopic
    events: list[Event] = []
    for draft in drafts:
        key = _key(draft)
        sequence, recorded = last[key]
        own_time = draft.data.own_time(clock.zone) or draft.time
        recordedtime = max(clock.recording(own_time), recorded + _TICK)
        last[key] = (sequence + 1, recordedtime)
        events.append(
            Event.of(
                draft.data,
                id=uuid7(),
                time=own_time or recordedtime,
                recordedtime=recordedtime,
                sequence=sequence + 1,
                county=draft.county,
                traceparent=tracing.current(),
            )
        )
    topic = events_topic(drafts[0].data.SERVICE)
    messages = [(topic, event.partitionkey, event.to_json()) for event in events]
    _check(messages)
    await connection.execute(
        f"""with kept as (
                update stream set sequence = d.sequence, recordedtime = d.recordedtime
                from unnest($4::text[], $5::bigint[], $6::timestamptz[]) as d (key, sequence, recordedtime)
                where stream.key = d.key
            ), {_sent()}""",
        *_columns(messages),
        keys,
        [last[key][0] for key in keys],
        [last[key][1] for key in keys],
    )
    return events


async def send(connection: Connection, messages: Sequence[tuple[str, str, bytes]]) -> None:
    """Puts (topic, key, value) into the outbox; the relay is woken at the commit, or just behind it."""
    if not messages:
        return
    _check(messages)
    await connection.execute(f"with {_sent()}", *_columns(messages))


def _sent() -> str:
    """Behind ``with``: puts $1 to $3 into the outbox, and wakes the relay where nobody else does."""
    wake = "1" if after_commit(wake_relay) else NOTIFY
    return f"""sent as (
                   insert into outbox (topic, key, value)
                   select * from unnest($1::text[], $2::text[], $3::bytea[]) returning 1
               )
               select {wake} from sent limit 1"""


def _columns(messages: Sequence[tuple[str, str, bytes]]) -> tuple[list[str], list[str], list[bytes]]:
    return [topic for topic, _, _ in messages], [key for _, key, _ in messages], [value for _, _, value in messages]


def _check(messages: Sequence[tuple[str, str, bytes]]) -> None:
    for topic, key, value in messages:
        if len(value) > MAX_BYTES:
            raise ValueError(f"event of {len(value)} bytes for {topic}, key {key}: at most {MAX_BYTES} are allowed")


def _key(draft: Draft) -> str:
    return str(getattr(draft.data, draft.data.KEY))
