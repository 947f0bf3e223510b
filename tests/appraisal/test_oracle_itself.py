"""The oracle against figures worked out by hand, rule by rule; the sums stand in the comments."""

from datetime import date, datetime
from fractions import Fraction
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import oracle
from tests.support.event_log import EventLog
from tests.support.oracle.days import period_named
from tests.support.oracle.scoring import shown
from tests.support.random_events import Question, arrivals, logs, questions
from tests.support.random_schemes import schemes

SHANGHAI = ZoneInfo("Asia/Shanghai")
JIAOCHENG, XIAPU, GUTIAN, CITY = "350902", "350921", "350922", "350900"
LATER = datetime(2016, 1, 1, tzinfo=SHANGHAI)

Data = dict[str, Any]


def at(text: str) -> datetime:
    """A moment in Ningde."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def on(text: str) -> date:
    return date.fromisoformat(text)


class Town:
    """Tells of one city; people and things are named by short words, which serve as ids here."""

    def __init__(self, *counties: str) -> None:
        self.log = EventLog(LATER, SHANGHAI)
        self.tips: dict[str, str] = {}
        for county in counties or (JIAOCHENG,):
            self.unit(county, "city" if county == CITY else "county", county)

    @property
    def events(self) -> list[Data]:
        return self.log.events

    def unit(self, unit_id: str, kind: str, county: str, parent: str | None = None, **more: Any) -> None:
        data = {"unit_id": unit_id, "name": {"zh": unit_id}, "kind": kind, "county": county, "parent_id": parent}
        more.setdefault("recorded", at("2013-06-01"))
        self.log.tell("roster.unit_defined", data, county, **more)

    def quota(self, unit_id: str, quota: int, day: str = "2013-12-01", team: str = "county", year: int = 2014) -> None:
        data = {"unit_id": unit_id, "team": team, "year": year, "quota": quota}
        self.log.tell("roster.quota_set", data, unit_id[:6], recorded=at(day))

    def register(self, who: str, day: str, county: str = JIAOCHENG, **more: Any) -> None:
        data = {"volunteer_id": who, "unit_id": county, "team": "county", "category": "other", "consented_on": day}
        self.log.tell("roster.volunteer_registered", data, county, happened=on(day), **more)

    def crowd(self, many: int, county: str = JIAOCHENG, day: str = "2013-12-01") -> None:
        for number in range(many):
            self.register(f"{county}-{number}", day, county)

    def transfer(self, who: str, day: str, source: str, target: str, **more: Any) -> None:
        data = {"volunteer_id": who, "from_unit_id": source, "to_unit_id": target}
        data |= {"from_county": source, "to_county": target}
        self.log.tell("roster.volunteer_transferred", data, target, happened=on(day), **more)

    def leave(self, who: str, day: str, county: str = JIAOCHENG, **more: Any) -> None:
        self.log.tell(
            "roster.volunteer_left", {"volunteer_id": who, "unit_id": county}, county, happened=on(day), **more
        )

    def attend(self, name: str, who: str, day: str, county: str = JIAOCHENG, **more: Any) -> None:
        data = {"attendance_id": name, "session_id": "s", "volunteer_id": who, "venue_no": 1, "hours": 2}
        self.log.tell("training.attendance_recorded", data, county, happened=on(day), **more)

    def void_attendance(self, name: str, who: str, when: str, **more: Any) -> None:
        data = {
            "attendance_id": name,
            "session_id": "s",
            "volunteer_id": who,
            "held_on": "2014-01-01",
            "reason": "error",
        }
        self.log.tell("training.attendance_voided", data, JIAOCHENG, happened=at(when), **more)

    def tip(self, name: str, when: str, county: str = JIAOCHENG, **more: Any) -> None:
        data = {"tip_id": name, "channel": "phone", "kind": "need", "topic": "jobs", "unit_id": county}
        self.log.tell("opinion.tip_reported", data, county, happened=at(when), **more)

    def triage(self, name: str, when: str, county: str = JIAOCHENG, **more: Any) -> None:
        data = {"tip_id": name, "responsible_unit_id": county, "reported_at": "2014-01-01T00:00:00+08:00"}
        self.log.tell("opinion.tip_triaged", data, county, happened=at(when), **more)

    def resolve(
        self,
        name: str,
        when: str,
        outcome: str = "answered",
        answered: bool = True,
        county: str = JIAOCHENG,
        **more: Any,
    ) -> None:
        data = {"tip_id": name, "reported_at": "2014-01-01T00:00:00+08:00", "outcome": outcome, "answered": answered}
        self.log.tell("opinion.tip_resolved", data, county, happened=at(when), **more)

    def void_tip(self, name: str, when: str, **more: Any) -> None:
        data = {"tip_id": name, "reported_at": "2014-01-01T00:00:00+08:00", "reason": "spam"}
        self.log.tell("opinion.tip_voided", data, JIAOCHENG, happened=at(when), **more)

    def open_case(self, name: str, when: str, county: str = JIAOCHENG) -> None:
        data = {"case_id": name, "claim_published_at": "2014-01-01T00:00:00+08:00", "source_kind": "media"}
        self.log.tell("opinion.correction_opened", data, county, happened=at(when))

    def close_case(self, name: str, when: str, outcome: str = "clarified", county: str = JIAOCHENG) -> None:
        data = {"case_id": name, "opened_at": "2014-01-01T00:00:00+08:00", "outcome": outcome, "evidence_count": 1}
        data |= {"official_source": "https://gov.example/1", "media_met": False}
        self.log.tell("opinion.correction_closed", data, county, happened=at(when))

    def post(self, name: str, when: str, county: str = JIAOCHENG, **more: Any) -> None:
        data = {"post_id": name, "channel": "weibo", "unit_id": county, "title": "t", "url": "https://weibo.example/1"}
        self.log.tell("campaign.post_published", data, county, happened=at(when), **more)

    def withdraw(self, name: str, when: str) -> None:
        data = {"post_id": name, "unit_id": JIAOCHENG, "published_at": "2014-01-01T00:00:00+08:00", "reason": "error"}
        self.log.tell("campaign.post_withdrawn", data, JIAOCHENG, happened=at(when))

    def share(self, name: str, who: str, when: str, county: str = JIAOCHENG, post: str = "p", **more: Any) -> str:
        data = {"repost_id": name, "post_id": post, "volunteer_id": who, "account_id": who, "platform": "weibo"}
        return self.log.tell("campaign.repost_logged", data, county, happened=at(when), **more)["id"]

    def void_share(self, name: str, who: str, when: str) -> None:
        data = {"repost_id": name, "volunteer_id": who, "shared_at": "2014-01-01T00:00:00+08:00", "reason": "error"}
        self.log.tell("campaign.repost_voided", data, JIAOCHENG, happened=at(when))

    def line(self, scheme: Data, period: str, county: str = JIAOCHENG, **asked: Any) -> Data:
        """The (first) indicator's line of one county."""
        asked.setdefault("now", LATER)
        report = oracle.report(self.events, period, scheme=scheme, **asked)
        return next(row for row in report["counties"] if row["county"] == county)["indicators"][0]

    def figure(self, scheme: Data, period: str, county: str = JIAOCHENG, **asked: Any) -> tuple[Any, Any]:
        """Numerator and denominator of the (first) indicator's line."""
        line = self.line(scheme, period, county, **asked)
        return line["numerator"], line["denominator"]


