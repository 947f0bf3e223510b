"""Read SQL of the appraisal. A report reads tallies, quotas and units only; ``as_of`` alone reads facts."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.json import decode

from services.appraisal.figures import Sums, Window, added, summed
from services.appraisal.measures import (
    Changes,
    Contribution,
    Fact,
    Measure,
    PersonKey,
    TallyKey,
    of,
    person_change,
)
from services.appraisal.past import sums_as_of
from services.appraisal.periods import Evaluation
from services.appraisal.quotas import Body, Setting, Unit, bodies, counted_settings, quota_totals
from services.appraisal.storage import FACT, SOURCES
from shared.contracts.topics import events_topic
from shared.postgres import Connection


@dataclass(frozen=True)
class Inputs:
    """What a report is computed from, read in one snapshot."""

    bodies: list[Body]
    quotas: dict[str, int]
    sums: Sums


async def inputs_now(connection: Connection, asked: Sequence[Window], seen: Evaluation, instant: datetime) -> Inputs:
    """From the tallies. ``instant``: what is dated later does not count, though it is in the tallies."""
    told = await _told_of_units(connection, seen, None)
    asking = asyncio.create_task(_sums(connection, asked))
    try:
        await asyncio.sleep(0)  # it is sent: of thousands of counties the database takes a while, and so do units here
        found = _units_and_quotas(told, seen)
    finally:
        sums: Sums = await asking
    too_early = await _of_the_future(connection, instant)
    if too_early:
        sums = added(sums, summed(too_early, asked))
    return Inputs(*found, sums)


async def inputs_as_of(connection: Connection, asked: Sequence[Window], seen: Evaluation, cut: datetime) -> Inputs:
    """From the facts recorded before ``cut``, the end of a local day."""
    found = _units_and_quotas(await _told_of_units(connection, seen, cut), seen)
    return Inputs(*found, await sums_as_of(connection, asked, seen, cut))


async def freshness(connection: Connection, prefix: str) -> dict[str, Any]:
    """How far the events are taken in: ``recorded_until`` (latest recording time applied), ``caught_up_at`` (since when
    every partition was read to its end; null while one was not), and the partitions that are behind by topic."""
    rows = await connection.fetch('select topic, "partition", recorded_until, caught_up_at from consumer_offset')
    expected = {prefix + events_topic(service) for service in SOURCES}
    complete = expected <= {row["topic"] for row in rows}
    reached = [row["caught_up_at"] for row in rows]
    recorded = [row["recorded_until"] for row in rows if row["recorded_until"]]
    return {
        "recorded_until": max(recorded, default=None),
        "caught_up_at": min(reached) if complete and reached and all(reached) else None,
    }


def _units_and_quotas(told: "_Told", seen: Evaluation) -> tuple[list[Body], dict[str, int]]:
    """All bodies known now; quotas by the units and settings known at the moment that is asked about."""
    now, then, settings = _tree(told)
    return bodies(now), quota_totals(settings, then, seen.period.end.year, seen.until)


async def quotas_behind(
    connection: Connection,
    county: str,
    seen: Evaluation,
    cut: datetime | None,
    is_late: Callable[[Setting], bool] | None = None,
) -> list[tuple[Setting, str | None]]:
    """The quota settings of the county's units for the period's year, each with the reason why it is not added up.
    ``is_late``: of a closed period, whether a setting came after the closing."""
    _, then, settings = _tree(await _told_of_units(connection, seen, cut))
    known = [setting for setting in settings if is_late is None or not is_late(setting)]
    counted = {setting.event_id for _, setting in counted_settings(known, then, seen.period.end.year, seen.until)}
    here = {unit.unit_id for unit in then if unit.county == county}
    why = {setting.event_id: None if setting.event_id in counted else "superseded" for setting in known}
    return [(setting, why.get(setting.event_id, "after_closing")) for setting in settings if setting.unit_id in here]


async def known_bodies(connection: Connection) -> list[Body]:
    """The appraised bodies known now, by code."""
    rows = await connection.fetch(
        """select distinct on (unit_id) unit_id, kind, parent_id, county, name
           from unit_definition order by unit_id, sequence desc, event_id desc"""
    )
    return bodies(Unit(*row) for row in rows)


_Told = tuple[Sequence[Any], Sequence[Any]]
"""Rows of definitions and of settings."""


async def _told_of_units(connection: Connection, seen: Evaluation, cut: datetime | None) -> _Told:
    definitions = await connection.fetch(
        """select unit_id, kind, parent_id, county, name::text as name,
                  time <= $1 and ($2::timestamptz is null or recordedtime < $2) as known_then
           from unit_definition order by unit_id, sequence, event_id""",
        seen.until,
        cut,
    )
    settings = await connection.fetch(
        """select unit_id, team, year, quota, time, sequence, event_id, "partition", "offset" from quota_setting
           where year = $1 and time <= $2 and ($3::timestamptz is null or recordedtime < $3)""",
        seen.period.end.year,
        seen.until,
        cut,
    )
    return definitions, settings


def _tree(told: _Told) -> tuple[list[Unit], list[Unit], list[Setting]]:
    """Units as known now, units as known at the moment asked about, and the quota settings up to it."""
    definitions, settings = told
    units = [Unit(*row[:4], name=decode(row["name"])) for row in definitions]
    now = {unit.unit_id: unit for unit in units}
    then = {unit.unit_id: unit for unit, row in zip(units, definitions, strict=True) if row["known_then"]}
    return list(now.values()), list(then.values()), [Setting(*row) for row in settings]


async def _sums(connection: Connection, asked: Sequence[Window]) -> dict[Window, dict[str, int]]:
    parts = [(at, w.measure, w.bucket, *part) for at, w in enumerate(asked) for part in w.parts()]
    # A part of a window is one aggregate over one range of a key; added up here, since of tens of thousands of rows the
    # database's sort by county takes longer than all else.
    rows = await connection.fetch(
        """with w as (
               select * from unnest($1::int[], $2::smallint[], $3::int[], $4::smallint[], $5::date[], $6::date[])
                   as w (place, measure, bucket, months, first, last)
           )
           select w.place, found.* from w, lateral (
               select array_agg(county), array_agg(n) from tally_span t
               where t.measure = w.measure and t.months = w.months
                     and t.start between w.first and w.last and t.bucket <= w.bucket) as found where w.months > 0
           union all
           select w.place, found.* from w, lateral (
               select array_agg(county), array_agg(n) from tally t
               where t.measure = w.measure and t.day between w.first and w.last and t.bucket <= w.bucket) as found
           where w.months = 0""",
        *([part[at] for part in parts] for at in range(6)),
    )
    sums: dict[Window, dict[str, int]] = {window: {} for window in asked}
    for place, counties, numbers in rows:
        if counties:
            _add(sums[asked[place]], counties, numbers)
    return sums


def _add(found: dict[str, int], counties: Sequence[str], numbers: Sequence[int]) -> None:
    if not found:
        found.update(zip(counties, numbers, strict=True))
        if len(found) == len(counties):
            return
        found.update(dict.fromkeys(found, 0))
    for county, n in zip(counties, numbers, strict=True):
        found[county] = found.get(county, 0) + n


async def _of_the_future(connection: Connection, instant: datetime) -> dict[TallyKey, int]:
    """What subjects with a fact dated after ``instant`` have too much in the tallies, as what to add (mostly negative)."""
    rows = await connection.fetch(
        f"""select {FACT} from fact f
            where f.subject in (select subject from future_fact where time > $1) order by f.subject""",
        instant,
    )
    changes = Changes()
    for _, of_subject in groupby((Fact(*row) for row in rows), key=lambda fact: fact.subject):
        facts = list(of_subject)
        changes.add(of(facts, until=instant))
        changes.take(of(facts))
    if changes.persons:
        await _turn_into_buckets(connection, changes)
    return changes.counts


async def _turn_into_buckets(connection: Connection, changes: Changes) -> None:
    persons = changes.of_persons()
    keys = list(persons)
    rows = await connection.fetch(
        """select grain, volunteer, county, start, n from person_count
           where (volunteer, start, grain, county) in
                 (select * from unnest($1::uuid[], $2::date[], $3::smallint[], $4::text[]))""",
        [key.volunteer for key in keys],
        [key.start for key in keys],
        [key.grain for key in keys],
        [key.county for key in keys],
    )
    present = {PersonKey(*row[:4]): row["n"] for row in rows}
    buckets: dict[TallyKey, int] = {}
    for key, change in persons.items():
        n = present.get(key, 0)
        for bucket, one in person_change(key.grain, n, n + change).items():
            tally = TallyKey(key.grain, key.county, key.start, bucket)
            buckets[tally] = buckets.get(tally, 0) + one
    changes.add(Contribution(buckets, {}))


def is_provisional(fresh: dict[str, Any], as_of: date | None, cut: datetime, now: datetime, zone: ZoneInfo) -> bool:
    """Whether events recorded up to ``cut`` may still be on their way: until every partition was read past it."""
    if as_of is None or as_of >= now.astimezone(zone).date():
        return True
    return fresh["caught_up_at"] is None or fresh["caught_up_at"] < cut


async def latest_day(connection: Connection, today: date) -> date | None:
    """The latest day up to ``today`` of which anything is counted: one look into the index a county and measure."""
    return await connection.fetchval(
        """select max(found.day)
           from (select distinct county from unit_definition) as body
           cross join unnest($1::smallint[]) as m (measure)
           cross join lateral (
               select day from tally t
               where t.measure = m.measure and t.county = body.county and t.day <= $2 and t.n <> 0
               order by day desc limit 1
           ) as found""",
        [int(measure) for measure in Measure],
        today,
    )
