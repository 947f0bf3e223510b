"""What batches change in the counts of volunteers and in the tallies: added up, then written by two upserts, sorted.

Changes are sums, so it does not matter when they are written, or of how many batches at once: a worker writes those of one
with its facts, a replay those of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np

from services.appraisal.measures import Changes, Measure, TallyKey, person_change
from services.appraisal.shares import UNIX_DAYS, Bytes, Numbers, Shares, hexadecimal
from shared.postgres import Connection

_MERGE = 200_000
"""Rows of volunteers' shares from which on they are added up in memory."""


class Persons(NamedTuple):
    """How many shares each volunteer (rows of 16 bytes) has by county and month (since 1970): a row each."""

    volunteer: Bytes
    county: Numbers
    month: Numbers
    n: Numbers


@dataclass
class Pending:
    """Changes that are not yet written. ``shares``: of those that were read by columns."""

    changes: Changes = field(default_factory=Changes)
    shares: list[Persons] = field(default_factory=list[Persons])
    _merged: int = 0

    def add(self, shares: Shares) -> None:
        month = (shares.day + UNIX_DAYS).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        one = np.ones(len(shares), np.int64)
        self.shares.append(_added_up([Persons(shares.volunteer, shares.county, month, one)]))
        if sum(len(part.n) for part in self.shares) > max(_MERGE, 2 * self._merged):
            self.shares = [_added_up(self.shares)]
            self._merged = len(self.shares[0].n)

    def clear(self) -> None:
        self.changes, self.shares, self._merged = Changes(), [], 0

    def __len__(self) -> int:
        """Rows held in memory."""
        return len(self.changes.counts) + len(self.changes.persons) + sum(len(part.n) for part in self.shares)


def _added_up(parts: Sequence[Persons]) -> Persons:
    """No volunteer, county and month twice."""
    volunteer, county, month, n = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    halves = volunteer.view(">u8").reshape(-1, 2)
    keys = (county, month, halves[:, 1], halves[:, 0])
    order = np.lexsort(keys)
    change = np.ones(len(order), np.bool_)
    change[1:] = np.any([key[order[1:]] != key[order[:-1]] for key in keys], axis=0)
    (begins,) = np.nonzero(change)
    first = order[begins]
    return Persons(volunteer[first], county[first], month[first], np.add.reduceat(n[order], begins))


async def write(connection: Connection, pending: Pending) -> None:
    """First the counts by volunteer, then what these change, with the rest, in the tallies."""
    totals = pending.changes.counts
    for start, grain, county, before, after, persons in await _count(connection, pending):
        for bucket, n in person_change(grain, before, after).items():
            key = TallyKey(grain, county, start, bucket)
            totals[key] = totals.get(key, 0) + n * persons
    changed = sorted((key, n) for key, n in totals.items() if n)
    if changed:
        await connection.execute(
            """insert into tally as t (measure, county, day, bucket, n)
               select * from unnest($1::smallint[], $2::text[], $3::date[], $4::int[], $5::bigint[])
               on conflict (measure, county, day, bucket) do update set n = t.n + excluded.n""",
            [key.measure for key, _ in changed],
            [key.county for key, _ in changed],
            [key.day for key, _ in changed],
            [key.bucket for key, _ in changed],
            [n for _, n in changed],
        )


async def _count(connection: Connection, pending: Pending) -> Sequence[tuple[date, int, str, int, int, int]]:
    """Start, grain, county, count before and count after: of how many volunteers."""
    keys, numbers = zip(*pending.changes.persons, strict=True) if pending.changes.persons else ((), ())
    grains, volunteers, counties, starts = zip(*keys, strict=True) if keys else ((), (), (), ())
    columns = [[*volunteers], [*starts], [*grains], [*counties], [*numbers]]
    for shares in pending.shares:
        columns[0] += hexadecimal(shares.volunteer)
        columns[1] += shares.month.astype("datetime64[M]").astype("datetime64[D]").tolist()
        columns[2] += [int(Measure.SHARE)] * len(shares.n)
        columns[3] += [f"{county:06}" for county in shares.county.tolist()]
        columns[4] += shares.n.tolist()
    if not columns[0]:
        return []
    # Added up and grouped by the server: thousands of volunteers come back as a few rows.
    rows = await connection.fetch(
        """with change as (
               select volunteer, start, grain, county, sum(n)::int as n
               from unnest($1::uuid[], $2::date[], $3::smallint[], $4::text[], $5::int[])
                    as c (volunteer, start, grain, county, n)
               group by volunteer, start, grain, county having sum(n) <> 0
               order by volunteer, start, grain, county
           ), changed as (
               insert into person_count as p (volunteer, start, grain, county, n) select * from change
               on conflict (volunteer, start, grain, county) do update set n = p.n + excluded.n
               returning volunteer, start, grain, county, n
           )
           select start, grain, county, changed.n - change.n as before, changed.n as after, count(*)
           from changed join change using (volunteer, start, grain, county)
           group by start, grain, county, before, after""",
        *columns,
    )
    return [tuple(row) for row in rows]
