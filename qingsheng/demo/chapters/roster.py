"""Units, quotas, ledgers, accounts verified later, and the two who left."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from qingsheng.demo.story import at, day
from qingsheng.demo.story.campaign import WITHDRAWN
from qingsheng.demo.story.people import REPLACED_ON, Volunteer
from qingsheng.demo.story.places import CITY, CITY_TEAM, COUNTY_TEAM, PARTS, UNITS, YEAR, Unit
from qingsheng.demo.telling import Telling
from qingsheng.demo.workbooks import FIRST_ROW, disclosure_url, ledger

API = "/roster/api/v1"
FORGETFUL = "350924"
"""In this unit's first workbook two days of consent are missing."""


async def units(telling: Telling) -> None:
    """The city, its counties and organs, and their quotas, in January."""
    for level in (("city",), ("county", "organ")):
        calls = [
            telling.doors.post(f"{API}/units", _unit(unit), at=at(day("01-06"), 9))
            for unit in UNITS
            if unit.kind in level
        ]
        await telling.all("units", calls)
    quotas = {(unit_id, "city"): quota for unit_id, quota in CITY_TEAM.items()}
    quotas |= {(unit.unit_id, "county"): COUNTY_TEAM for unit in UNITS if unit.kind == "county"}
    await telling.all(
        "quotas",
        [
            telling.doors.put(f"{API}/units/{unit_id}/quotas/{team}/{YEAR}", {"quota": quota}, at=at(day("01-10"), 9))
            for (unit_id, team), quota in quotas.items()
        ],
    )
    telling.promised["roster.unit_defined"] += len(UNITS)
    telling.promised["roster.quota_set"] += len(quotas)
    telling.out.step("January", f"{len(UNITS)} units, {len(quotas)} quotas of {YEAR}: {sum(quotas.values()):,} places")


async def ledgers(telling: Telling) -> None:
    """One workbook a unit: a dry run first, then the import, as corrected."""
    by_unit: dict[str, list[Volunteer]] = {}
    for person in telling.script.people:
        by_unit.setdefault(person.unit_id, []).append(person)
    tried = await telling.all(
        "dry runs", [_send(telling, unit_id, people, dry_run=True) for unit_id, people in by_unit.items()]
    )
    codes = Counter(row["code"] for answer in tried for row in answer["rows"] if row["status"] != "registered")
    found = ", ".join(f"{count} × {code}" for code, count in codes.items())
    taken = await telling.all(
        "imports", [_send(telling, unit_id, people, dry_run=False) for unit_id, people in by_unit.items()]
    )
    for people, answer in zip(by_unit.values(), taken, strict=True):
        _note_ids(telling, people, answer)
    registered = sum(answer["registered"] for answer in taken)
    telling.out.step(
        "by May", f"{len(by_unit)} ledger workbooks: the dry runs found {found or 'nothing'}; {registered:,} registered"
    )
    slow = [person for person in telling.script.people if ("account", person.ref) not in telling.ids]
    answers = await telling.all("accounts", [_disclose(telling, person) for person in slow])
    for person, answer in zip(slow, answers, strict=True):
        telling.ids["account", person.ref] = answer["account_id"]
    telling.promised["roster.account_disclosed"] += len(slow)
    telling.out.step("to July", f"{len(slow)} accounts disclosed and verified after the ledgers, over HTTP")


async def contact_list(telling: Telling) -> None:
    """Of the city team, for notices; who took it out, and what for, stands in the audit log."""
    asked = {"unit_id": CITY, "team": "city", "reason": "notices of the city team"}
    workbook: bytes = await telling.doors.post(f"{API}/contact-lists", asked, at=at(day("05-20"), 9))
    telling.out.step(
        "by May", f"the city's contact list for notices, {len(workbook) / 1024:.0f} KB; the export is audited"
    )


async def departures(telling: Telling) -> None:
    """Two leave, as is told nine days later; their successors come with a workbook each."""
    gone = [person for person in telling.script.people if person.left_on]
    for person in gone:
        assert person.left_on
        path = f"{API}/volunteers/{telling.ids['volunteer', person.ref]}/leave"
        told_at = at(person.left_on + timedelta(days=9), 9)
        await telling.doors.post(path, {"left_on": person.left_on.isoformat()}, at=told_at)
    telling.promised["roster.volunteer_left"] += len(gone)
    for person in telling.script.successors:
        content = ledger([person], at(REPLACED_ON, 17))
        _note_ids(telling, [person], await telling.doors.post(f"{API}/ledgers", content, at=at(REPLACED_ON, 17)))
    # What the two shared after leaving was logged before it was known: the campaign voids that by itself.
    void = sum(share.fate == "void" for share in telling.script.shares)
    telling.promised["campaign.repost_voided"] += void + sum(WITHDRAWN.values())
    telling.out.step(
        "August", f"{len(gone)} left, as was told later: {void} shares since made are void; as many took their places"
    )


async def _send(telling: Telling, unit_id: str, people: Sequence[Volunteer], *, dry_run: bool) -> Any:
    by = _workbook_at(people)
    forgotten = [person.ref for person in people[40:42]] if dry_run and unit_id == FORGETFUL else []
    query = {"dry_run": "true"} if dry_run else {}
    return await telling.doors.post(f"{API}/ledgers", ledger(people, by, forgotten), at=by, **query)


def _note_ids(telling: Telling, people: Sequence[Volunteer], answer: Any) -> None:
    """Ids of the registered, and of the accounts that the workbook told."""
    for row in answer["rows"]:
        ref = people[row["row"] - FIRST_ROW].ref
        telling.ids["volunteer", ref] = row["volunteer_id"]
        telling.promised["roster.volunteer_registered"] += 1
        if row["account_id"]:
            telling.ids["account", ref] = row["account_id"]
            telling.promised["roster.account_disclosed"] += 1


async def _disclose(telling: Telling, person: Volunteer) -> Any:
    account = person.account
    told = {
        "platform": account.platform,
        "disclosed_at": account.disclosed_at.isoformat(),
        "verified_at": account.verified_at.isoformat(),
        "disclosure_url": disclosure_url(person),
    }
    path = f"{API}/volunteers/{telling.ids['volunteer', person.ref]}/accounts"
    return await telling.doors.post(path, told, at=account.verified_at)


def _workbook_at(people: Sequence[Volunteer]) -> datetime:
    return at(PARTS[people[0].county].workbook_on, 10)


def _unit(unit: Unit) -> dict[str, object]:
    told: dict[str, object] = {
        "unit_id": unit.unit_id,
        "name": {"zh": unit.zh, "en": unit.en},
        "kind": unit.kind,
        "county": unit.county,
    }
    return told if unit.parent_id is None else told | {"parent_id": unit.parent_id}
