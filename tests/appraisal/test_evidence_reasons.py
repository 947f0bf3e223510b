"""Why an event does not count: every reason by name, on one small story told by hand."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from services.appraisal.evidence import WhyNot
from tests.support.appraisal import People, people
from tests.support.event_log import EventLog

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2014, 12, 20, 4, tzinfo=UTC)
A, B, CITY = "350902", "350921", "350900"


class Story:
    """One volunteer of A and what is told of A; ``of``: event ids by a name of their own."""

    def __init__(self) -> None:
        self.log = EventLog(NOW, ZONE, "reasons")
        self.of: dict[str, str] = {}
        for code, kind in ((CITY, "city"), (A, "county"), (B, "county")):
            unit = {"unit_id": code, "name": {"zh": code}, "kind": kind, "county": code}
            self.log.tell("roster.unit_defined", unit, code, recorded=self.log.noon(date(2014, 1, 2)))
        self.volunteer = self.log.new_id()
        member = {"volunteer_id": self.volunteer, "unit_id": A, "team": "county", "category": "other"}
        member |= {"consented_on": "2014-02-01"}
        self.tell("registered", "roster.volunteer_registered", member, date(2014, 2, 1))
        self.tell("registered later", "roster.volunteer_registered", member | {"volunteer_id": self.log.new_id()},
                  date(2014, 7, 15))  # fmt: skip

    def tell(
        self, name: str, kind: str, data: dict[str, Any], when: date | datetime, county: str = A
    ) -> dict[str, Any]:
        event = self.log.tell(kind, data, county, happened=when)
        self.of[name] = event["id"]
        return data

    def share(self, name: str, day: date, hour: int = 9) -> dict[str, Any]:
        at = datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
        data = {"repost_id": self.log.new_id(), "post_id": self.log.new_id(), "volunteer_id": self.volunteer}
        return self.tell(name, "campaign.repost_logged", data | {"account_id": self.log.new_id(), "platform": "weibo"}, at) | {
            "shared_at": self.log.written(at, 0)
        }  # fmt: skip

    def void(self, share: dict[str, Any], reason: str) -> None:
        told = {name: share[name] for name in ("repost_id", "volunteer_id", "shared_at")} | {"reason": reason}
        self.log.tell("campaign.repost_voided", told, A, happened=self.log.noon(date(2014, 6, 1)))

    def attend(self, name: str, day: date) -> None:
        data = {"attendance_id": self.log.new_id(), "session_id": self.log.new_id(), "venue_no": 1, "hours": 3}
        self.tell(name, "training.attendance_recorded", data | {"volunteer_id": self.volunteer}, day)

    def tip(self, name: str, day: date, *, triaged: int | None = None, resolved: int | None = None, **how: Any) -> str:
        """``triaged``, ``resolved``: days after its report."""
        reported, tip_id = self.log.noon(day), self.log.new_id()
        data = {"tip_id": tip_id, "channel": "phone", "kind": "need", "topic": "jobs", "unit_id": A}
        self.tell(name, "opinion.tip_reported", data, reported)
        since = {"tip_id": tip_id, "reported_at": self.log.written(reported, 0)}
        if triaged is not None:
            told = since | {"responsible_unit_id": A}
            self.tell(f"{name} triaged", "opinion.tip_triaged", told, reported + timedelta(days=triaged))
        if resolved is not None:
            told = since | {"outcome": "acted", "answered": True} | how
            self.tell(f"{name} resolved", "opinion.tip_resolved", told, reported + timedelta(days=resolved))
        return tip_id

    def case(self, name: str, day: date, closed: int, outcome: str) -> None:
        opened, case_id = self.log.noon(day), self.log.new_id()
        data = {"case_id": case_id, "claim_published_at": self.log.written(opened, 0), "source_kind": "forum"}
        self.tell(name, "opinion.correction_opened", data, opened)
        told = {"case_id": case_id, "opened_at": self.log.written(opened, 0), "outcome": outcome, "evidence_count": 1}
        told |= {"official_source": "https://www.example.gov.cn/1", "media_met": False}
        self.tell(f"{name} closed", "opinion.correction_closed", told, opened + timedelta(days=closed))


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[People]:
    async with people(database_url, [A]) as made:
        yield made


async def why(desk: People, story: Story, indicator: str, part: str = "numerator", query: str = "") -> dict[Any, Any]:
    """By the story's names: the reason, None where it counts; every event once."""
    found = await desk.get(f"/reports/2014-H1/counties/{A}/indicators/{indicator}/evidence?limit=1000{query}")
    names = {id: name for name, id in story.of.items()}
    told = {names.get(e["id"], e["type"]): e["why_not"] for e in found["items"] if e["part"] == part}
    assert len(told) == sum(e["part"] == part for e in found["items"])
    return told


