"""The whole story in one place, made once: what is played, what other systems report, what they should be answered."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from qingsheng.demo.story import campaign, classes, feeds, lines, people, registers, tips
from qingsheng.demo.story.campaign import Post, Share
from qingsheng.demo.story.classes import Attendance
from qingsheng.demo.story.people import Volunteer
from qingsheng.demo.story.reports import Report, expected
from qingsheng.demo.story.tips import Tip

PRODUCERS = {feeds.PRODUCER: ["campaign"], registers.PRODUCER: ["training"], lines.PRODUCER: ["opinion"]}
"""The other systems and the services they report to."""


@dataclass(frozen=True)
class Script:
    people: Sequence[Volunteer]
    successors: Sequence[Volunteer]
    attendances: Sequence[Attendance]
    tips: Sequence[Tip]
    posts: Sequence[Post]
    shares: Sequence[Share]

    @cached_property
    def reports(self) -> dict[str, list[Report]]:
        """By producer, in the order of their times."""
        return {
            registers.PRODUCER: registers.reports(self.attendances),
            lines.PRODUCER: lines.reports(self.tips),
            feeds.PRODUCER: feeds.reports(self.posts, self.shares, self.people),
        }

    @property
    def answers(self) -> dict[str, Counter[str]]:
        """How many different answers of which kind each producer should get."""
        return {producer: expected(told) for producer, told in self.reports.items()}


def script() -> Script:
    """The same at every call."""
    everybody = people.volunteers()
    published = campaign.posts()
    return Script(
        people=everybody,
        successors=people.successors(),
        attendances=classes.attendances(everybody),
        tips=tips.tips(everybody),
        posts=published,
        shares=campaign.shares(everybody, published),
    )
