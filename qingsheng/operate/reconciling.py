"""A service whose database is older than what it has published goes on behind that, by an operator's decision."""

import getpass
import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.access import audit
from shared.contracts.topics import events_topic
from shared.delivery.own_topic import Published, compare, note_published
from shared.postgres import connect, role_of, use_json
from shared.settings import Settings


@dataclass(frozen=True)
class Reconciled:
    """``unknown``: published events that the database lacks, for operators to enter again; ``renumbered``: events that
    waited to be sent under sequences already used."""

    unknown: list[Published]
    renumbered: int

    @property
    def by_type(self) -> dict[str, int]:
        return dict(Counter(event.type for event in self.unknown))

    def as_json(self) -> dict[str, Any]:
        return {"unknown": [asdict(event) for event in self.unknown], "renumbered": self.renumbered}


async def reconcile(settings: Settings, service: str, *, accept: bool) -> Reconciled:
    """What the database lacks. With ``accept`` its sequences move behind the published ones, and commands go on."""
    topic = events_topic(service)
    connection: Any = await connect(settings, search_path=service, role=role_of(service))
    await use_json(connection)
    try:
        async with connection.transaction():
            await connection.execute("lock table behind in exclusive mode")
            compared = await compare(connection, settings, service)
            if not accept:
                return Reconciled(compared.unknown, 0)
            last: dict[str, tuple[int, datetime]] = {}
            for event in compared.unknown:
                recorded = datetime.fromisoformat(event.recordedtime)
                sequence, latest = last.get(event.key, (0, recorded))
                last[event.key] = (max(sequence, event.sequence), max(latest, recorded))
            renumbered = await _renumber(connection, topic, last, {event.id for event in compared.unknown})
            await connection.executemany(
                """insert into stream as s (key, sequence, recordedtime) values ($1, $2, $3)
                   on conflict (key) do update set sequence = greatest(s.sequence, excluded.sequence),
                                                   recordedtime = greatest(s.recordedtime, excluded.recordedtime)""",
                [(key, *at) for key, at in sorted(last.items())],
            )
            full = settings.topic_prefix + topic
            await note_published(connection, {(full, number): end for number, end in compared.ends.items()})
            await connection.execute("delete from behind")
            done = Reconciled(compared.unknown, renumbered)
            details = {
                "events": done.by_type,
                "ids": [event.id for event in done.unknown][:1000],
                "renumbered": renumbered,
            }
            await audit.record(connection, f"cli:{getpass.getuser()}", "reconcile", f"service/{service}", details)
    finally:
        connection.terminate()
    return done


async def _renumber(connection: Any, topic: str, last: dict[str, tuple[int, datetime]], published: set[str]) -> int:
    """Events that wait in the outbox and were recorded by this older database get sequences behind the published ones;
    ``last`` goes on with them."""
    changed = 0
    rows = await connection.fetch(
        "select id, key, value from outbox where topic = $1 and key = any($2::text[]) order by id for update",
        topic,
        sorted(last),
    )
    for row in rows:
        event = json.loads(row["value"])
        sequence, recorded = last[row["key"]]
        if event["id"] in published or int(event["sequence"]) > sequence:
            continue
        own = datetime.fromisoformat(event["recordedtime"])
        last[row["key"]] = (sequence + 1, max(own, recorded + timedelta(microseconds=1)))
        event |= {"sequence": str(sequence + 1), "recordedtime": last[row["key"]][1].isoformat()}
        value = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        await connection.execute("update outbox set value = $2 where id = $1", row["id"], value)
        changed += 1
    return changed
