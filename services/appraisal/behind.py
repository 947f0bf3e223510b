"""The events behind a figure, page by page at any depth: only what a page shows is read, and what decides whether it counts.

A page follows its drivers (see ``evidence.DRIVERS``) through an index. Subjects that name more than one county are few, and read
whole.
"""
# ruff: noqa: S608  # the names of columns are constants

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from uuid import UUID

from services.appraisal.evidence import DRIVERS, KINDS, LIMITED, Evidence, Part, Place, days_of, placed
from services.appraisal.figures import Term
from services.appraisal.measures import Fact, Kind
from services.appraisal.periods import Evaluation
from services.appraisal.storage import FACT, MOVEMENTS
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

_PARTS: tuple[Part, ...] = ("numerator", "denominator")
_LAST = datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)
_Placed = tuple[Place, Fact, Evidence]


@dataclass(frozen=True)
class Behind:
    """``instant``: the last time that counts; ``cut``: only what was recorded before it is known (None: all); ``is_late``:
    of a closed period, whether a fact came after the closing."""

    connection: Connection
    term: Term
    county: str
    seen: Evaluation
    instant: datetime
    cut: datetime | None
    is_late: Callable[[Fact], bool] | None

    async def page(self, start: Sequence[str] | None, limit: int) -> list[Evidence]:
        """Up to ``limit`` events behind ``start``, the part, time and id of the one before."""
        parts: list[Part] = [part for part in _PARTS if part in DRIVERS[self.term.indicator]]
        floor: Place | None = None
        if start is not None:
            parts = [part for part in parts if part == "denominator" or start[0] == "0"]
            if parts and ("0" if parts[0] == "numerator" else "1") == start[0]:
                floor = await self._place_of(parts[0], start[2])
        found: list[Evidence] = []
        for part in parts:
            found += await self._of_part(part, floor, limit - len(found))
            floor = None
            if len(found) >= limit:
                break
        return found

    async def _of_part(self, part: Part, floor: Place | None, limit: int) -> list[Evidence]:
        mixed = await self._mixed(part)
        found: list[_Placed] = []
        while True:
            drivers = await self._drivers(part, floor, limit + 1)
            more = len(drivers) > limit
            shown = await self._placed(part, drivers, {driver.id for driver in drivers})
            horizon = (drivers[-1].time, drivers[-1].id, *_LAST) if more else None
            shown += [each for each in mixed if horizon is None or each[0] <= horizon]
            found += sorted((each for each in shown if floor is None or each[0] > floor), key=lambda each: each[0])
            if not more or len(found) >= limit:
                return [each for _, _, each in found[:limit]]
            floor = horizon

    async def _placed(self, part: Part, drivers: Sequence[Fact], ids: Collection[UUID]) -> list[_Placed]:
        """What is shown of these drivers."""
        if not drivers:
            return []
        subjects = await self._subjects({driver.subject for driver in drivers})
        if part == "numerator" and self.term.indicator in LIMITED:
            subjects |= await self._before(drivers)
        found = self._read(part, list(subjects.values()))
        return [each for each in found if each[1].id in ids]

    def _read(self, part: Part, subjects: Sequence[Sequence[Fact]]) -> list[_Placed]:
        told = placed(part, self.term, self.county, subjects, self.seen, self.instant)
        late = {fact.id for facts in subjects for fact in facts if self.is_late and self.is_late(fact)}
        if not late:
            return told
        then = [[fact for fact in facts if fact.id not in late] for facts in subjects]
        after = [
            (place, driver, each._replace(why_not="after_closing"))
            for place, driver, each in told
            if each.fact.id in late
        ]
        return placed(part, self.term, self.county, then, self.seen, self.instant) + after

    async def _place_of(self, part: Part, id: str) -> Place:
        """Where an event of this part stands. Raises ``schema`` for one that is not there."""
        try:
            fact = await self.connection.fetchrow(f"select {FACT} from fact f where id = $1", UUID(id))
        except ValueError:
            fact = None
        if fact is not None:
            subjects = await self._subjects({fact["subject"]})
            for place, _, each in self._read(part, list(subjects.values())):
                if each.fact.id == fact["id"]:
                    return place
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _drivers(self, part: Part, floor: Place | None, limit: int) -> list[Fact]:
        """The next ``limit`` from the floor's own on, in order."""
        first, last = days_of(part, self.term, self.seen)
        kinds = DRIVERS[self.term.indicator][part]
        since, since_id = (floor[0], floor[1]) if floor else (_midnight(first) - timedelta(days=1), UUID(int=0))
        places = [f"kind = {int(kind)} and county = $1" for kind in kinds]
        if Kind.VOLUNTEER_TRANSFERRED in kinds:
            places.append(f"kind = {int(Kind.VOLUNTEER_TRANSFERRED)} and other_county = $1 and county <> $1")
        each = " union all ".join(
            f"""(select {FACT} from fact f where {place} and (time, id) >= ($2, $3) and time < $4
                 and day between $5 and $6 and ($7::timestamptz is null or recordedtime < $7)
                 and not exists (select from mixed_subject m where m.subject = f.subject) order by time, id limit $8)"""
            for place in places
        )
        rows = await self.connection.fetch(
            f"select * from ({each}) as driver order by time, id limit $8",
            self.county,
            since,
            since_id,
            _midnight(last) + timedelta(days=2),
            first,
            last,
            self.cut,
            limit,
        )
        return [Fact(*row) for row in rows]

    async def _subjects(self, of: Collection[UUID]) -> dict[UUID, list[Fact]]:
        rows = await self.connection.fetch(
            f"""select {FACT} from fact f where subject = any($1::uuid[]) and kind = any($2::smallint[])
                and ($3::timestamptz is null or recordedtime < $3) order by subject""",
            list(of),
            list(KINDS[self.term.indicator]),
            self.cut,
        )
        return _by_subject(rows)

    async def _before(self, drivers: Sequence[Fact]) -> dict[UUID, list[Fact]]:
        """What the drivers' volunteers did before them in the month (shares) or the period (attendances)."""
        first, last = min(driver.day for driver in drivers), max(driver.day for driver in drivers)
        first = first.replace(day=1) if self.term.cap else self.seen.period.start
        rows = await self.connection.fetch(
            f"""select {FACT} from fact f where subject in (
                    select subject from fact where volunteer = any($1::uuid[]) and kind = {int(LIMITED[self.term.indicator])}
                    and kind in (4, 14) and day between $2 and $3)
                and kind = any($4::smallint[]) and ($5::timestamptz is null or recordedtime < $5) order by subject""",
            list({driver.volunteer for driver in drivers}),
            first,
            last,
            list(KINDS[self.term.indicator]),
            self.cut,
        )
        return _by_subject(rows)

    async def _mixed(self, part: Part) -> list[_Placed]:
        """Of all subjects that name this county and another one."""
        kinds = DRIVERS[self.term.indicator][part]
        if kinds[0] in MOVEMENTS:
            return []
        # From these few to their facts, never the other way, whatever is thought of a table that is as good as empty.
        rows = await self.connection.fetch(
            """select m.subject from mixed_subject m cross join lateral (
                   select from fact f where f.subject = m.subject and f.county = $1 and f.kind = any($2::smallint[]) limit 1
               ) as here""",
            self.county,
            list(KINDS[self.term.indicator]),
        )
        subjects = await self._subjects([row["subject"] for row in rows]) if rows else {}
        first, last = days_of(part, self.term, self.seen)
        drivers = [f for facts in subjects.values() for f in facts if f.kind in kinds and first <= f.day <= last]
        return await self._placed(part, drivers, {driver.id for driver in drivers})


def _by_subject(rows: Sequence[object]) -> dict[UUID, list[Fact]]:
    facts = (Fact(*row) for row in rows)  # pyright: ignore[reportGeneralTypeIssues]
    return {subject: list(of_subject) for subject, of_subject in groupby(facts, key=lambda fact: fact.subject)}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