async def test_shares_over_cap_voided_undisclosed_outside_the_period(desk: People) -> None:
    story = Story()
    for day in (3, 5, 7, 9):
        story.share(f"May {day}", date(2014, 5, day))
    story.void(story.share("May 1", date(2014, 5, 1)), "link_removed")
    story.void(story.share("May 2", date(2014, 5, 2)), "not_disclosed")
    story.share("border", date(2014, 6, 30), hour=23)
    story.share("July", date(2014, 7, 1), hour=0)
    await desk.take(story.log.events, NOW)
    assert await why(desk, story, "sharing_participation") == {
        "May 1": "voided", "May 2": "undisclosed", "May 3": None, "May 5": None, "May 7": "over_cap", "May 9": "over_cap",
        "border": None, "July": "outside_period",
    }  # fmt: skip


async def test_tips_too_late_not_yet_due_and_unanswered(desk: People) -> None:
    story = Story()
    story.tip("in time", date(2014, 5, 1), triaged=3, resolved=30)
    story.tip("late", date(2014, 5, 2), triaged=4, resolved=31)
    story.tip("declined", date(2014, 5, 3), triaged=1, resolved=1, outcome="declined", answered=False)
    story.tip("of June", date(2014, 6, 28), triaged=3)
    story.tip("of May", date(2014, 5, 20), resolved=5, outcome="referred", answered=False)
    voided = story.tip("spam", date(2014, 5, 4), triaged=1)
    told = {"tip_id": voided, "reported_at": story.log.written(story.log.noon(date(2014, 5, 4)), 0), "reason": "spam"}
    story.log.tell("opinion.tip_voided", told, A, happened=story.log.noon(date(2014, 6, 1)))
    await desk.take(story.log.events, NOW)
    assert await why(desk, story, "tips_triaged_in_time") == {
        "in time triaged": None, "late triaged": "too_late", "declined triaged": None, "of June triaged": "outside_period",
        "spam triaged": "voided",
    }  # fmt: skip
    assert await why(desk, story, "tips_triaged_in_time", "denominator") == {
        "in time": None, "late": None, "declined": None, "of June": "outside_period", "of May": None, "spam": "voided",
    }  # fmt: skip
    assert await why(desk, story, "tips_resolved_in_time") == {
        "in time resolved": None, "late resolved": "too_late", "declined resolved": "not_answered", "of May resolved": None,
    }  # fmt: skip
    assert (await why(desk, story, "tips_answered"))["of May resolved"] == "not_answered"
    early = await why(desk, story, "tips_resolved_in_time", "denominator", "&as_of=2014-06-05")
    assert early["of May"] == "not_yet_due"


async def test_attendances_cases_and_movements(desk: People) -> None:
    story = Story()
    story.attend("first", date(2014, 3, 1))
    story.attend("second", date(2014, 4, 1))
    story.case("fixed", date(2014, 5, 1), 2, "right_fixed")
    story.case("dropped", date(2014, 5, 2), 2, "no_action")
    story.case("slow", date(2014, 5, 3), 20, "clarified")
    await desk.take(story.log.events, NOW)
    assert await why(desk, story, "training_coverage") == {"first": None, "second": "same_volunteer"}
    assert await why(desk, story, "training_coverage", "denominator") == {
        "registered": None, "registered later": "outside_period"
    }  # fmt: skip
    assert await why(desk, story, "corrections_closed_in_time") == {
        "fixed closed": None, "dropped closed": "no_action", "slow closed": "too_late"
    }  # fmt: skip
    assert await why(desk, story, "corrections_closed_in_time", "denominator") == {
        "fixed": None, "dropped": "no_action", "slow": None
    }  # fmt: skip
    assert await why(desk, story, "roster_fill") == {"registered": None, "registered later": "outside_period"}


async def test_of_two_tellings_the_second_is_told_as_such_and_what_is_dated_later_is_not_yet(desk: People) -> None:
    story = Story()
    tip_id = story.tip("told", date(2014, 5, 1), triaged=1)
    again = {"tip_id": tip_id, "channel": "phone", "kind": "need", "topic": "jobs", "unit_id": A}
    story.tell("told again", "opinion.tip_reported", again, story.log.noon(date(2014, 5, 2)))
    tomorrow = story.log.noon(date(2014, 6, 10))
    dated_on = {
        "post_id": story.log.new_id(),
        "channel": "weibo",
        "unit_id": A,
        "title": "t",
        "url": "https://w.example/1",
    }
    story.log.tell("campaign.post_published", dated_on, A, happened=tomorrow, recorded=tomorrow - timedelta(hours=20))
    await desk.take(story.log.events, NOW)
    assert await why(desk, story, "tips_reported") == {"told": None, "told again": "second_telling"}
    posts = await why(desk, story, "posts_published", query="&as_of=2014-06-09")
    assert posts == {"qingsheng.campaign.post_published.v1": "not_yet"}


async def test_every_reason_has_words_in_both_languages() -> None:
    from shared.web.i18n import LANGUAGES, catalogue

    for language in LANGUAGES:
        for reason in (*get_args(WhyNot), "superseded"):
            assert catalogue(language)(f"exports.why_not.{reason}")
