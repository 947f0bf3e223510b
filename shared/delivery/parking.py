"""Parking: a report waits for something not yet seen, in the transaction of its offset, and is settled by any replica.

Parking and projecting both take the advisory lock of the missing thing and look again, so neither misses the other.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.contracts.requests import Request
from shared.locks import Family, hold_names
from shared.postgres import Connection
from shared.security import Sealer

_LOCKS = 256
"""Things share this many locks: a projection of thousands of things must not exhaust PostgreSQL's lock table."""
SETTLE_CHUNK = 500


async def lock(connection: Connection, things: Sequence[str]) -> None:
    """Takes the things' locks until the end of the transaction, in one order for all."""
    numbers = sorted({zlib.crc32(thing.encode()) % _LOCKS for thing in things})
    if numbers:
        await hold_names(connection, Family.PARKING, [str(number) for number in numbers])


async def arrived(connection: Connection, things: Sequence[str]) -> None:
    """To be called by whatever makes things known, in its transaction and after its writes: wakes what waits for them."""
    if not things:
        return
    await lock(connection, things)
    await connection.execute(
        """with woken as (update parked set arrived = true where thing = any($1::text[]) and not arrived returning 1)
           select pg_notify(current_schema || '_parked', '') from woken limit 1""",
        list(things),
    )


async def wake_for_references(connection: Connection) -> None:
    """Wakes reports whose ``reference/<producer>/<kind>/<reference>`` was registered since.

    Asked for at each settling, from the few that wait: who registers references does not know this service.
    """
    await connection.execute(
        """update parked p set arrived = true
           where (p.source, p.id) in (
               select w.source, w.id from parked w
               join access.external_ref r
                   on w.thing = 'reference/' || r.producer || '/' || r.kind || '/' || r.external_ref
               where not w.arrived and w.thing like 'reference/%' for update of w skip locked
           )"""
    )


async def park(connection: Connection, waiting: Sequence[tuple[Request, str, str | None]], sealer: Sealer) -> None:
    """Stores reports, sealed, with what each waits for and on which topic that would come."""
    await connection.executemany(
        "insert into parked (source, id, type, request, thing, awaits) values ($1, $2, $3, $4, $5, $6)",
        [(r.source, r.id, r.type, sealer.seal(r.to_bytes()), thing, topic) for r, thing, topic in waiting],
    )


async def due(connection: Connection, patience: float) -> list[Any]:
    """Locks and returns reports to decide: their thing has arrived, or their clock has run ``patience`` seconds."""
    return await connection.fetch(
        """select source, id, request, thing, arrived from parked
           where arrived or clock_from < now() - make_interval(secs => $1)
           order by parked_at, source, id limit $2 for update skip locked""",
        patience,
        SETTLE_CHUNK,
    )


def opened(row: Mapping[str, Any], sealer: Sealer) -> Request:
    return Request.from_bytes(sealer.open(row["request"]))


async def release(connection: Connection, done: Sequence[tuple[str, str]]) -> None:
    await connection.execute(
        "delete from parked where (source, id) in (select * from unnest($1::text[], $2::text[]))",
        [source for source, _ in done],
        [id for _, id in done],
    )


async def wait_on(connection: Connection, still: Sequence[tuple[Request, str, str | None]]) -> None:
    """Reports that found one thing and lack another wait for that one; their clock starts anew with its topic."""
    await connection.executemany(
        """update parked set thing = $3, awaits = $4, arrived = false, read_to = null, clock_from = null
           where source = $1 and id = $2""",
        [(request.source, request.id, thing, topic) for request, thing, topic in still],
    )


async def topics_to_note(connection: Connection) -> list[str]:
    """Topics whose present ends have to be noted for reports parked since the last look."""
    rows = await connection.fetch(
        "select distinct awaits from parked where read_to is null and awaits is not null and not arrived"
    )
    return [row["awaits"] for row in rows]


async def note_ends(connection: Connection, ends: Mapping[str, Mapping[str, Mapping[int, int]]]) -> None:
    """For reports parked since the last look: where the topics they wait for stand now, as {awaited: {topic: {partition: end}}}."""
    await connection.execute("update parked set read_to = '{}' where read_to is null and awaits is null")
    for awaited, topics in ends.items():
        await connection.execute(
            "update parked set read_to = $2 where read_to is null and awaits = $1",
            awaited,
            {topic: {str(p): end for p, end in partitions.items()} for topic, partitions in topics.items()},
        )


async def start_clocks(connection: Connection) -> None:
    """The waiting time runs once what was on the awaited topics at parking has been read."""
    await connection.execute(
        """update parked set clock_from = now()
           where clock_from is null and read_to is not null and not exists (
               select from jsonb_each(read_to) as t (topic, ends)
               cross join jsonb_each_text(ends) as e (part, "end")
               left join consumer_offset o on o.topic = t.topic and o."partition" = e.part::int
               where coalesce(o.next_offset, 0) < e."end"::bigint
           )"""
    )
