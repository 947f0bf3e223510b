"""Units, their quotas, and the bodies that are appraised: pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Unit(NamedTuple):
    """A unit as defined. ``kind``: city, county, township or organ; ``name``: zh and perhaps en."""

    unit_id: str
    kind: str
    parent_id: str | None
    county: str
    name: Mapping[str, str]


class Setting(NamedTuple):
    """A quota of a unit for one team (city, county) and year, as set at ``time``."""

    unit_id: str
    team: str
    year: int
    quota: int
    time: datetime
    sequence: int
    event_id: UUID | None = None
    partition: int | None = None
    offset: int | None = None


class Body(NamedTuple):
    """A county, or the city level: scored but not ranked."""

    county: str
    is_city: bool
    name: Mapping[str, str]


def bodies(units: Iterable[Unit]) -> list[Body]:
    """The appraised bodies by code. Should several units stand for one code, the one named like the code does."""
    chosen: dict[str, Unit] = {}
    for unit in sorted(units, key=lambda unit: (unit.unit_id != unit.county, unit.unit_id)):
        if unit.kind in ("county", "city"):
            chosen.setdefault(unit.county, unit)
    return [Body(county, unit.kind == "city", unit.name) for county, unit in sorted(chosen.items())]


def quota_totals(settings: Iterable[Setting], units: Iterable[Unit], year: int, until: datetime) -> dict[str, int]:
    """Quotas of both teams by county, as set up to ``until``. Settings of unknown units wait and count nowhere."""
    totals: dict[str, int] = {}
    for county, setting in counted_settings(settings, units, year, until):
        totals[county] = totals.get(county, 0) + setting.quota
    return totals


def counted_settings(
    settings: Iterable[Setting], units: Iterable[Unit], year: int, until: datetime
) -> list[tuple[str, Setting]]:
    """The settings that are added up, each with its county: in force, of a known unit that is no part of another."""
    known = {unit.unit_id: unit for unit in units}
    in_force: dict[tuple[str, str], Setting] = {}
    for setting in settings:
        if setting.year != year or setting.time > until:
            continue
        held = in_force.get((setting.unit_id, setting.team))
        if held is None or _order(setting) > _order(held):
            in_force[setting.unit_id, setting.team] = setting
    return [
        (unit.county, setting)
        for (unit_id, team), setting in in_force.items()
        if (unit := known.get(unit_id)) and not any((above, team) in in_force for above in _above(unit, known))
    ]


def _order(setting: Setting) -> tuple[int, datetime, int]:
    return setting.sequence, setting.time, setting.quota


def _above(unit: Unit, known: Mapping[str, Unit]) -> list[str]:
    """The ancestors in the unit's own county, nearest first; a ring in the data ends the walk."""
    above: list[str] = []
    seen = {unit.unit_id}
    at = unit
    while at.parent_id is not None and at.parent_id not in seen and (parent := known.get(at.parent_id)):
        seen.add(parent.unit_id)
        if parent.county == unit.county:
            above.append(parent.unit_id)
        at = parent
    return above
