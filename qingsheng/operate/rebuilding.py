"""Rebuilding the appraisal's projections from the log; the tables in use serve until the new ones take their place."""

import asyncio
import getpass
from dataclasses import dataclass
from typing import Any

import asyncpg

from qingsheng.operate.dead_letters import SKIPPED
from qingsheng.operate.lanes import Choice, Replayed
from qingsheng.operate.replaying import Progress, add_indices, fresh_tables, replay
from services.appraisal.storage import PROJECTED
from shared.locks import Single, lease_single
from shared.postgres import connect, role_of
from shared.settings import Settings

SCHEMA = "appraisal_rebuild"
OLD = "appraisal_before"
NEARLY = 2_000
"""Records that may be left when the tables are switched: the worker reads them."""
ATTEMPTS = 240


class Busy(Exception):
    """Another rebuild is under way, or the tables were never free for a moment."""


@dataclass
class Rebuilt:
    """``records``: read of the log; ``facts``: stored; ``revived``: dead letters that could be applied now."""

    records: int
    facts: int
    revived: int


async def rebuild(settings: Settings, progress: Progress = lambda _read, _all: None) -> Rebuilt:
    """Reads the whole log into new tables, then switches; the worker goes on behind where the log was read to."""
    lock: Any = await connect(settings)
    try:
        if not await lease_single(lock, Single.REBUILD):
            raise Busy("another rebuild is under way")
        dead = await lock.fetch(
            'select topic, "partition", "offset" from appraisal.dead_letter where reason <> $1', SKIPPED
        )
        discarded = await lock.fetch(
            """select r ->> 0 as topic, (r ->> 1)::int as "partition", (r ->> 2)::bigint as "offset"
               from appraisal.audit_line, jsonb_array_elements(detail -> 'records') as r
               where action = 'dlq.discard' and jsonb_typeof(detail -> 'records') = 'array'
               union select topic, "partition", "offset" from appraisal.dead_letter where reason = $1""",
            SKIPPED,
        )
        choice = Choice(
            skipped=frozenset(tuple(row) for row in discarded), watched=frozenset(tuple(row) for row in dead)
        )
        done = Replayed()
        async with fresh_tables(settings, SCHEMA) as connection:
            await replay(settings, SCHEMA, done, choice, progress=progress)
            await add_indices(settings, connection, SCHEMA)
            read = NEARLY + 1
            while read > NEARLY:  # what came meanwhile
                before = sum(done.next.values())
                await replay(settings, SCHEMA, done, choice, progress=progress)
                read = sum(done.next.values()) - before
            facts = await connection.fetchval(f"select count(*) from {SCHEMA}.fact")
            await connection.execute(f"drop schema if exists {OLD} cascade; create schema {OLD}")
            await _switch(connection, done)
            await connection.execute(f"drop schema {OLD} cascade")
        return Rebuilt(sum(done.next.values()), facts, len(done.applied))
    finally:
        await lock.close()


async def _switch(connection: Any, done: Replayed) -> None:
    """In one transaction. Gives way to readers: whoever waits for a lock longer than a moment tries again."""
    for _ in range(ATTEMPTS):
        try:
            async with connection.transaction():
                # Longer than a second, after which PostgreSQL ends an autovacuum that is in the way.
                await connection.execute("set local lock_timeout = '1500ms'; set local search_path = ''")
                await _switch_now(connection, done)
                return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(0.5)
    raise Busy("the tables are in use without a pause; nothing was changed")


async def _switch_now(connection: Any, done: Replayed) -> None:
    # The worker's transactions write offsets first: behind this lock none is under way.
    await connection.execute("lock table appraisal.consumer_offset in exclusive mode")
    for table in PROJECTED:
        await connection.execute(f"lock table appraisal.{table} in access exclusive mode")
    views = await _views(connection)
    for table in PROJECTED:
        await _grant_alike(connection, table)
        # The indices go with their tables: both cannot be in one schema.
        await connection.execute(
            f"""alter table appraisal.{table} set schema {OLD};
                alter table {SCHEMA}.{table} set schema appraisal"""
        )
    for view in views:
        await connection.execute(view)
    places = sorted(done.next)
    await connection.execute(
        """insert into appraisal.consumer_offset (topic, "partition", next_offset, recorded_until)
           select * from unnest($1::text[], $2::int[], $3::bigint[], $4::timestamptz[])
           on conflict (topic, "partition") do update
           set next_offset = excluded.next_offset, recorded_until = excluded.recorded_until, caught_up_at = null""",
        [place.topic for place in places],
        [place.partition for place in places],
        [done.next[place] for place in places],
        [done.recorded.get(place) for place in places],
    )
    applied = sorted(done.applied)
    await connection.execute(
        """delete from appraisal.dead_letter where (topic, "partition", "offset") in
               (select * from unnest($1::text[], $2::int[], $3::bigint[]))""",
        [at[0] for at in applied],
        [at[1] for at in applied],
        [at[2] for at in applied],
    )
    await connection.execute(
        "insert into appraisal.audit_line (actor, action, detail) values ($1, 'rebuild', $2)",
        f"cli:{getpass.getuser()}",
        {"records": sum(done.next.values())},
    )


async def _views(connection: Any) -> list[str]:
    """Statements that make the views on these tables anew: a view follows its table, not its table's name."""
    rows = await connection.fetch(
        """select distinct format('%I.%I', n.nspname, c.relname) as name, c.reloptions, pg_get_viewdef(c.oid) as body
           from pg_depend d
           join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
           join pg_class c on c.oid = r.ev_class and c.relkind = 'v'
           join pg_namespace n on n.oid = c.relnamespace
           where d.refobjid = any(select format('appraisal.%I', t)::regclass::oid from unnest($1::text[]) as t)""",
        list(PROJECTED),
    )
    return [
        f"create or replace view {row['name']}"
        + (f" with ({', '.join(row['reloptions'])})" if row["reloptions"] else "")
        + f" as {row['body']}"
        for row in rows
    ]


async def _grant_alike(connection: Any, table: str) -> None:
    """Whoever may use the present table may use the new one."""
    rows = await connection.fetch(
        """select quote_ident(r.rolname) as role, a.privilege_type as privilege
           from pg_class c, aclexplode(c.relacl) as a join pg_roles r on r.oid = a.grantee
           where c.oid = format('appraisal.%I', $1::text)::regclass and a.grantee <> c.relowner""",
        table,
    )
    for row in rows:
        await connection.execute(f"grant {row['privilege']} on {SCHEMA}.{table} to {row['role']}")
    if not rows:
        await connection.execute(f"grant select, insert, update, delete on {SCHEMA}.{table} to {role_of('appraisal')}")
