"""Tips of the story: needs, questions and claims over the counties, and what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from qingsheng.demo.story import SEED, SYNTHETIC, at, day
from qingsheng.demo.story.people import Volunteer
from qingsheng.demo.story.places import CITY, PARTS

BY_OPERATORS = ("phone", "mail")
"""What comes by office phone and mail is entered by an operator; the rest is reported by other systems."""
LAST = day("09-27")


@dataclass(frozen=True)
class Evening:
    """The social evening for young singles: a wish passed on by Weibo message."""

    title: str
    held_on: date
    participants: int


@dataclass(frozen=True)
class Tip:
    """``relayed_by``: reference of a volunteer. What has not come to pass is None."""

    ref: str
    channel: str
    kind: str
    topic: str
    unit_id: str
    text: str
    reported_at: datetime
    relayed_by: str | None
    triaged_at: datetime
    resolved_at: datetime
    outcome: str
    answered: bool
    evening: Evening | None = None


_TEXTS = {
    "jobs": ("希望增加面向返乡青年的招聘场次", "need"),
    "education": ("咨询助学贷款的办理时间", "question"),
    "social": ("希望周末有更多青年活动", "need"),
    "housing": ("咨询青年公寓的申请条件", "question"),
    "environment": ("反映河边垃圾清运不及时", "claim"),
    "transport": ("希望早班公交提前发车", "need"),
    "health": ("咨询社区健康讲座的安排", "question"),
    "rights": ("咨询劳动合同的有关规定", "question"),
    "other": ("有传言说图书馆将要关闭，希望说明", "claim"),
}
_CHANNELS = {"chat_group": 30, "phone": 15, "mail": 8, "weibo_message": 22, "wechat_message": 25}


def tips(people: Sequence[Volunteer]) -> list[Tip]:
    """All 240, in the order of their reports; no two in the same second."""
    rng = Random(f"{SEED} tips")
    made = [_evening()]
    for county, part in PARTS.items():
        of_county = [person for person in people if person.county == county]
        count = part.tips - 1 if county == CITY else part.tips
        made += [_tip(rng, county, number, of_county) for number in range(1, count + 1)]
    made.sort(key=lambda tip: tip.reported_at)
    assert len({tip.reported_at for tip in made}) == len(made), "tips are told apart by the second"
    return made


def _tip(rng: Random, county: str, number: int, people: Sequence[Volunteer]) -> Tip:
    part = PARTS[county]
    topic = rng.choice(list(_TEXTS))
    text, kind = _TEXTS[topic]
    reported_at = _moment(rng)
    triaged_at = _later(rng, reported_at, rng.gammavariate(2, part.triage / 2))
    resolved_at = _later(rng, triaged_at, rng.gammavariate(3, part.resolve / 3))
    channel = rng.choices(list(_CHANNELS), list(_CHANNELS.values()))[0]
    outcome = rng.choices(["answered", "acted", "referred", "declined"], [55, 22, 17, 6])[0]
    relays = [person.ref for person in people if person.is_active(reported_at)]
    return Tip(
        ref=f"{county}-{number:03}",
        channel=channel,
        kind=kind,
        topic=topic,
        unit_id=county,
        text=f"{text}（{SYNTHETIC}）",
        reported_at=reported_at,
        relayed_by=rng.choice(relays) if relays and channel == "chat_group" else None,
        triaged_at=triaged_at,
        resolved_at=resolved_at,
        outcome=outcome,
        # A declined one without an answer is what the scheme counts as not in time.
        answered=rng.random() < (0.5 if outcome == "declined" else 0.96),
    )


def _moment(rng: Random) -> datetime:
    first = day("02-10")
    on = first + timedelta(days=rng.randrange((LAST - first).days))
    return at(on, rng.randint(8, 21), rng.randint(0, 59), rng.randint(0, 59))


def _later(rng: Random, moment: datetime, days: float) -> datetime:
    """In office hours, so many days later or on the next day."""
    on = (moment + timedelta(days=days)).date()
    later = at(on, rng.randint(9, 16), rng.randint(0, 59))
    return later if later > moment else later + timedelta(days=1)


def _evening() -> Tip:
    return Tip(
        ref="evening",
        channel="weibo_message",
        kind="need",
        topic="social",
        unit_id=CITY,
        text="希望为单身青年办一次交友联谊活动",
        reported_at=at(day("07-24"), 15, 20, 7),
        relayed_by=None,
        triaged_at=at(day("07-25"), 9, 30),
        resolved_at=at(day("08-04"), 10),
        outcome="acted",
        answered=True,
        evening=Evening("单身青年交友联谊晚会", day("08-02"), 300),
    )
