"""Logs made by chance: few things, many collisions, times crowded around the borders that the appraisal cares for.

generate(seed, n)            a list of n whole CloudEvents (dicts), the same for the same seed
logs(), questions()          the same for hypothesis
arrivals(events, rng)        the order in which they arrive: shuffled, with copies
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.support.event_log import A_DAY, A_MICROSECOND, SHAPES, EventLog, encode, service_of, type_of

__all__ = [
    "CITY",
    "COUNTIES",
    "NOW",
    "Question",
    "arrivals",
    "encode",
    "from_steps",
    "generate",
    "logs",
    "periods",
    "questions",
    "random_question",
    "service_of",
    "type_of",
]

SHANGHAI = "Asia/Shanghai"
CITY = "350900"
COUNTIES = ("350902", "350921", "350922")
# After the year's end and long enough after it for every due day to have passed.
NOW = datetime(2015, 2, 20, 2, 30, tzinfo=UTC)
NAMES = {
    "350900": ("宁德", "Ningde"),
    "350902": ("蕉城", "Jiaocheng"),
    "350921": ("霞浦", "Xiapu"),
    "350922": ("古田", "Gutian"),
}

# What may be told twice, under one id; and what undoes it, with the fields the undoing repeats.
TELLABLE = (
    "training.attendance_recorded",
    "opinion.tip_reported",
    "opinion.tip_triaged",
    "opinion.tip_resolved",
    "opinion.correction_opened",
    "opinion.correction_closed",
    "campaign.post_published",
    "campaign.repost_logged",
)
UNDONE_BY: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "training.attendance_recorded": (
        "training.attendance_voided",
        ("attendance_id", "session_id", "volunteer_id", "held_on"),
        ("duplicate", "not_present", "error"),
    ),
    "opinion.tip_reported": (
        "opinion.tip_voided",
        ("tip_id", "reported_at"),
        ("duplicate", "spam", "test", "about_a_person", "error"),
    ),
    "campaign.post_published": (
        "campaign.post_withdrawn",
        ("post_id", "unit_id", "published_at"),
        ("error", "duplicate", "deleted"),
    ),
    "campaign.repost_logged": (
        "campaign.repost_voided",
        ("repost_id", "volunteer_id", "shared_at"),
        ("duplicate", "link_removed", "not_disclosed", "volunteer_request", "error"),
    ),
}


@dataclass
class Volunteer:
    """A volunteer as the roster would know them: the unit (None: not registered) and the last movement's date."""

    id: str
    unit_id: str | None = None
    moved_on: date | None = None


@dataclass
class Unit:
    """A unit as last defined."""

    kind: str
    county: str
    parent_id: str | None


