"""Training in the story: the backbone class, the teleconference, the joint class, the course in three other classes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from qingsheng.demo.story import SEED, SYNTHETIC, at, day
from qingsheng.demo.story.people import Volunteer
from qingsheng.demo.story.places import CITY


@dataclass(frozen=True)
class Session:
    """``venues``: how many volunteers of which county were at venue 1, 2, …; ``by_api``: the list came over HTTP."""

    ref: str
    kind: str
    zh: str
    en: str
    on: date
    hours: float
    organiser: str
    venues: Sequence[dict[str, int]]
    joint_with: str | None = None
    by_api: bool = False
    told_on: date | None = None

    @property
    def body(self) -> dict[str, object]:
        """What is told of it over HTTP."""
        told: dict[str, object] = {
            "kind": self.kind,
            "title": {"zh": f"{self.zh}（名单为{SYNTHETIC}）", "en": f"{self.en} (lists synthetic)"},
            "starts_at": at(self.on, 9).isoformat(),
            "hours": self.hours,
            "venue_count": len(self.venues),
            "organisers": [self.organiser],
        }
        return told if self.joint_with is None else told | {"joint_with": self.joint_with}


@dataclass(frozen=True)
class Attendance:
    session: Session
    volunteer: Volunteer
    venue_no: int


_TELECONFERENCE = {
    CITY: 63,
    "350902": 72,
    "350921": 58,
    "350922": 49,
    "350923": 38,
    "350924": 41,
    "350925": 33,
    "350926": 29,
    "350981": 76,
    "350982": 64,
}

SESSIONS = (
    Session(
        "backbone",
        "class",
        "全省青年网络宣传骨干培训班",
        "Provincial backbone class",
        day("05-25"),
        12,
        CITY,
        [{county: 6 if county == CITY else 2 for county in _TELECONFERENCE}],
    ),
    Session(
        "teleconference",
        "teleconference",
        "全国青年网络志愿者视频培训会",
        "National teleconference",
        day("05-27"),
        3,
        CITY,
        [{county: count} for county, count in _TELECONFERENCE.items()],
    ),
    Session(
        "joint",
        "class",
        "联合培训班（古田）",
        "Joint class in Gutian",
        day("05-29"),
        14,
        "350922",
        [{"350922": 28, "350923": 16, "350925": 10, CITY: 6}],
        joint_with=f"联合举办单位（{SYNTHETIC}）",
        by_api=True,
    ),
    Session(
        "course-1",
        "course",
        "青年网络素养课程 第一期",
        "Course, first class",
        day("06-18"),
        6,
        "350981",
        [{"350981": 30, "350982": 12, "350924": 10}],
    ),
    Session(
        "course-2",
        "course",
        "青年网络素养课程 第二期",
        "Course, second class",
        day("07-23"),
        6,
        "350902",
        [{"350902": 32, CITY: 14, "350921": 10}],
    ),
    Session(
        "course-3",
        "course",
        "青年网络素养课程 第三期",
        "Course, third class",
        day("09-12"),
        6,
        "350982",
        [{"350982": 24, "350921": 14, "350926": 10}],
    ),
)


def attendances(people: Sequence[Volunteer]) -> list[Attendance]:
    """Who was where. The backbone class is of the city team; each course takes those not yet trained first."""
    rng = Random(f"{SEED} classes")
    trained: set[str] = set()
    lists: list[Attendance] = []
    for session in SESSIONS:
        for venue_no, counts in enumerate(session.venues, 1):
            for county, count in counts.items():
                chosen = _choice(rng, session, [p for p in people if p.county == county], count, trained)
                lists += [Attendance(session, volunteer, venue_no) for volunteer in chosen]
                trained |= {volunteer.ref for volunteer in chosen}
    return lists


def _choice(
    rng: Random, session: Session, people: Sequence[Volunteer], count: int, trained: Collection[str]
) -> list[Volunteer]:
    active = [p for p in people if p.is_active(at(session.on, 9))]
    if session.ref == "backbone":
        return rng.sample([p for p in active if p.team == "city"], count)
    # Half of a later class comes again, half for the first time.
    shuffled = rng.sample(active, len(active))
    if session.kind == "course":
        shuffled.sort(key=lambda p: p.ref in trained and rng.random() < 0.7)
    return shuffled[:count]
