"""From a heap of events to the facts that count: copies, `as_of`, second tellings, undoings and late times removed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.oracle.days import Moment, end_of, local_day

REGISTERED = "qingsheng.roster.volunteer_registered.v1"
TRANSFERRED = "qingsheng.roster.volunteer_transferred.v1"
LEFT = "qingsheng.roster.volunteer_left.v1"
UNIT = "qingsheng.roster.unit_defined.v1"
QUOTA = "qingsheng.roster.quota_set.v1"

# Each fact that is said once, with the field that names it.
SAID_ONCE = {
    "qingsheng.training.attendance_recorded.v1": "attendance_id",
    "qingsheng.opinion.tip_reported.v1": "tip_id",
    "qingsheng.opinion.tip_triaged.v1": "tip_id",
    "qingsheng.opinion.tip_resolved.v1": "tip_id",
    "qingsheng.opinion.correction_opened.v1": "case_id",
    "qingsheng.opinion.correction_closed.v1": "case_id",
    "qingsheng.campaign.post_published.v1": "post_id",
    "qingsheng.campaign.repost_logged.v1": "repost_id",
}

# Each undoing, with the field that names what it undoes.
UNDOINGS = {
    "qingsheng.training.attendance_voided.v1": "attendance_id",
    "qingsheng.opinion.tip_voided.v1": "tip_id",
    "qingsheng.campaign.post_withdrawn.v1": "post_id",
    "qingsheng.campaign.repost_voided.v1": "repost_id",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One event, its times in UTC; `day` is the local date of `time`."""

    id: str
    type: str
    time: datetime
    day: date
    recorded: datetime
    sequence: int
    county: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Body:
    """A county, or the city level (`ranked` false)."""

    county: str
    name: dict[str, str]
    ranked: bool


@dataclass(frozen=True)
class Facts:
    """What counts at one instant. Things that are said once stand under their own id."""

    bodies: list[Body]
    units: list[Fact]
    quotas: list[Fact]
    movements: list[Fact]
    attendances: dict[str, Fact]
    tips: dict[str, Fact]
    triages: dict[str, Fact]
    resolutions: dict[str, Fact]
    openings: dict[str, Fact]
    closings: dict[str, Fact]
    posts: dict[str, Fact]
    shares: dict[str, Fact]


def facts_at(events: Iterable[dict[str, Any]], instant: Moment, as_of: date | None) -> Facts:
    """All facts that count at `instant`; with `as_of` only those recorded by the end of that local day."""
    everything = without_copies(read(event, instant.zone) for event in events)

    known = everything
    if as_of is not None:
        # "only events with `recordedtime` up to the end of that local day count"
        known = [fact for fact in everything if fact.recorded < end_of(as_of, instant.zone)]

    gone = undone(known)

    def counting(type_: str) -> dict[str, Fact]:
        # "the one with the lower sequence is taken first (after the `as_of` filter), then times cut"
        # "Nothing with `time` after `instant` counts"
        once = first_tellings(known, type_)
        return {
            name: fact
            for name, fact in once.items()
            if (SAID_ONCE[type_], name) not in gone and instant.reaches(fact.time)
        }

    return Facts(
        bodies=bodies(everything),
        units=[fact for fact in known if fact.type == UNIT and instant.reaches(fact.time)],
        quotas=[fact for fact in known if fact.type == QUOTA and instant.reaches(fact.time)],
        movements=[fact for fact in movements_said_once(known) if instant.reaches(fact.time)],
        attendances=counting("qingsheng.training.attendance_recorded.v1"),
        tips=counting("qingsheng.opinion.tip_reported.v1"),
        triages=counting("qingsheng.opinion.tip_triaged.v1"),
        resolutions=counting("qingsheng.opinion.tip_resolved.v1"),
        openings=counting("qingsheng.opinion.correction_opened.v1"),
        closings=counting("qingsheng.opinion.correction_closed.v1"),
        posts=counting("qingsheng.campaign.post_published.v1"),
        shares=counting("qingsheng.campaign.repost_logged.v1"),
    )


def read(event: dict[str, Any], zone: ZoneInfo) -> Fact:
    """One CloudEvent, taken to be good."""
    time = datetime.fromisoformat(event["time"].upper()).astimezone(UTC)
    return Fact(
        id=event["id"].lower(),
        type=event["type"],
        time=time,
        day=local_day(time, zone),
        recorded=datetime.fromisoformat(event["recordedtime"].upper()).astimezone(UTC),
        sequence=int(event["sequence"]),
        county=event["county"],
        data=event["data"],
    )


def without_copies(facts: Iterable[Fact]) -> list[Fact]:
    # "the same id again is a copy and ignored"
    seen: set[str] = set()
    kept: list[Fact] = []
    for fact in facts:
        if fact.id not in seen:
            seen.add(fact.id)
            kept.append(fact)
    return kept


def first_tellings(facts: list[Fact], type_: str) -> dict[str, Fact]:
    # "should two stand in the log, the one with the lower sequence counts" (of equal ones, the lower event id)
    told: dict[str, Fact] = {}
    for fact in sorted((fact for fact in facts if fact.type == type_), key=lambda fact: (fact.sequence, fact.id)):
        told.setdefault(fact.data[SAID_ONCE[type_]].lower(), fact)
    return told


def undone(facts: list[Fact]) -> set[tuple[str, str]]:
    # "Whatever was voided, withdrawn or undone counts nowhere, and stays so" - "undoings ... count whatever their
    # `time`, only `as_of` cuts them". Undoing a post does not touch its shares: "Shares of a withdrawn post stay."
    fields = [(UNDOINGS[fact.type], fact) for fact in facts if fact.type in UNDOINGS]
    return {(field, fact.data[field].lower()) for field, fact in fields}


def movements_said_once(facts: list[Fact]) -> list[Fact]:
    # "the owning service refuses a second registration ... of the same thing; should two stand in the log, the one
    # with the lower sequence counts. A volunteer who left may be registered again (same id)."
    #
    # So a registration of somebody who stands registered, and a departure of somebody who stands departed, are second
    # tellings. Transfers change neither; one of them, or a departure, without a known registration counts.
    last_said: dict[str, str] = {}
    kept: list[Fact] = []
    moves = [fact for fact in facts if fact.type in (REGISTERED, TRANSFERRED, LEFT)]
    for move in sorted(moves, key=lambda fact: (fact.sequence, fact.id)):
        volunteer = move.data["volunteer_id"].lower()
        if move.type == TRANSFERRED:
            kept.append(move)
        elif last_said.get(volunteer) != move.type:
            last_said[volunteer] = move.type
            kept.append(move)
    return kept


def latest_definitions(units: list[Fact]) -> dict[str, Fact]:
    """The definition that stands of each unit: the one with the highest sequence."""
    standing: dict[str, Fact] = {}
    for unit in sorted(units, key=lambda fact: (fact.sequence, fact.id)):
        standing[unit.data["unit_id"]] = unit
    return standing


def bodies(everything: list[Fact]) -> list[Body]:
    # "Appraised bodies: the counties of units of kind `county`, and the city level (kind `city` ...). All known now
    # are always listed" - now, so neither `as_of` nor a time hides one, and names are those of now.
    found: dict[str, Body] = {}
    definitions = latest_definitions([fact for fact in everything if fact.type == UNIT])
    for _, unit in sorted(definitions.items(), reverse=True):
        if unit.data["kind"] in ("county", "city"):
            code = unit.data["county"]
            name = {language: text for language, text in unit.data["name"].items() if text is not None}
            found[code] = Body(code, name, ranked=unit.data["kind"] == "county")
    return [found[code] for code in sorted(found)]