class Story:
    """Makes one log, step by step; every choice comes from `rng`."""

    def __init__(
        self,
        rng: Random,
        *,
        n: int,
        year: int,
        now: datetime,
        counties: Sequence[str],
        zone: str,
        odd: bool,
        name: object,
    ) -> None:
        self.rng = rng
        self.n = n
        self.year = year
        self.odd = odd
        self.zone = ZoneInfo(zone)
        self.counties = (*counties, CITY)
        self.log = EventLog(now, self.zone, name)
        self.now = self.log.now
        self.units: dict[str, Unit] = {}
        self.volunteers = [Volunteer(self.log.new_id()) for _ in range(max(3, n // 12))]
        self.sessions = [self.log.new_id() for _ in range(3)]
        self.posts: list[str] = []
        self.tellable: list[dict[str, Any]] = []
        # Ids of things that were triaged, closed or undone before anybody told of them.
        self.promised: dict[str, list[str]] = {"tip_id": [], "case_id": [], "post_id": []}

    def begin(self) -> None:
        """Counties, and a few volunteers from the start."""
        self.define_bodies()
        for volunteer in self.volunteers[: self.n // 10 + 1]:
            self.register(volunteer, self.day_near(date(self.year, 1, 1)))

    def go_on(self) -> None:
        """One step: something happens, told in one or several events."""
        steps: list[tuple[Callable[[], None], int]] = [
            (self.move, 14),
            (self.set_quota, 7),
            (self.define_unit, 4),
            (self.attend, 12),
            (self.tip, 16),
            (self.case, 9),
            (self.post, 8),
            (self.share, 16),
            (self.tell_again, 9),
            (self.unread, 4),
        ]
        self.rng.choice([step for step, weight in steps for _ in range(weight)])()

    # Chances.

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def oddly(self, percent: int) -> bool:
        """A chance for what a sound owning service would not let happen, though every event of it is valid."""
        return self.odd and self.chance(percent)

    # Times.

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), tzinfo=self.zone).astimezone(UTC)

    def not_too_late(self, moment: datetime) -> datetime:
        """No later than 24 hours after now: otherwise somewhere in the days before now."""
        if moment <= self.now + A_DAY:
            return moment
        return self.now - timedelta(hours=self.rng.randrange(60 * 24))

    def border(self, day: date) -> datetime:
        """At the first instant of a day, or a hair before or after."""
        around = (-A_MICROSECOND, timedelta(0), timedelta(0), A_MICROSECOND, -timedelta(seconds=1), timedelta(hours=9))
        return self.midnight(day) + self.rng.choice(around)

    def month_start(self) -> date:
        """The first day of a month of the year or one of its neighbours, quarters and the year twice as often."""
        month = self.rng.choice((-2, -1, 0, 0, 0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12, 12, 12, 13))
        return date(self.year + month // 12, month % 12 + 1, 1)

    def moment(self) -> datetime:
        sort = self.rng.randrange(10)
        if sort < 5:
            found = self.border(self.month_start())
        elif sort < 8:
            found = self.midnight(date(self.year, 1, 1)) + timedelta(minutes=self.rng.randrange(-30 * 1440, 400 * 1440))
        elif sort < 9:
            found = self.border(date(self.year, 1, 1) + timedelta(days=self.rng.randrange(365)))
        else:
            hours = self.rng.choice((-48, -24, -2, 0, 0, 1, 12, 23, 24))
            found = self.now + timedelta(hours=hours) + self.rng.choice((-1, 0, 0)) * A_MICROSECOND
        return self.not_too_late(found)

    def not_too_late_day(self, day: date) -> date:
        """A date whose noon lies no later than 24 hours after now: this one, or one in the days before now."""
        if self.log.noon(day) <= self.now + A_DAY:
            return day
        return self.now.astimezone(self.zone).date() - timedelta(days=self.rng.randrange(60))

    def day_near(self, day: date) -> date:
        return self.not_too_late_day(day + timedelta(days=self.rng.choice((-40, -2, -1, -1, 0, 0, 0, 1, 2, 14, 15))))

    def day(self) -> date:
        return self.not_too_late_day(self.moment().astimezone(self.zone).date())

    def recorded(self, happened: datetime) -> datetime:
        """At once, late, early (up to a day), or right at the border of a day."""
        sort = self.rng.randrange(10)
        if sort < 4:
            return happened + timedelta(minutes=self.rng.randrange(120))
        if sort < 6:
            return happened + timedelta(days=self.rng.randrange(1, 70), minutes=self.rng.randrange(1440))
        if sort < 8:
            return happened - timedelta(minutes=self.rng.randrange(1, 1441))
        later = happened.astimezone(self.zone).date() + timedelta(days=self.rng.choice((0, 1, 1, 2, 31)))
        return self.border(later)

    def tell(
        self, kind: str, data: dict[str, Any], county: str, happened: datetime | date | None = None, *, odd: bool = True
    ) -> dict[str, Any]:
        """One event; now and then (`odd`) with a sequence that was given before or left out."""
        if happened is None:
            recorded = self.moment()
        elif isinstance(happened, datetime):
            recorded = self.recorded(happened)
        else:
            recorded = self.recorded(self.log.noon(happened))
        last = self.log.last_sequence(kind, data)
        again = odd and last > 0 and self.oddly(6)
        event = self.log.tell(
            kind,
            data,
            county,
            happened=happened,
            recorded=recorded,
            sequence=self.rng.randint(1, last) if again else None,
            step=self.rng.choice((1, 1, 1, 2, 3)) if last else 1,
            style=self.rng.choice((0, 0, 0, 1, 2)),
        )
        if kind in TELLABLE:
            self.tellable.append(event)
        return event

    # Who and where.

    def any_county(self) -> str:
        return self.rng.choice(self.counties)

    def a_unit(self) -> str:
        return self.rng.choice(sorted(self.units)) if self.units else CITY

    def county_of_unit(self, unit_id: str) -> str:
        return self.units[unit_id].county if unit_id in self.units else unit_id[:6]

    def county_of(self, volunteer: Volunteer) -> str:
        """Mostly that of the volunteer's unit."""
        if volunteer.unit_id is None or self.chance(12):
            return self.any_county()
        return self.county_of_unit(volunteer.unit_id)

    def a_volunteer(self) -> Volunteer:
        return self.rng.choice(self.volunteers)

    def an_id(self, field: str) -> str:
        """A new id, or one that was promised."""
        waiting = self.promised[field]
        if waiting and self.chance(60):
            return waiting.pop(self.rng.randrange(len(waiting)))
        return self.log.new_id()

    def promise(self, field: str, name: str) -> None:
        """Half of what was undone or triaged before anybody told of it is told of later, perhaps."""
        if self.chance(50):
            self.promised[field].append(name)

    # Roster.

    def define_bodies(self) -> None:
        for code in (CITY, *self.counties[:-1]):
            kind, parent = ("city", None) if code == CITY else ("county", CITY)
            early = self.chance(80)
            self.define(code, Unit(kind, code, parent), date(self.year - 1, 12, 1) if early else None)
            if early and self.chance(50):
                quota = {"unit_id": code, "team": "county", "year": self.year, "quota": self.rng.choice((1, 2, 5, 20))}
                self.log.tell("roster.quota_set", quota, code, recorded=self.midnight(date(self.year - 1, 12, 2)))

    def define(self, unit_id: str, unit: Unit, on: date | None = None) -> None:
        zh, en = NAMES.get(unit_id, (f"单位{unit_id}", f"Unit {unit_id}"))
        if self.chance(20):
            zh += self.rng.choice("甲乙丙丁")
        data: dict[str, Any] = {"unit_id": unit_id, "name": {"zh": zh}, "kind": unit.kind, "county": unit.county}
        if self.chance(70):
            data["name"]["en"] = en
        if unit.parent_id is not None:
            data["parent_id"] = unit.parent_id
        self.units[unit_id] = unit
        if on is None:
            self.tell("roster.unit_defined", data, unit.county, odd=False)
        else:
            self.log.tell("roster.unit_defined", data, unit.county, recorded=self.midnight(on))

    def define_unit(self) -> None:
        """A county or the city again (another name), or a township or organ, new, renamed or moved elsewhere."""
        if self.chance(15):
            code = self.any_county()
            self.define(code, Unit("city", code, None) if code == CITY else Unit("county", code, CITY))
            return
        home = self.any_county()
        kind, unit_id = self.rng.choice(
            (("township", f"{home}-01"), ("township", f"{home}-02"), ("organ", f"{home}-A1"))
        )
        if home == CITY:
            kind, unit_id = "organ", f"{home}-{self.rng.choice(('A1', 'A2'))}"
        parent, county = home, home
        if kind == "organ" and home != CITY and self.chance(60):
            parent = f"{home}-01"
        if unit_id in self.units and self.chance(50):
            county = self.any_county()
            parent = county if self.chance(60) else parent
        self.define(unit_id, Unit(kind, county, parent))

    def set_quota(self) -> None:
        """A quota, also 0, also for a unit that nobody has defined yet."""
        unit_id = self.a_unit()
        if self.chance(30):
            unit_id = self.rng.choice([f"{county}-01" for county in self.counties[:-1]] or [unit_id])
        data = {
            "unit_id": unit_id,
            "team": self.rng.choice(("city", "county")),
            "year": self.year + self.rng.choice((-1, 0, 0, 0, 0, 0, 1)),
            "quota": self.rng.choice((0, 0, 1, 2, 3, 5, 8, 13, 200)),
        }
        self.tell("roster.quota_set", data, self.county_of_unit(unit_id), odd=False)

    def move(self) -> None:
        """A registration, transfer or departure that fits the volunteer's state, or oddly does not."""
        volunteer = self.a_volunteer()
        day = self.day()
        if volunteer.moved_on is not None and not self.oddly(15):
            day = max(day, volunteer.moved_on)
        fits: list[Callable[[Volunteer, date], None]] = [self.transfer, self.leave]
        if volunteer.unit_id is None:
            fits = [self.register]
        if self.oddly(20):
            fits = [self.register, self.transfer, self.leave]
        self.rng.choice(fits)(volunteer, day)

    def register(self, volunteer: Volunteer, day: date) -> None:
        unit_id = self.a_unit()
        data = {
            "volunteer_id": volunteer.id,
            "unit_id": unit_id,
            "team": self.rng.choice(("city", "county")),
            "category": self.rng.choice(("cadre_county", "reviewer", "college_volunteer", "other")),
            "consented_on": day.isoformat(),
        }
        self.tell("roster.volunteer_registered", data, self.county_of_unit(unit_id), day)
        volunteer.unit_id, volunteer.moved_on = unit_id, day

    def transfer(self, volunteer: Volunteer, day: date) -> None:
        source, target = volunteer.unit_id or self.a_unit(), self.a_unit()
        to_county = self.county_of_unit(target)
        data = {
            "volunteer_id": volunteer.id,
            "from_unit_id": source,
            "to_unit_id": target,
            "from_county": self.county_of_unit(source),
            "to_county": to_county,
        }
        self.tell("roster.volunteer_transferred", data, to_county, day)
        if volunteer.unit_id is not None:
            volunteer.unit_id, volunteer.moved_on = target, day

    def leave(self, volunteer: Volunteer, day: date) -> None:
        unit_id = volunteer.unit_id or self.a_unit()
        data = {"volunteer_id": volunteer.id, "unit_id": unit_id}
        self.tell("roster.volunteer_left", data, self.county_of_unit(unit_id), day)
        volunteer.unit_id, volunteer.moved_on = None, day

    # Facts with undoings.

    def fact(self, kind: str, data: dict[str, Any], county: str, happened: datetime | date) -> None:
        """The fact; now and then its undoing too, after it or before it, dated anywhere."""
        undone = kind in UNDONE_BY and self.chance(18)
        first = undone and self.chance(40)
        if first:
            self.undo(kind, data, county, happened)
        self.tell(kind, data, county, happened)
        if undone and not first:
            self.undo(kind, data, county, happened)

    def undo(self, kind: str, data: dict[str, Any], county: str, happened: datetime | date) -> None:
        undoing, fields, reasons = UNDONE_BY[kind]
        whole = {**data, SHAPES[kind].own_time: happened.isoformat()}
        told = {field: whole[field] for field in fields} | {"reason": self.rng.choice(reasons)}
        self.tell(undoing, told, county, self.moment())

    def attend(self) -> None:
        day = self.day()
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            volunteer = self.a_volunteer()
            data = {
                "attendance_id": self.log.new_id(),
                "session_id": self.rng.choice(self.sessions),
                "volunteer_id": volunteer.id,
                "venue_no": self.rng.randint(1, 3),
                "hours": self.rng.choice((1, 2.5, 6)),
            }
            self.fact("training.attendance_recorded", data, self.county_of(volunteer), day)

    def post(self) -> None:
        unit_id = self.a_unit()
        data = {
            "post_id": self.an_id("post_id"),
            "channel": self.rng.choice(("weibo", "wechat", "other")),
            "unit_id": unit_id,
            "title": "青声",
            "url": "https://weibo.example/1",
        }
        self.posts.append(data["post_id"])
        happened = self.moment()
        if self.chance(8):
            self.promise("post_id", data["post_id"])
            self.undo("campaign.post_published", data, self.county_of_unit(unit_id), happened)
        else:
            self.fact("campaign.post_published", data, self.county_of_unit(unit_id), happened)

    def share(self) -> None:
        """One to four shares of one volunteer, mostly within a month, some at one moment, some for two counties."""
        volunteer, happened = self.a_volunteer(), self.moment()
        for _ in range(self.rng.choice((1, 1, 2, 3, 4))):
            data = {
                "repost_id": self.log.new_id(),
                "post_id": self.rng.choice(self.posts) if self.posts else self.log.new_id(),
                "volunteer_id": volunteer.id,
                "account_id": volunteer.id,
                "platform": self.rng.choice(("weibo", "wechat", "other")),
            }
            if self.chance(4):
                self.undo("campaign.repost_logged", data, self.county_of(volunteer), happened)
            else:
                self.fact("campaign.repost_logged", data, self.county_of(volunteer), happened)
            apart = self.rng.choice((timedelta(0), A_MICROSECOND, timedelta(hours=7), timedelta(days=2)))
            happened = self.not_too_late(happened + apart)

    # Things with two or three facts.

    def around_due(self, first: datetime, days: tuple[int, ...]) -> datetime:
        """After the first time: soon, or at the border of a due day, or oddly before it."""
        if self.oddly(5):
            return self.moment()
        if self.chance(40):
            return self.not_too_late(first + timedelta(hours=self.rng.randrange(48)))
        day = first.astimezone(self.zone).date() + timedelta(days=self.rng.choice(days))
        return self.not_too_late(self.border(day + self.rng.choice((0, 1, 1)) * A_DAY))

    def tip(self) -> None:
        tip_id, unit_id, reported = self.an_id("tip_id"), self.a_unit(), self.moment()
        county = self.county_of_unit(unit_id)
        data: dict[str, Any] = {
            "tip_id": tip_id,
            "channel": self.rng.choice(("chat_group", "phone", "weibo_message", "web_form")),
            "kind": self.rng.choice(("need", "question", "claim")),
            "topic": self.rng.choice(("jobs", "education", "other")),
            "unit_id": unit_id,
        }
        if self.chance(20):
            data["relayed_by"] = self.a_volunteer().id
        told = not self.chance(10)
        if told:
            self.fact("opinion.tip_reported", data, county, reported)
        else:
            self.promise("tip_id", tip_id)
            if self.chance(20):
                self.undo("opinion.tip_reported", data, county, reported)
        text = self.log.written(reported, 0)
        if self.chance(70):
            triage = {"tip_id": tip_id, "responsible_unit_id": self.a_unit(), "reported_at": text}
            self.tell("opinion.tip_triaged", triage, county, self.around_due(reported, (1, 2, 3)))
        if self.chance(70):
            self.tell(
                "opinion.tip_resolved", self.resolution(tip_id, text), county, self.around_due(reported, (3, 10, 30))
            )

    def resolution(self, tip_id: str, reported_at: str) -> dict[str, Any]:
        outcome = self.rng.choice(("acted", "answered", "referred", "declined", "declined"))
        data: dict[str, Any] = {
            "tip_id": tip_id,
            "reported_at": reported_at,
            "outcome": outcome,
            "answered": outcome == "answered" or self.chance(50),
        }
        if outcome == "acted":
            data["action"] = {"title": "联谊会", "held_on": f"{self.year}-08-02", "participants": 300}
        return data

    def case(self) -> None:
        case_id, county, opened = self.an_id("case_id"), self.any_county(), self.moment()
        data = {
            "case_id": case_id,
            "claim_published_at": self.log.written(opened - A_DAY, 0),
            "source_kind": self.rng.choice(("media", "forum", "video", "other")),
        }
        if self.chance(88):
            self.tell("opinion.correction_opened", data, county, opened)
        else:
            self.promise("case_id", case_id)
        if self.chance(75):
            closing = {
                "case_id": case_id,
                "opened_at": self.log.written(opened, 0),
                "outcome": self.rng.choice(
                    ("clarified", "partly_right_fixed", "right_fixed", "no_action", "no_action")
                ),
                "evidence_count": self.rng.randint(1, 3),
                "official_source": "https://gov.example/1",
                "media_met": self.chance(50),
            }
            self.tell("opinion.correction_closed", closing, county, self.around_due(opened, (1, 2, 10)))

    def tell_again(self) -> None:
        """A second telling of an earlier fact: other time, perhaps other county, outcome or volunteer."""
        if not self.tellable:
            return
        event = self.rng.choice(self.tellable)
        kind, data, county = type_of(event), dict(event["data"]), event["county"]
        if self.chance(40):
            county = self.any_county()
        if "outcome" in data and "answered" in data:
            data |= {"outcome": self.rng.choice(("referred", "declined")), "answered": self.chance(50)}
            data.pop("action", None)
        elif "outcome" in data:
            data["outcome"] = self.rng.choice(("clarified", "no_action"))
        if "volunteer_id" in data and self.oddly(30):
            data["volunteer_id"] = self.a_volunteer().id
        happened = self.day() if kind == "training.attendance_recorded" else self.moment()
        self.tell(kind, data, county, happened)

    def unread(self) -> None:
        """What the appraisal does not need: sessions, columns, accounts, nominations."""
        volunteer, happened = self.a_volunteer(), self.moment()
        county = self.county_of(volunteer)
        sort = self.rng.randrange(6)
        session = {"session_id": self.rng.choice(self.sessions)}
        account = {"volunteer_id": volunteer.id, "account_id": volunteer.id}
        if sort == 0:
            details = {
                "kind": "class",
                "title": {"zh": "骨干培训班"},
                "hours": 6,
                "venue_count": 1,
                "organisers": [CITY],
            }
            self.tell("training.session_held", session | details, CITY, happened)
        elif sort == 1:
            cancelled = {"starts_at": self.log.written(happened, 0), "reason": "weather"}
            self.tell("training.session_cancelled", session | cancelled, CITY, happened)
        elif sort == 2:
            column = {"column_id": self.log.new_id(), "title": {"zh": "青年说"}}
            self.tell("campaign.column_opened", column, CITY, self.day())
        elif sort == 3:
            verified = {"platform": "weibo", "verified_at": self.log.written(happened, 0)}
            self.log.tell("roster.account_disclosed", account | verified, county, happened=happened)
        elif sort == 4:
            self.tell("roster.account_withdrawn", account, county, happened)
        else:
            nominee = {"volunteer_id": volunteer.id, "unit_id": self.a_unit(), "team": "city", "category": "reviewer"}
            self.tell("roster.volunteer_nominated", nominee, county)


def generate(
    seed: int,
    n: int,
    *,
    year: int = 2014,
    now: datetime = NOW,
    counties: Sequence[str] = COUNTIES,
    zone: str = SHANGHAI,
    odd: bool = True,
) -> list[dict[str, Any]]:
    """`n` events about `year`, all recorded by `now`, in recording order for each key.

    `odd`: also what a sound owning service would have refused, though each event is valid by itself: second
    registrations, departures of nobody, movements dated back, sequences given twice. The first few events define the
    city level (350900) and the counties; the pools grow with `n`.
    """
    story = Story(Random(seed), n=n, year=year, now=now, counties=counties, zone=zone, odd=odd, name=seed)
    story.begin()
    while len(story.log.events) < n:
        story.go_on()
    return story.log.events[:n]


def arrivals(events: Sequence[dict[str, Any]], rng: Random, *, copies: int = 10) -> list[dict[str, Any]]:
    """The events in any order, with about `copies` in a hundred of them once more (or twice)."""
    arriving = list(events)
    if events and copies:
        arriving += [rng.choice(events) for _ in range(-(-len(events) * copies // 100))]
    rng.shuffle(arriving)
    return arriving


# Of each sort of period: how many there are in a year, and the name of the k-th one.
SORTS: tuple[tuple[int, Callable[[int, int], str]], ...] = (
    (1, lambda year, _: f"{year}"),
    (2, lambda year, k: f"{year}-H{k}"),
    (4, lambda year, k: f"{year}-Q{k}"),
    (12, lambda year, k: f"{year}-{k:02}"),
)


def periods(year: int = 2014) -> list[str]:
    """All period names of a year: itself, halves, quarters, months."""
    return [name(year, k) for many, name in SORTS for k in range(1, many + 1)]


class Question(NamedTuple):
    """What a report may be asked: its arguments."""

    period: str
    now: datetime
    as_of: date | None


def random_question(
    rng: Random, *, year: int = 2014, now: datetime = NOW, zone: str = SHANGHAI, running: bool = True
) -> Question:
    """A period (now and then of a neighbouring year), a now up to `now` (just `now` unless `running`), and half the
    time an as_of not after it; both lie mostly within the period or soon after it, and at borders of days."""
    local = ZoneInfo(zone)
    many, name = rng.choice(SORTS)
    k = rng.randint(1, many)
    asked_year = year + rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, 1))
    before = (asked_year - 2000) * 12 + 12 // many * (k - 1)

    def a_border() -> datetime:
        month = before + rng.choice((-1, *range(12 // many), *range(12 // many + 2)))
        start = datetime(2000 + month // 12, month % 12 + 1, rng.choice((1, 1, 1, 2, 4, 11, 15)), tzinfo=local)
        return start.astimezone(UTC) + rng.choice((-1, 0, 0, 1, 43_200_000_000)) * A_MICROSECOND

    asked = now.astimezone(UTC)
    if running and rng.randrange(2):
        asked = min(a_border(), asked)
    as_of: date | None = None
    if rng.randrange(2):
        latest = asked.astimezone(local).date()
        as_of = min(latest, a_border().astimezone(local).date()) if rng.randrange(5) else latest
    return Question(name(asked_year, k), asked, as_of)


def from_steps(
    beginning: int, steps: Sequence[int], *, year: int = 2014, now: datetime = NOW, odd: bool = True
) -> list[dict[str, Any]]:
    """A small log; each number decides one step by itself, so that steps can be left out."""
    story = Story(Random(beginning), n=20, year=year, now=now, counties=COUNTIES, zone=SHANGHAI, odd=odd, name="steps")
    story.begin()
    for step in steps:
        story.rng = Random(step)
        story.go_on()
    return story.log.events


def logs(
    *, max_steps: int = 40, year: int = 2014, now: datetime = NOW, odd: bool = True
) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Logs of about ten events and two or three more for each step."""
    return st.builds(
        from_steps,
        st.integers(0, 2**16),
        st.lists(st.integers(0, 2**32), max_size=max_steps),
        year=st.just(year),
        now=st.just(now),
        odd=st.just(odd),
    )


def questions(*, year: int = 2014, now: datetime = NOW) -> st.SearchStrategy[Question]:
    """Questions for hypothesis."""
    return st.integers(0, 2**32).map(lambda seed: random_question(Random(seed), year=year, now=now))
