"""The volunteers of the story: invented, known by a reference of their unit's ledger and by nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from qingsheng.demo.story import SEED, at, day
from qingsheng.demo.story.places import CITY_TEAM, COUNTY_TEAM, PARTS, UNITS, Unit

SLOW_TO_VERIFY = 60
"""So many accounts were seen and verified only long after their volunteers had registered."""


@dataclass(frozen=True)
class Account:
    """``number`` tells a volunteer's accounts apart; shares from it count from ``verified_at`` on."""

    platform: str
    disclosed_at: datetime
    verified_at: datetime


@dataclass(frozen=True)
class Volunteer:
    """``ref``: the ledger's own reference, e.g. ``350981-C-017``. ``left_on``: the last day."""

    ref: str
    unit_id: str
    county: str
    team: str
    category: str
    registered_on: date
    consented_on: date
    account: Account
    left_on: date | None = None

    def is_active(self, moment: datetime) -> bool:
        on = moment.date()
        return self.registered_on <= on and (self.left_on is None or on < self.left_on)

    def may_share(self, moment: datetime) -> bool:
        return self.is_active(moment) and self.account.verified_at <= moment


LEFT = {"350981-C-011": day("08-15"), "350902-B-007": day("08-20")}
"""Two volunteers left, without giving a reason; nobody asked for one."""
REPLACED_ON = day("09-01")


def volunteers() -> list[Volunteer]:
    """The 2,200 of May: the city team of 400, and nine county teams of 200."""
    rng = Random(f"{SEED} people")
    people = [person for unit in UNITS for person in _of_unit(unit, rng)]
    for person in rng.sample(range(len(people)), SLOW_TO_VERIFY):
        slow = people[person]
        people[person] = _verified(slow, slow.account.verified_at + timedelta(days=rng.randint(30, 60)))
    return people


def successors() -> list[Volunteer]:
    """Those who took the places of the two who left."""
    gone = {person.ref: person for person in volunteers()}
    return [_successor(gone[ref]) for ref in LEFT]


def _of_unit(unit: Unit, rng: Random) -> Iterator[Volunteer]:
    workbook_on = PARTS[unit.county].workbook_on
    for letter, team, count in (
        ("B", "city", CITY_TEAM.get(unit.unit_id, 0)),
        ("C", "county", COUNTY_TEAM if unit.kind == "county" else 0),
    ):
        for number in range(1, count + 1):
            registered_on = workbook_on - timedelta(days=rng.randint(1, 12))
            ref = f"{unit.unit_id}-{letter}-{number:03}"
            disclosed_at = at(registered_on, rng.randint(8, 20), rng.randint(0, 59))
            yield Volunteer(
                ref=ref,
                unit_id=unit.unit_id,
                county=unit.county,
                team=team,
                category=_category(unit, team, rng),
                registered_on=registered_on,
                consented_on=registered_on - timedelta(days=rng.randint(0, 6)),
                account=Account(
                    "weibo" if rng.random() < 0.6 else "wechat",
                    disclosed_at,
                    at(workbook_on, 8),
                ),
                left_on=LEFT.get(ref),
            )


def _category(unit: Unit, team: str, rng: Random) -> str:
    """Cadres of three tiers, city-direct cadres, online reviewers, university volunteers."""
    match unit.unit_id[6:], team:
        case "-A", _:
            return rng.choices(["cadre_organ", "cadre_city"], [3, 1])[0]
        case "-B", _:
            return "reviewer"
        case "-C", _:
            return "college_volunteer"
        case _, "city":
            return rng.choices(["cadre_county", "reviewer", "college_volunteer"], [3, 1, 1])[0]
        case _:
            return rng.choices(["cadre_county", "cadre_township", "reviewer", "other"], [2, 5, 2, 1])[0]


def _verified(person: Volunteer, verified_at: datetime) -> Volunteer:
    account = Account(person.account.platform, person.account.disclosed_at, verified_at)
    return Volunteer(**{**vars(person), "account": account})


def _successor(gone: Volunteer) -> Volunteer:
    account = Account(gone.account.platform, at(REPLACED_ON, 9), at(REPLACED_ON, 16))
    return Volunteer(
        **{
            **vars(gone),
            "ref": f"{gone.ref}-2",
            "registered_on": REPLACED_ON,
            "consented_on": REPLACED_ON,
            "account": account,
            "left_on": None,
        }
    )
