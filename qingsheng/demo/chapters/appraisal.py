"""The city committee: the scheme, both closings, targets, commendations."""

import asyncio
import time
from datetime import date
from typing import Any

from qingsheng.demo.chapters.training import API as TRAINING
from qingsheng.demo.doors import PATIENCE
from qingsheng.demo.log import Log
from qingsheng.demo.settling import settled
from qingsheng.demo.story import SYNTHETIC, at, day
from qingsheng.demo.story.places import CITY, UNITS, YEAR
from qingsheng.demo.telling import Telling

API = "/appraisal/api/v1"
COUNTIES = [unit for unit in UNITS if unit.kind == "county"]
MEETING = at(day("07-17"), 18)
"""The half-year meeting."""
NEXT_YEAR = date(YEAR + 1, 1, 15)
COVERAGE = 0.25
"""Of their volunteers, the counties plan to train in the last quarter."""


async def scheme(telling: Telling) -> None:
    """The one that comes with the software; adopting it makes it the programme's own."""
    await _knows_the_units(telling)
    default = (await telling.doors.get(f"{API}/schemes"))["default"]
    name = f"{default['scheme_id']}@{default['version']}"
    await telling.doors.post(f"{API}/schemes/{name}/adopt", at=at(day("01-20"), 10))
    telling.out.step(
        "January", f"the work stands in the year-end assessment: scheme {name} adopted, from {default['valid_from']}"
    )


async def half_year_closed(telling: Telling, log: Log) -> None:
    """With what is known by the meeting; shares of June that come in September change nothing any more."""
    telling.troubles += await settled(log, telling)
    figures = await _confirmed_by_the_city(telling, f"{YEAR}-H1")
    closed = await telling.doors.post(f"{API}/periods/{YEAR}-H1/close", {}, at=MEETING)
    telling.out.step(
        "17 July",
        f"the city confirms its figures ({figures}…); {YEAR}-H1 closed at the half-year meeting, digest "
        f"{closed['digest'][:12]}…",
    )


async def plans(telling: Telling) -> None:
    """The next joint class, and what the counties want to reach in the last quarter."""
    planned: dict[str, Any] = {
        "kind": "class",
        "title": {"zh": f"下一期联合培训班（{SYNTHETIC}）", "en": "Next joint class (synthetic)"},
        "starts_at": at(day("10-28"), 9).isoformat(),
        "hours": 6,
        "venue_count": 1,
        "organisers": [CITY],
        "joint_with": f"合办单位（{SYNTHETIC}）",
    }
    told_at = at(day("10-10"), 9)
    await telling.doors.post(f"{TRAINING}/plan", planned, at=told_at)
    await telling.all(
        "targets",
        [
            telling.doors.put(
                f"{API}/periods/{YEAR}-Q4/plan/{county.county}/training_coverage", {"value": COVERAGE}, at=told_at
            )
            for county in COUNTIES
        ],
    )
    telling.out.step("October", f"the next joint class planned; {len(COUNTIES)} counties' targets for {YEAR}-Q4 set")


async def year_closed(telling: Telling, log: Log) -> None:
    telling.troubles += await settled(log, telling)
    figures = await _confirmed_by_the_city(telling, str(YEAR))
    closed = await telling.doors.post(f"{API}/periods/{YEAR}/close", {}, at=at(NEXT_YEAR, 10))
    telling.out.step(
        "January 2015",
        f"the city confirms ({figures}…); {YEAR} closed, digest {closed['digest'][:12]}…, behind that of the half-year",
    )


async def commendations(telling: Telling) -> None:
    """One volunteer a county, who agreed to it, and was at the teleconference."""
    chosen: dict[str, tuple[str, str]] = {}
    for one in telling.script.attendances:
        person = one.volunteer
        if person.county != CITY and person.left_on is None and person.unit_id == person.county:
            chosen.setdefault(person.county, (telling.ids["volunteer", person.ref], person.unit_id))
    agreed_on = date(YEAR, 12, 20)
    await telling.all(
        "consents",
        [
            telling.doors.put(
                f"{API}/commendations/consents/{volunteer}",
                {"unit_id": unit_id, "opted_in_on": agreed_on.isoformat()},
                at=at(agreed_on, 9),
            )
            for volunteer, unit_id in chosen.values()
        ],
    )
    await telling.all(
        "awards",
        [
            telling.doors.post(f"{API}/commendations/{YEAR}", {"volunteer_id": volunteer}, at=at(NEXT_YEAR, 15))
            for volunteer, _ in chosen.values()
        ],
    )
    telling.out.step("January 2015", f"{len(chosen)} volunteers commended, who had agreed to it; nobody is ranked")


async def _knows_the_units(telling: Telling) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if len((await telling.doors.get(f"{API}/reports/{YEAR}"))["counties"]) > len(COUNTIES):
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the appraisal does not know the units after {PATIENCE:.0f} s")


async def _confirmed_by_the_city(telling: Telling, period: str) -> str:
    """The digest of the city level's own figures, shortened."""
    answer = await telling.doors.post(f"{API}/periods/{period}/counties/{CITY}/confirm", {})
    return answer["figures"][:12]
