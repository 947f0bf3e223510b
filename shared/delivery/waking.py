"""Waking the relay of a service: one NOTIFY for all that was committed meanwhile.

Within the commands' own transactions a NOTIFY would have them commit one after the other: PostgreSQL holds the lock on its
queue of notifications until the commit is on disk. Should a process end before it has notified, the relay looks by itself.
"""
# pyright: reportMissingTypeStubs=false

import asyncio
from contextlib import suppress

import asyncpg

from shared.postgres import OUTAGES, Pool

NOTIFY = "pg_notify(current_schema || '_outbox', '')"
PATIENCE = 10.0
_due: set[Pool] = set()
"""A NOTIFY is to come that has not begun: it will do for whatever is committed until then."""
_under_way: set["asyncio.Task[None]"] = set()


def wake_relay(pool: Pool) -> None:
    """Has the relay woken soon; returns at once."""
    if pool in _due:
        return
    _due.add(pool)
    task = asyncio.get_running_loop().create_task(_notify(pool))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def _notify(pool: Pool) -> None:
    with suppress(*OUTAGES, asyncpg.PostgresError):
        try:
            async with pool.acquire(timeout=PATIENCE) as connection:
                _due.discard(pool)
                # Nothing is written that a disk would have to be waited for.
                await connection.execute(f"select set_config('synchronous_commit', 'off', true), {NOTIFY}")
        finally:
            _due.discard(pool)