def only(indicator: str, target: Any = 1, **rest: Any) -> Data:
    """A scheme of one indicator."""
    return scheme_of({"indicator": indicator, "weight": 100, "target": target, **rest})


def scheme_of(*indicators: Data) -> Data:
    return {
        "scheme_id": "s",
        "version": 1,
        "name": {"zh": "s"},
        "valid_from": "2013-01-01",
        "indicators": list(indicators),
    }


FILL = only("roster_fill")
TRAINING = only("training_coverage")
REPORTED = only("tips_reported")
TRIAGED = only("tips_triaged_in_time", params={"days": 3})
RESOLVED = only("tips_resolved_in_time", params={"days": 30})
ANSWERED = only("tips_answered")
ACTED = only("needs_acted")
CLOSED = only("corrections_closed_in_time", params={"days": 10})
SHARING = only("sharing_participation", params={"cap": 2})
POSTS = only("posts_published")
# Beside other indicators sharing is a case; alone it is none, whatever its figures.
BOTH = scheme_of(
    {"indicator": "sharing_participation", "weight": 20, "target": 0.5, "params": {"cap": 2}},
    {"indicator": "posts_published", "weight": 40, "target": 2},
    {"indicator": "tips_answered", "weight": 40, "target": 1},
)


# Periods and moments.


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2014", "2014-01-01", "2014-12-31"),
        ("2014-H1", "2014-01-01", "2014-06-30"),
        ("2014-H2", "2014-07-01", "2014-12-31"),
        ("2014-Q1", "2014-01-01", "2014-03-31"),
        ("2014-Q3", "2014-07-01", "2014-09-30"),
        ("2016-02", "2016-02-01", "2016-02-29"),
        ("2014-12", "2014-12-01", "2014-12-31"),
    ],
)
def test_a_period_has_a_first_and_a_last_day(name: str, start: str, end: str) -> None:
    assert (period_named(name).start, period_named(name).end) == (on(start), on(end))


