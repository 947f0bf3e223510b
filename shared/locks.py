"""Every advisory lock of the deployment: its family's number, and how it is taken.

PostgreSQL keeps locks of two numbers (a family and a key within it, 32 bits each) apart from locks of one number of 64 bits.
A number written elsewhere might be another family's: then whoever needs the one lock waits for whoever holds the other.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum, unique
from typing import Any

from shared.postgres import Connection


@unique
class Family(IntEnum):
    """Locks of two numbers: the family, and what in it is locked."""

    CAMPAIGN_ROSTER = 0x51_53
    """The roster as the campaign service knows it, while shares are checked against it."""
    PARKING = 0x51_5A
    """Things that parked reports wait for."""
    FACTS = 0x51_5B
    """Subjects of the appraisal's facts."""
    AUDIT = 0x51_5C
    """The end of an audit log's chain."""
    RELAY = 0x51_5E
    """Which relay sends a service's outbox."""


@unique
class Single(IntEnum):
    """Locks of one number: one in a database."""

    REBUILD = 0x5147_5242
    """Of the appraisal's tables."""
    MIGRATION = 0x5147_5348
    """Of all schemas; two runs at once wait for each other."""


async def hold_names(connection: Connection, family: Family, names: Sequence[str], *, shared: bool = False) -> None:
    """Takes the locks of these names of the current schema until the transaction ends, in the order given."""
    take = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await connection.execute(
        f"select {take}($1, hashtext(current_schema || name)) from unnest($2::text[]) as name",  # noqa: S608
        int(family),
        list(names),
    )


async def hold_numbers(connection: Connection, family: Family, alone: Mapping[int, bool]) -> None:
    """Takes the locks of these numbers until the transaction ends, lower ones first: alone where true, else in common."""
    await connection.execute(
        """select case when d.alone then pg_advisory_xact_lock($1, d.number)
                       else pg_advisory_xact_lock_shared($1, d.number) end
           from unnest($2::int[], $3::bool[]) as d (number, alone)""",
        int(family),
        sorted(alone),
        [alone[number] for number in sorted(alone)],
    )


async def hold_table(connection: Connection, family: Family, table: str) -> None:
    """Takes the lock of this table until the transaction ends; the name is looked up as in any statement."""
    await connection.execute("select pg_advisory_xact_lock($1, $2::regclass::oid::int)", int(family), table)


async def lease(connection: Connection, family: Family) -> bool:
    """Takes the current schema's lock until the session ends, unless another session has it."""
    return await connection.fetchval("select pg_try_advisory_lock($1, hashtext(current_schema))", int(family))


async def lease_single(connection: Any, single: Single) -> bool:
    """Takes the lock until the session ends, unless another session has it."""
    return await connection.fetchval("select pg_try_advisory_lock($1)", int(single))


async def wait_for_single(connection: Any, single: Single) -> None:
    """Waits for the lock and keeps it until the session ends."""
    await connection.execute("select pg_advisory_lock($1)", int(single))
