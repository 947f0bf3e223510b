"""The work report's table, counted anew from the events: every event once, what was undone left out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from qingsheng.demo.log import Event, type_of
from qingsheng.demo.story import ZONE, at, day

REPORT_ON = day("09-29")
"""The day the report was given: only what was recorded by its end is counted."""


@dataclass(frozen=True)
class Figure:
    """``reported``: the report's words; ``played``: the number that the demo plays; ``asked``: what a service tells
    over HTTP, where one does."""

    what: str
    reported: str
    played: int
    counted: int
    asked: int | None = None

    @property
    def agrees(self) -> bool:
        return self.counted == self.played and self.asked in (None, self.played)


@dataclass(frozen=True)
class Counts:
    """What stands in the log, by the fact's own fields."""

    events: Sequence[Event]

    @classmethod
    def recorded_by(cls, on: date, events: Iterable[Event]) -> "Counts":
        """Of what was recorded by the end of that local day."""
        end = at(on + timedelta(days=1), 0)
        return cls([event for event in events if _moment(event["recordedtime"]) < end])

    def data(self, kind: str) -> list[Mapping[str, Any]]:
        return [event["data"] for event in self.events if type_of(event) == kind]

    def standing(self, kind: str, undoing: str, id_field: str) -> list[Mapping[str, Any]]:
        """Facts that were not undone."""
        undone = {data[id_field] for data in self.data(undoing)}
        return [data for data in self.data(kind) if data[id_field] not in undone]

    def registered(self, team: str, on: date) -> Counter[str]:
        """Volunteers of a team at the end of a day, by unit."""
        members = {
            data["volunteer_id"]: data["unit_id"]
            for data in self.data("roster.volunteer_registered")
            if data["team"] == team and data["registered_on"] <= on.isoformat()
        }
        for data in self.data("roster.volunteer_left"):
            if data["left_on"] <= on.isoformat():
                members.pop(data["volunteer_id"], None)
        return Counter(members.values())

    def attendances(self, session: Mapping[str, Any]) -> int:
        told = self.standing("training.attendance_recorded", "training.attendance_voided", "attendance_id")
        return sum(data["session_id"] == session["session_id"] for data in told)

    def sessions(self, kind: str, *, joint: bool = False) -> list[Mapping[str, Any]]:
        held = self.standing("training.session_held", "training.session_cancelled", "session_id")
        return [data for data in held if data["kind"] == kind and ("joint_with" in data) == joint]

    def shares(self, platform: str) -> int:
        told = self.standing("campaign.repost_logged", "campaign.repost_voided", "repost_id")
        return sum(data["platform"] == platform for data in told)

    def posts(self, channel: str) -> int:
        told = self.standing("campaign.post_published", "campaign.post_withdrawn", "post_id")
        return sum(data["channel"] == channel for data in told)

    def participants(self) -> int:
        """Of what was done about tips."""
        return sum(data["action"]["participants"] for data in self.data("opinion.tip_resolved") if "action" in data)


def figures(events: Iterable[Event], asked: Mapping[str, int]) -> list[Figure]:
    """The report's table. ``asked``: what the services answer over HTTP, by the names used here."""
    counts = Counts.recorded_by(REPORT_ON, events)
    city = counts.registered("city", REPORT_ON)
    county = counts.registered("county", REPORT_ON)
    teleconferences = counts.sessions("teleconference")
    courses = counts.sessions("course")
    tips = counts.standing("opinion.tip_reported", "opinion.tip_voided", "tip_id")
    clarified = [data for data in counts.data("opinion.correction_closed") if data["outcome"] == "clarified"]
    table: list[tuple[str, str, int, int]] = [
        ("City team", "400", 400, city.total()),
        ("County teams", "9 × 200", 1800, county.total()),
        ("  the smallest of the nine", "200", 200, min(county.values(), default=0)),
        ("  the largest of the nine", "200", 200, max(county.values(), default=0)),
        ("Registered volunteers", "2,200", 2200, city.total() + county.total()),
        ("Provincial backbone class", "some", 24, sum(map(counts.attendances, counts.sessions("class")))),
        ("Teleconference: venues", "10", 10, sum(held["venue_count"] for held in teleconferences)),
        ("Teleconference: volunteers", "more than 500", 523, sum(map(counts.attendances, teleconferences))),
        ("Joint class in Gutian", "held", 60, sum(map(counts.attendances, counts.sessions("class", joint=True)))),
        ("The course: other classes", "3", 3, len(courses)),
        ("The course: trained", "more than 150", 156, sum(map(counts.attendances, courses))),
        ("Tips", "(not told)", 240, len(tips)),
        ("Social evening: took part", "more than 300", 300, counts.participants()),
        ("Corrections clarified", "1", 1, len(clarified)),
        ("Columns", "2", 2, len(counts.data("campaign.column_opened"))),
        ("WeChat issues", "more than 30", 32, counts.posts("wechat")),
        ("Weibo posts", "more than 60", 64, counts.posts("weibo")),
        ("WeChat shares", "about 1,000", 996, counts.shares("wechat")),
        ("Weibo shares", "more than 2,000", 2048, counts.shares("weibo")),
    ]
    return [Figure(*row, asked.get(row[0])) for row in table]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(ZONE)