@pytest.mark.parametrize(
    "name", ["", "14", "2014-H3", "2014-Q0", "2014-Q5", "2014-13", "2014-00", "2014-7", "2014-q1", "2014 "]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        period_named(name)


def test_a_period_has_not_begun_before_its_first_instant() -> None:
    town = Town(CITY, JIAOCHENG)
    before = oracle.report(town.events, "2014-Q2", scheme=BOTH, now=at("2014-03-31T23:59:59.999999"))
    assert before["status"] == "not_begun"
    assert [row["county"] for row in before["counties"]] == [CITY, JIAOCHENG]
    assert before["counties"][1] == {
        "county": JIAOCHENG,
        "name": {"zh": JIAOCHENG},
        "score": None,
        "rank": None,
        "note": None,
        "indicators": [
            {
                "indicator": rule["indicator"],
                "numerator": None,
                "denominator": None,
                "value": None,
                "target": rule["target"],
                "attainment": None,
                "weight": rule["weight"],
                "points": None,
                "note": None,
            }
            for rule in BOTH["indicators"]
        ],
    }
    assert before["city"][0] == {
        "indicator": "sharing_participation",
        "numerator": None,
        "denominator": None,
        "value": None,
    }
    assert oracle.report(town.events, "2014-Q2", now=at("2014-04-01"))["status"] == "running"
    # The end of 31 March lies before April; any moment of 1 April does not.
    assert oracle.report(town.events, "2014-Q2", now=LATER, as_of=on("2014-03-31"))["status"] == "not_begun"
    assert oracle.report(town.events, "2014-Q2", now=LATER, as_of=on("2014-04-01"))["status"] == "running"
    assert oracle.counted(town.events, "2014-Q2", "tips_reported", JIAOCHENG, now=at("2014-03-01")) == (set(), set())


def test_as_of_is_today_at_the_latest() -> None:
    oracle.report([], "2014", now=at("2014-03-31T23:59:59"), as_of=on("2014-03-31"))
    with pytest.raises(ValueError):
        oracle.report([], "2014", now=at("2014-03-31T23:59:59"), as_of=on("2014-04-01"))


def test_days_are_local() -> None:
    town = Town()
    # 16:00 in UTC is midnight in Ningde: the first tip belongs to March, the other to April.
    town.tip("a", "2014-03-31T23:59:59.999999", style=1)
    town.tip("b", "2014-04-01T00:00:00", style=2)
    assert [event["time"] for event in town.events[1:]] == ["2014-03-31T15:59:59.999999Z", "2014-03-31T12:30:00-03:30"]
    assert town.figure(REPORTED, "2014-03") == (1, 0)
    assert town.figure(REPORTED, "2014-04") == (1, 0)
    # In UTC both happened in March, an instant apart at 16:00.
    assert town.figure(REPORTED, "2014-03", zone="UTC") == (2, 0)


def test_nothing_after_the_instant_counts_not_even_today() -> None:
    town = Town()
    town.tip("a", "2014-03-10T09:00:00")
    town.tip("b", "2014-03-10T09:00:00.000001", recorded=at("2014-03-10T08:00:00"))
    assert town.figure(REPORTED, "2014-03", now=at("2014-03-10T09:00:00"))[0] == 1
    assert town.figure(REPORTED, "2014-03", now=at("2014-03-10T09:00:00.000001"))[0] == 2
    # as_of today means the end of today.
    assert town.figure(REPORTED, "2014-03", now=at("2014-03-10T09:00:00"), as_of=on("2014-03-10"))[0] == 2


def test_as_of_counts_what_was_recorded_by_the_end_of_that_day() -> None:
    town = Town()
    town.tip("a", "2014-03-01T09:00:00", recorded=at("2014-03-10T23:59:59.999999"))
    town.tip("b", "2014-03-01T09:00:00", recorded=at("2014-03-11T00:00:00"))
    town.tip("c", "2014-03-11T00:00:00", recorded=at("2014-03-10T01:00:00"))
    assert town.figure(REPORTED, "2014-03", as_of=on("2014-03-10"))[0] == 1
    assert town.figure(REPORTED, "2014-03", as_of=on("2014-03-11"))[0] == 3


# Copies, second tellings, undoings.


def test_copies_and_order_change_nothing() -> None:
    town = Town()
    town.tip("a", "2014-03-01T09:00:00")
    town.tip("b", "2014-03-01T09:00:00")
    mixed = [*reversed(town.events), *town.events, town.events[1]]
    assert oracle.report(mixed, "2014", now=LATER) == oracle.report(town.events, "2014", now=LATER)
    assert town.figure(REPORTED, "2014-03")[0] == 2


def test_of_two_tellings_the_lower_sequence_counts_after_the_as_of_filter() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.tip("a", "2014-03-01T09:00:00", XIAPU, sequence=2, recorded=at("2014-03-02"))
    town.tip("a", "2014-03-05T09:00:00", JIAOCHENG, sequence=1, recorded=at("2014-03-06"))
    assert town.figure(REPORTED, "2014-03", JIAOCHENG)[0] == 1
    assert town.figure(REPORTED, "2014-03", XIAPU)[0] == 0
    # On 5 March only the telling with sequence 2 was known.
    assert town.figure(REPORTED, "2014-03", JIAOCHENG, as_of=on("2014-03-05"))[0] == 0
    assert town.figure(REPORTED, "2014-03", XIAPU, as_of=on("2014-03-05"))[0] == 1


def test_times_are_cut_after_the_telling_was_chosen() -> None:
    town = Town()
    town.tip("a", "2014-03-20T09:00:00", sequence=1, recorded=at("2014-03-20"))
    town.tip("a", "2014-03-01T09:00:00", sequence=2)
    # Sequence 1 is the tip, and lies after the instant; sequence 2 does not take its place.
    assert town.figure(REPORTED, "2014-03", now=at("2014-03-20T08:00:00"))[0] == 0
    assert town.figure(REPORTED, "2014-03", now=at("2014-03-20T10:00:00"))[0] == 1


def test_of_equal_sequences_the_lower_event_id_counts() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.tip("a", "2014-03-01T09:00:00", XIAPU, sequence=1)
    town.tip("a", "2014-03-01T09:00:00", JIAOCHENG, sequence=1)
    town.events[-1]["id"], town.events[-2]["id"] = "0" * 8, "f" * 8
    assert town.figure(REPORTED, "2014-03", JIAOCHENG)[0] == 1
    assert town.figure(REPORTED, "2014-03", XIAPU)[0] == 0


def test_what_is_undone_counts_nowhere_and_stays_so() -> None:
    town = Town()
    town.void_tip("a", "2013-01-01T09:00:00", recorded=at("2014-02-01"))
    town.tip("a", "2014-03-01T09:00:00")
    town.tip("b", "2014-03-01T09:00:00")
    town.void_tip("b", "2015-12-31T09:00:00", recorded=at("2015-12-31"))
    town.tip("b", "2014-03-02T09:00:00")
    town.void_tip("nobody told of this", "2014-03-01T09:00:00")
    assert town.figure(REPORTED, "2014-03")[0] == 0
    # An undoing counts whatever its time: that of b happens after this now.
    assert town.figure(REPORTED, "2014-03", now=at("2014-05-01"))[0] == 0
    # Under as_of it counts from its own recording on.
    assert town.figure(REPORTED, "2014-03", as_of=on("2015-12-30"))[0] == 1
    assert town.figure(REPORTED, "2014-03", as_of=on("2015-12-31"))[0] == 0


# Roster.


def test_stock_counts_movements_up_to_the_eval_day() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.quota(JIAOCHENG, 4)
    town.quota(XIAPU, 4)
    town.register("a", "2014-01-31")
    town.register("b", "2014-02-01")
    town.register("c", "2014-01-10")
    town.leave("c", "2014-02-28")
    town.transfer("a", "2014-02-10", JIAOCHENG, XIAPU)
    # January: a, c. February: b, and a in Xiapu (c left on the last day of it).
    assert town.figure(FILL, "2014-01") == (2, 4)
    assert town.figure(FILL, "2014-02") == (1, 4)
    assert town.figure(FILL, "2014-02", XIAPU) == (1, 4)
    # The whole day of a transfer belongs to the new county.
    assert town.figure(FILL, "2014-02", JIAOCHENG, as_of=on("2014-02-09")) == (3, 4)
    assert town.figure(FILL, "2014-02", JIAOCHENG, as_of=on("2014-02-10")) == (2, 4)
    assert town.line(FILL, "2014-02")["value"] == 0.25


def test_dates_count_from_their_noon_on_the_running_day() -> None:
    town = Town()
    town.register("a", "2014-01-10", recorded=at("2014-01-10T08:00:00"))
    assert town.figure(FILL, "2014-01", now=at("2014-01-10T11:59:59"))[0] == 0
    assert town.figure(FILL, "2014-01", now=at("2014-01-10T12:00:00"))[0] == 1


def test_stock_is_never_below_nothing() -> None:
    town = Town()
    town.leave("a", "2014-01-10")
    town.transfer("b", "2014-01-10", JIAOCHENG, XIAPU)
    assert town.figure(FILL, "2014-01")[0] == 0
    town.register("c", "2014-01-10")
    town.register("d", "2014-01-10")
    town.register("e", "2014-01-10")
    # Three came, one left, one went elsewhere.
    assert town.figure(FILL, "2014-01")[0] == 1


def test_a_second_registration_or_departure_in_a_row_is_a_second_telling() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.register("a", "2014-01-10")
    town.transfer("a", "2014-01-11", JIAOCHENG, XIAPU)
    town.register("a", "2014-01-12")
    assert (town.figure(FILL, "2014-01"), town.figure(FILL, "2014-01", XIAPU)) == ((0, 0), (1, 0))
    town.leave("a", "2014-01-13", XIAPU)
    town.leave("a", "2014-01-14", JIAOCHENG)
    town.register("b", "2014-01-01")
    assert (town.figure(FILL, "2014-01"), town.figure(FILL, "2014-01", XIAPU)) == ((1, 0), (0, 0))
    # Who left may be registered again.
    town.register("a", "2014-01-20")
    assert town.figure(FILL, "2014-01")[0] == 2


def test_the_lower_registration_is_taken_before_times_are_cut() -> None:
    town = Town()
    town.register("a", "2014-03-20", sequence=2, recorded=at("2014-03-20"))
    town.register("a", "2014-03-01", sequence=3)
    assert town.figure(FILL, "2014-03", now=at("2014-03-15"))[0] == 0
    # A third one with a lower sequence is recorded still later, dated 10 March.
    town.register("a", "2014-03-10", sequence=1, recorded=at("2014-03-25"))
    assert town.figure(FILL, "2014-03", now=at("2014-03-15"))[0] == 1
    assert town.figure(FILL, "2014-03", as_of=on("2014-03-21"))[0] == 1


def test_quotas_of_both_teams_are_added_and_parts_are_not() -> None:
    town = Town(CITY, JIAOCHENG)
    town.unit("350902-01", "township", JIAOCHENG, JIAOCHENG)
    town.unit("350902-A1", "organ", JIAOCHENG, "350902-01")
    town.unit("350902-02", "township", JIAOCHENG, JIAOCHENG)
    town.quota(JIAOCHENG, 100, team="county")
    town.quota("350902-01", 7, team="county")  # a part of the county's 100
    town.quota("350902-01", 7, team="city")
    town.quota("350902-A1", 3, team="city")  # a part of the township's 7
    town.quota("350902-02", 5, team="city")
    town.quota(CITY, 400, team="city")  # another county's unit is no ancestor in the same county
    town.quota("350902-02", 50, team="city", year=2015)
    # 100 + 7 + 5
    assert town.figure(FILL, "2014")[1] == 112
    assert town.figure(FILL, "2014", CITY)[1] == 400
    # 0 is a setting: nothing for the county's team at all, its townships stay parts.
    town.quota(JIAOCHENG, 0, day="2014-06-01", team="county")
    assert town.figure(FILL, "2014")[1] == 12
    # For May that setting came too late; the year of the period's end is what counts.
    assert town.figure(FILL, "2014-05")[1] == 112
    assert town.figure(FILL, "2015-01")[1] == 50


def test_a_grandparent_in_the_same_county_covers_too() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.unit("350902-01", "township", XIAPU, JIAOCHENG)
    town.unit("350902-A1", "organ", JIAOCHENG, "350902-01")
    town.quota(JIAOCHENG, 10)
    town.quota("350902-A1", 3)
    town.quota("350902-01", 4)
    # The organ's parent lies in Xiapu, its grandparent in Jiaocheng: it is a part of that. The township is Xiapu's own.
    assert town.figure(FILL, "2014")[1] == 10
    assert town.figure(FILL, "2014", XIAPU)[1] == 4


def test_a_unit_stands_as_last_defined_and_quotas_wait_for_it() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.quota("350902-01", 4, day="2013-12-01")
    assert town.figure(FILL, "2014")[1] == 0
    town.unit("350902-01", "township", JIAOCHENG, JIAOCHENG, recorded=at("2014-02-01"))
    town.unit("350902-01", "township", XIAPU, XIAPU, recorded=at("2014-03-01"))
    assert town.figure(FILL, "2014")[1] == 0
    assert town.figure(FILL, "2014", XIAPU)[1] == 4
    assert town.figure(FILL, "2014", as_of=on("2014-02-10"))[1] == 4
    assert town.figure(FILL, "2014", as_of=on("2014-01-31"))[1] == 0
    # What was defined after the period says nothing of it.
    assert (town.figure(FILL, "2014-02")[1], town.figure(FILL, "2014-02", XIAPU)[1]) == (4, 0)


# Training.


def test_training_counts_distinct_volunteers_of_the_period() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.crowd(4)
    town.attend("1", "a", "2014-03-31")
    town.attend("2", "a", "2014-02-01")
    town.attend("3", "b", "2014-03-01")
    town.attend("4", "b", "2014-03-02", XIAPU)
    town.attend("5", "c", "2014-04-01")
    town.attend("6", "d", "2014-03-01")
    town.void_attendance("6", "d", "2014-05-01T00:00:00")
    # First quarter: a (twice) and b of 4 volunteers; b in Xiapu too.
    assert town.figure(TRAINING, "2014-Q1") == (2, 4)
    assert town.line(TRAINING, "2014-Q1")["value"] == 0.5
    assert town.figure(TRAINING, "2014-Q1", XIAPU) == (1, 0)
    assert town.figure(TRAINING, "2014") == (3, 4)
    named = {event["data"].get("attendance_id"): event["id"] for event in town.events}
    counted = oracle.counted(town.events, "2014-Q1", "training_coverage", JIAOCHENG, now=LATER)
    assert counted.numerator == {named["2"], named["3"]}
    assert len(counted.denominator) == 4


# Tips.


def test_tips_are_reported_per_hundred_volunteers() -> None:
    town = Town()
    town.crowd(40)
    town.tip("a", "2014-03-31T23:59:59.999999")
    # 1 tip over 40 / 100
    assert town.line(REPORTED, "2014-Q1") == {
        "indicator": "tips_reported",
        "numerator": 1,
        "denominator": 0.4,
        "value": 2.5,
        "target": 1,
        "attainment": 1,
        "weight": 100,
        "points": 100,
        "note": None,
    }


def test_a_tip_is_due_so_many_days_after_its_report() -> None:
    town = Town()
    town.tip("a", "2014-03-10T00:00:00")
    town.triage("a", "2014-03-13T23:59:59.999999")
    town.tip("b", "2014-03-10T23:59:59")
    town.triage("b", "2014-03-14T00:00:00")
    # Due on the 13th, counted when the 13th is over: a in time, b not.
    assert town.figure(TRIAGED, "2014-03", now=at("2014-03-13T23:59:59.999999")) == (0, 0)
    assert town.figure(TRIAGED, "2014-03", now=at("2014-03-14T00:00:00")) == (1, 2)
    assert town.figure(TRIAGED, "2014-03", as_of=on("2014-03-12")) == (0, 0)
    assert town.figure(TRIAGED, "2014-03", as_of=on("2014-03-13")) == (1, 2)


def test_a_tip_belongs_to_the_period_in_which_it_falls_due() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.tip("a", "2014-03-28T10:00:00")
    town.tip("b", "2014-03-29T10:00:00")
    town.triage("b", "2014-03-30T10:00:00", XIAPU)
    # a falls due on 31 March, b on 1 April; the county is that of the report.
    assert town.figure(TRIAGED, "2014-Q1") == (0, 1)
    assert town.figure(TRIAGED, "2014-Q2") == (1, 1)
    assert town.figure(TRIAGED, "2014-Q2", XIAPU) == (0, 0)


def test_a_triage_waits_for_its_report() -> None:
    town = Town()
    town.triage("a", "2014-03-12T10:00:00")
    assert town.figure(TRIAGED, "2014-03") == (0, 0)
    town.tip("a", "2014-03-10T10:00:00")
    assert town.figure(TRIAGED, "2014-03") == (1, 1)
    town.void_tip("a", "2014-03-11T10:00:00")
    assert town.figure(TRIAGED, "2014-03") == (0, 0)


def test_declined_without_an_answer_is_not_resolved_in_time() -> None:
    town = Town()
    for name in ("acted", "answered", "referred", "declined"):
        for answered in (True, False):
            town.tip(f"{name}{answered}", "2014-03-01T10:00:00")
            town.resolve(f"{name}{answered}", "2014-03-31T23:59:59", name, answered)
    town.tip("late", "2014-03-01T10:00:00")
    town.resolve("late", "2014-04-01T00:00:00")
    # Nine fall due on 31 March; one is late, one was declined without an answer.
    assert town.figure(RESOLVED, "2014-03") == (7, 9)
    # Resolved in March: eight, four of them answered, two acted. The late one in April.
    assert town.figure(ANSWERED, "2014-03") == (4, 8)
    assert town.figure(ANSWERED, "2014-04") == (1, 1)
    assert town.figure(ACTED, "2014-03") == (2, None)
    assert town.line(ACTED, "2014-03")["value"] == 2


def test_a_resolution_counts_with_its_report_only() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.resolve("a", "2014-03-10T10:00:00", county=XIAPU)
    assert town.figure(ANSWERED, "2014-03", XIAPU) == (0, 0)
    town.tip("a", "2014-05-01T10:00:00")
    # Told at last; the report itself says May, and while it lies after now there is none.
    assert town.figure(ANSWERED, "2014-03", now=at("2014-04-01")) == (0, 0)
    assert town.figure(ANSWERED, "2014-03") == (1, 1)


# Corrections.


def test_cases_closed_without_need_in_time_are_left_out() -> None:
    town = Town(JIAOCHENG, XIAPU)
    for name in ("clarified", "partly_right_fixed", "right_fixed", "no_action"):
        town.open_case(name, "2014-03-01T10:00:00")
        town.close_case(name, "2014-03-11T23:59:59", name, XIAPU)
        town.open_case(f"late {name}", "2014-03-01T10:00:00")
        town.close_case(f"late {name}", "2014-03-12T00:00:00", name)
    town.open_case("open", "2014-03-01T10:00:00")
    town.open_case("due in April", "2014-03-22T10:00:00")
    # Nine fall due on 11 March, one of them was closed no_action in time: 8; three were closed in time.
    assert town.figure(CLOSED, "2014-03") == (3, 8)
    assert town.figure(CLOSED, "2014-04") == (0, 1)
    # On the 11th nothing has fallen due yet.
    assert town.figure(CLOSED, "2014-03", now=at("2014-03-11T23:59:59.999999")) == (0, 0)
    counted = oracle.counted(town.events, "2014-03", "corrections_closed_in_time", JIAOCHENG, now=LATER)
    assert (len(counted.numerator), len(counted.denominator)) == (3, 8)
    kinds = {event["id"]: event["type"].split(".")[2] for event in town.events}
    assert {kinds[id] for id in counted.numerator} == {"correction_closed"}
    assert {kinds[id] for id in counted.denominator} == {"correction_opened"}


# Sharing and posts.


def test_shares_are_capped_per_volunteer_county_and_month() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.crowd(3)
    for name in "abcd":
        town.share(name, "v", "2014-01-31T23:59:59.999999")
    town.share("e", "v", "2014-02-01T00:00:00")
    town.share("f", "v", "2014-01-10T10:00:00", XIAPU)
    town.share("g", "w", "2014-01-10T10:00:00")
    town.share("h", "x", "2014-01-10T10:00:00")
    town.void_share("h", "x", "2014-03-10T10:00:00")
    # January: v 2 of 4, w 1; February: v 1. Volunteers: 3 in each month, twice over.
    assert town.figure(SHARING, "2014-01") == (3, 6)
    assert town.figure(SHARING, "2014-02") == (1, 6)
    assert town.figure(SHARING, "2014-Q1") == (4, 18)
    assert town.figure(SHARING, "2014-01", XIAPU) == (1, 0)


def test_the_first_shares_by_time_then_id_are_the_counted_ones() -> None:
    town = Town()
    town.share("b", "v", "2014-01-10T10:00:00")
    third = town.share("c", "v", "2014-01-10T09:00:00")
    first = town.share("a", "v", "2014-01-10T10:00:00")
    later = town.share("0", "v", "2014-01-11T10:00:00")
    counted = oracle.counted(town.events, "2014-01", "sharing_participation", JIAOCHENG, scheme=SHARING, now=LATER)
    assert counted.numerator == {third, first}
    # When one of them is voided, the next takes its place.
    town.void_share("a", "v", "2014-01-12T10:00:00")
    town.void_share("b", "v", "2014-01-12T10:00:00")
    counted = oracle.counted(town.events, "2014-01", "sharing_participation", JIAOCHENG, scheme=SHARING, now=LATER)
    assert counted.numerator == {third, later}


def test_a_begun_month_weighs_as_much_as_has_passed() -> None:
    town = Town()
    town.register("a", "2013-12-01")
    town.register("b", "2014-02-01")
    town.register("c", "2014-03-09")
    # On 7 February: January 31/31 · 1 volunteer + February 7/28 · 2 = 1.5, twice over: 3.
    assert town.figure(SHARING, "2014-Q1", now=at("2014-02-07T13:00:00")) == (0, 3)
    # On 1 February, at its first instant, b's noon has not come: 31/31 · 1 + 1/28 · 1 = 29/28, twice over: 2.07.
    assert town.figure(SHARING, "2014-Q1", now=at("2014-02-01"))[1] == 2.07
    # As of 31 January February has not begun: 1, twice over.
    assert town.figure(SHARING, "2014-Q1", as_of=on("2014-01-31")) == (0, 2)
    # At the end: (1 + 2 + 3) · 2.
    assert town.figure(SHARING, "2014-Q1") == (0, 12)


def test_posts_are_counted_per_month_passed() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.post("a", "2014-01-31T23:59:59")
    town.post("b", "2014-02-01T00:00:00")
    town.post("c", "2014-02-02T00:00:00")
    town.post("d", "2014-02-02T00:00:00", XIAPU)
    town.withdraw("c", "2014-04-02T00:00:00")
    town.share("s", "v", "2014-02-03T00:00:00", post="c")
    assert (town.figure(POSTS, "2014-Q1"), town.line(POSTS, "2014-Q1")["value"]) == ((2, None), 0.6667)
    # On 7 February: 2 / (1 + 7/28) = 1.6
    assert town.line(POSTS, "2014-Q1", now=at("2014-02-07T00:00:00"))["value"] == 1.6
    # The share of the withdrawn post stays.
    assert town.figure(SHARING, "2014-02")[0] == 1
    # The city: 3 posts in 3 months.
    city = oracle.report(town.events, "2014-Q1", scheme=POSTS, now=LATER)["city"]
    assert city == [{"indicator": "posts_published", "numerator": 3, "denominator": None, "value": 1}]


# Scores.


def test_a_case_that_is_missing_leaves_its_weight_to_the_others() -> None:
    scheme = scheme_of(
        {"indicator": "posts_published", "weight": 60, "target": 2},
        {"indicator": "needs_acted", "weight": 20, "target": 4},
        {"indicator": "tips_reported", "weight": 20, "target": 1},
    )
    town = Town()
    town.post("p", "2014-01-10T10:00:00")
    town.tip("t", "2014-01-10T10:00:00")
    town.resolve("t", "2014-01-11T10:00:00", "acted")
    row = oracle.report(town.events, "2014-01", scheme=scheme, now=LATER)["counties"][0]
    # a = 1/2 and 1/4; no volunteers, so no case of tips_reported: 100 · (60/2 + 20/4) / 80 = 43.75
    assert (row["score"], row["rank"], row["note"]) == (43.75, 1, None)
    assert [line["points"] for line in row["indicators"]] == [37.5, 6.25, None]
    assert [line["attainment"] for line in row["indicators"]] == [0.5, 0.25, None]
    assert [line["note"] for line in row["indicators"]] == [None, None, "no_case"]
    assert [line["numerator"] for line in row["indicators"]] == [1, 1, 1]


def answered_in(town: Town, county: str, answered: int, resolved: int) -> None:
    for number in range(resolved):
        town.tip(f"{county}{number}", "2014-01-10T10:00:00", county)
        town.resolve(f"{county}{number}", "2014-01-11T10:00:00", "referred", number < answered, county)


def test_small_samples_shrink_towards_the_whole_city() -> None:
    town = Town(JIAOCHENG, XIAPU, GUTIAN)
    answered_in(town, JIAOCHENG, 1, 1)
    answered_in(town, XIAPU, 2, 5)
    scheme = only("tips_answered", target=0.8, min_sample=5, small_sample="shrink", prior=5)
    # q = 3/6. Jiaocheng: (1 + 5/2) / (1 + 5) = 0.5833; Xiapu has its 5: 2/5; Gutian: (0 + 5/2) / 5 = 0.5.
    jiaocheng, xiapu, gutian = (town.line(scheme, "2014-01", county) for county in (JIAOCHENG, XIAPU, GUTIAN))
    assert (jiaocheng["value"], jiaocheng["note"]) == (0.5833, "small_sample_shrunk")
    assert (jiaocheng["numerator"], jiaocheng["denominator"]) == (1, 1)
    # 35/60 / 0.8 = 0.7292
    assert (jiaocheng["attainment"], jiaocheng["points"]) == (0.7292, 72.92)
    assert (xiapu["value"], xiapu["note"]) == (0.4, None)
    assert (gutian["value"], gutian["note"], gutian["denominator"]) == (0.5, "small_sample_shrunk", 0)
    assert oracle.report(town.events, "2014-01", scheme=scheme, now=LATER)["city"][0]["value"] == 0.5
    # Nothing in the whole city: no case.
    february = town.line(scheme, "2014-02")
    assert (february["value"], february["note"]) == (None, "no_case")


def test_small_samples_may_be_redistributed() -> None:
    town = Town(JIAOCHENG, XIAPU)
    answered_in(town, JIAOCHENG, 1, 1)
    answered_in(town, XIAPU, 2, 2)
    for scheme in (
        only("tips_answered", min_sample=2, small_sample="redistribute"),
        only("tips_answered", min_sample=1.5),
    ):
        line = town.line(scheme, "2014-01")
        assert (line["numerator"], line["denominator"], line["value"]) == (1, 1, None)
        assert line["note"] == "small_sample_redistributed"
        assert town.line(scheme, "2014-01", XIAPU)["note"] is None
        # 0 is a small sample too.
        assert town.line(scheme, "2014-02", XIAPU)["note"] == "small_sample_redistributed"
    # Without a least sample only nothing at all is no case.
    assert town.line(ANSWERED, "2014-01")["note"] is None
    assert town.line(only("tips_answered", small_sample="shrink", prior=5), "2014-02")["note"] == "no_case"


def test_the_least_sample_is_held_against_the_exact_denominator() -> None:
    town = Town()
    town.crowd(7)
    town.tip("a", "2014-01-10T10:00:00")
    # 7 / 100 is not less than 0.07 (the nearest binary fraction lies above it).
    assert town.line(only("tips_reported", min_sample=0.07), "2014-01")["note"] is None
    assert town.line(only("tips_reported", min_sample=0.0701), "2014-01")["note"] == "small_sample_redistributed"


def test_sharing_never_weighs_more_than_a_fifth() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.crowd(1)
    town.share("s", "v", "2014-01-10T10:00:00")
    town.post("p", "2014-01-10T10:00:00")
    row = oracle.report(town.events, "2014-01", scheme=BOTH, now=LATER)["counties"][0]
    # Cases: sharing 1/2 over 0.5, a = 1; posts 1/1 over 2, a = 1/2. Sharing weighs 40/4 = 10:
    # 100 · (10 + 20) / 50 = 60, of which 20 for sharing. The cases carry 20 + 40 of 100: enough for a rank.
    assert (row["county"], row["score"], row["rank"], row["note"]) == (JIAOCHENG, 60, 1, None)
    sharing = row["indicators"][0]
    assert (sharing["note"], sharing["weight"], sharing["points"]) == ("sharing_limited", 20, 20)
    assert (sharing["value"], sharing["attainment"]) == (0.5, 1)
    # With an answered tip the others weigh 80: 20 is just a quarter. 100 · (20 + 20 + 40) / 100
    answered_in(town, JIAOCHENG, 1, 1)
    row = oracle.report(town.events, "2014-01", scheme=BOTH, now=LATER)["counties"][0]
    assert (row["score"], row["indicators"][0]["note"]) == (80, None)


def test_sharing_alone_is_no_case() -> None:
    town = Town()
    town.crowd(1)
    town.share("s", "v", "2014-01-10T10:00:00")
    scheme = scheme_of(BOTH["indicators"][0], BOTH["indicators"][2])
    row = oracle.report(town.events, "2014-01", scheme=scheme, now=LATER)["counties"][0]
    assert (row["score"], row["rank"], row["note"]) == (None, None, "too_little_evidence")
    sharing = row["indicators"][0]
    assert (sharing["numerator"], sharing["denominator"]) == (1, 2)
    assert (sharing["value"], sharing["attainment"], sharing["points"]) == (None, None, None)
    assert sharing["note"] == "sharing_limited"
    # Without volunteers it is no case of its own.
    assert Town().line(SHARING, "2014-01")["note"] == "no_case"


def test_the_limit_is_noted_before_anything_else() -> None:
    town = Town(JIAOCHENG, XIAPU)
    town.crowd(1)
    town.crowd(9, XIAPU)
    rule = {**BOTH["indicators"][0], "min_sample": 10, "small_sample": "shrink", "prior": 1}
    line = town.line(scheme_of(rule, *BOTH["indicators"][1:]), "2014-01")
    # Shrunk (2 < 10) and then limited.
    assert (line["value"], line["note"]) == (0, "sharing_limited")


def test_less_than_sixty_of_a_hundred_gives_no_rank() -> None:
    def scheme(posts: float) -> Data:
        return scheme_of(
            {"indicator": "posts_published", "weight": posts, "target": 1},
            {"indicator": "tips_answered", "weight": 100 - posts, "target": 1},
        )

    town = Town(CITY, JIAOCHENG)
    town.post("p", "2014-01-10T10:00:00")
    enough = oracle.report(town.events, "2014-01", scheme=scheme(60), now=LATER)["counties"]
    short = oracle.report(town.events, "2014-01", scheme=scheme(59.99), now=LATER)["counties"]
    assert [(row["county"], row["score"], row["rank"], row["note"]) for row in enough] == [
        (JIAOCHENG, 100, 1, None),
        (CITY, 0, None, None),
    ]
    assert [(row["county"], row["score"], row["rank"], row["note"]) for row in short] == [
        (CITY, 0, None, "too_little_evidence"),
        (JIAOCHENG, 100, None, "too_little_evidence"),
    ]


def test_equal_as_shown_is_equal_in_rank() -> None:
    town = Town(CITY, JIAOCHENG, XIAPU, GUTIAN, "350923")
    for county, quota in ((JIAOCHENG, 30_001), (XIAPU, 30_000), (GUTIAN, 4), (CITY, 1), ("350923", 0)):
        town.quota(county, quota)
        town.crowd(1, county)
    rows = oracle.report(town.events, "2014-01", scheme=FILL, now=LATER)["counties"]
    # 100/30001 and 100/30000 are both 0.00; Pingnan's quota of 0 is no case; the city level has no rank.
    assert [(row["county"], row["score"], row["rank"]) for row in rows] == [
        (GUTIAN, 25, 1),
        (JIAOCHENG, 0, 2),
        (XIAPU, 0, 2),
        (CITY, 100, None),
        ("350923", None, None),
    ]


def test_the_next_rank_counts_everybody_before_it() -> None:
    town = Town(JIAOCHENG, XIAPU, GUTIAN)
    for county, posts in ((JIAOCHENG, 1), (XIAPU, 2), (GUTIAN, 2)):
        for number in range(posts):
            town.post(f"{county}{number}", "2014-01-10T10:00:00", county)
    rows = oracle.report(town.events, "2014-01", scheme=only("posts_published", target=4), now=LATER)["counties"]
    assert [(row["county"], row["rank"]) for row in rows] == [(XIAPU, 1), (GUTIAN, 1), (JIAOCHENG, 3)]


def test_all_bodies_known_now_are_listed_under_their_present_names() -> None:
    town = Town()
    town.unit(XIAPU, "county", XIAPU, CITY, recorded=at("2015-06-01"))
    town.unit("350902-01", "township", JIAOCHENG, JIAOCHENG)
    town.log.tell(
        "roster.unit_defined",
        {"unit_id": JIAOCHENG, "name": {"zh": "蕉城", "en": "Jiaocheng"}, "kind": "county", "county": JIAOCHENG},
        JIAOCHENG,
        recorded=at("2015-07-01"),
    )
    rows = oracle.report(town.events, "2014", scheme=POSTS, now=LATER, as_of=on("2014-02-01"))["counties"]
    assert [(row["county"], row["name"]) for row in rows] == [
        (JIAOCHENG, {"zh": "蕉城", "en": "Jiaocheng"}),
        (XIAPU, {"zh": XIAPU}),
    ]


def test_figures_are_rounded_half_to_even_when_shown() -> None:
    halves = [Fraction(5, 1000), Fraction(15, 1000), Fraction(25, 1000), Fraction(1, 3)]
    assert [shown(number, 2) for number in halves] == [0.0, 0.02, 0.02, 0.33]
    assert shown(Fraction(1, 32), 4) == 0.0312
    assert shown(None, 2) is None


def test_a_whole_year_by_the_default_scheme() -> None:
    town = Town(CITY, JIAOCHENG)
    town.crowd(20)
    town.quota(JIAOCHENG, 25)
    for number in range(3):
        town.attend(f"a{number}", f"{JIAOCHENG}-{number}", "2014-05-27")
    for number in range(5):
        town.tip(f"t{number}", "2014-05-01T10:00:00")
        town.triage(f"t{number}", f"2014-05-0{number + 1}T10:00:00")
        town.resolve(f"t{number}", "2014-05-31T10:00:00" if number else "2014-06-01T10:00:00", "answered", number > 1)
    town.share("s", f"{JIAOCHENG}-0", "2014-05-01T10:00:00")
    for month in range(1, 7):
        town.post(f"p{month}", f"2014-0{month}-10T10:00:00")
    city, jiaocheng = oracle.report(town.events, "2014", now=LATER)["counties"][::-1]
    lines = {line["indicator"]: line for line in jiaocheng["indicators"]}
    expected = {
        # indicator: value, attainment, weight
        "roster_fill": (Fraction(20, 25), Fraction(20, 25), 10),
        "training_coverage": (Fraction(3, 20), Fraction(1, 2), 20),
        "tips_reported": (Fraction(25), Fraction(1), 10),
        "tips_triaged_in_time": (Fraction(4, 5), Fraction(8, 9), 10),  # the fifth on 5 May, due on the 4th
        "tips_resolved_in_time": (Fraction(4, 5), Fraction(1), 20),  # the first on 1 June, due on 31 May
        "tips_answered": (Fraction(3, 5), Fraction(12, 19), 10),
        "sharing_participation": (Fraction(1, 480), Fraction(1, 240), 5),  # 1 of 2 · 12 · 20
        "posts_published": (Fraction(1, 2), Fraction(1, 2), 5),
    }
    # Corrections: none, redistributed; the others weigh 90.
    assert lines["corrections_closed_in_time"]["note"] == "small_sample_redistributed"
    for indicator, (value, attainment, weight) in expected.items():
        line = lines[indicator]
        assert line["value"] == shown(value, 4), indicator
        assert line["attainment"] == shown(attainment, 4), indicator
        assert line["points"] == shown(100 * weight * attainment / 90, 2), indicator
    # 100 · (8 + 10 + 10 + 80/9 + 20 + 120/19 + 5/240 + 2.5) / 90 = 73.03...
    assert jiaocheng["score"] == 73.03
    assert (jiaocheng["rank"], jiaocheng["note"]) == (1, None)
    # The city level has nobody and nothing: only the tips' three, shrunk to the city's own rates, and posts are cases.
    # 100 · (10 · 8/9 + 20 · 1 + 10 · 12/19 + 5 · 0) / 45 = 78.23...; 45 of 100 carry too little.
    assert (city["score"], city["rank"], city["note"]) == (78.23, None, "too_little_evidence")


# What holds for every log.


@settings(max_examples=40, deadline=None)
@given(logs(max_steps=30), questions(), schemes(), st.integers(0, 1000))
def test_any_order_of_arrival_gives_the_same_report(
    events: list[Data], asked: Question, scheme: Data, seed: int
) -> None:
    there = {"scheme": scheme, "now": asked.now, "as_of": asked.as_of}
    report = oracle.report(events, asked.period, **there)
    assert oracle.report(arrivals(events, Random(seed)), asked.period, **there) == report
    for row in report["counties"]:
        for line in row["indicators"]:
            if line["numerator"] is None or line["indicator"] == "roster_fill":
                continue
            counted = oracle.counted(events, asked.period, line["indicator"], row["county"], **there)
            assert len(counted.numerator) == line["numerator"]
        if row["score"] is not None:
            points = [line["points"] for line in row["indicators"] if line["points"] is not None]
            assert abs(sum(points) - row["score"]) < 0.01 * (len(points) + 1)
            assert 0 <= row["score"] <= 100
