"""The end of the demo: every promised event in the log, the appraisal caught up, the figures side by side."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qingsheng.demo.doors import Doors
from qingsheng.demo.figures import REPORT_ON, Figure, figures
from qingsheng.demo.log import Log, event_log
from qingsheng.demo.printing import Printing, Report
from qingsheng.demo.story import day
from qingsheng.demo.telling import Telling
from qingsheng.operate import dead_letters
from qingsheng.registry import SERVICES
from shared.settings import Settings

PATIENCE = 120.0
LOOK_AGAIN = 0.2
SETTLED = timedelta(seconds=0.5)
"""A consumer learns of a partition's new end with its next fetch."""
MEETING_ON = day("07-17")
"""The half-year meeting."""


@dataclass(frozen=True)
class Outcome:
    """``problems``: what kept figures from agreeing, a sentence each."""

    figures: Sequence[Figure]
    reports: dict[str, Report]
    problems: Sequence[str]

    @property
    def agreed(self) -> bool:
        return not self.problems and all(figure.agrees for figure in self.figures)

    def as_json(self, settings: Settings) -> dict[str, Any]:
        return {
            "agreed": self.agreed,
            "problems": list(self.problems),
            "figures": [{**vars(figure), "agrees": figure.agrees} for figure in self.figures],
            "reports": self.reports,
            "database_url": settings.database_url,
            "topic_prefix": settings.topic_prefix,
        }


async def compare(settings: Settings, doors: Doors, out: Printing, told: Telling | None) -> Outcome:
    """Waits, counts, asks, prints. ``told``: what this run sent and was promised; None for a run shown again."""
    problems: list[str] = []
    out.title("Counting")
    async with event_log(settings) as log:
        if told:
            problems += [*told.answered_wrongly(), *await _complete(log, told), *await _unreadable(settings, out, told)]
        else:
            await log.read()
        out.line(f"{len(log.events):,} events in the log, each with its own id")
        since = datetime.now(UTC) + SETTLED
        if not await _caught_up(doors, since):
            problems.append(f"The appraisal has not caught up after {PATIENCE:.0f} s.")
        table = figures(log.events, await _asked(doors))
    reports = {
        "2014-H1": await _report(doors, "2014-H1"),
        f"2014-H1 as_of {MEETING_ON}": await _report(doors, "2014-H1", as_of=MEETING_ON),
        f"2014 as_of {REPORT_ON}": await _report(doors, "2014", as_of=REPORT_ON),
    }
    first_half, at_meeting, year = reports.values()
    if told:
        out.answers([told.sums[producer] for producer in told.expected], told.expected)
    out.figures(table)
    out.counties(
        "The half-year 2014-H1, counties by rank (detail synthetic)",
        first_half,
        at_meeting,
        "on 17 July",
    )
    out.counties(f"The year 2014 as of {REPORT_ON}, counties by rank (detail synthetic)", year)
    return Outcome(table, reports, problems)


async def _complete(log: Log, told: Telling) -> list[str]:
    """Reads until every event stands in the log that the doors promised; tells what does not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        await log.read()
        by_type = log.by_type()
        if log.has(told.event_ids) and all(by_type[kind] >= count for kind, count in told.promised.items()):
            return []
        if time.monotonic() > deadline:
            behind = {kind: f"{by_type[kind]} of {n}" for kind, n in told.promised.items() if by_type[kind] < n}
            return [f"Events that were promised are not in the log after {PATIENCE:.0f} s: {behind or 'by id'}."]
        await asyncio.sleep(LOOK_AGAIN)


async def _unreadable(settings: Settings, out: Printing, told: Telling) -> list[str]:
    """Whether the dead letters are those records, and no others, that carried no id to answer to."""
    due = sum(report.raw is not None for reports in told.script.reports.values() for report in reports)
    deadline = time.monotonic() + PATIENCE
    while True:
        found = [group for service in SERVICES for group in await dead_letters.groups(settings, service)]
        letters = sum(group["letters"] for group in found)
        if letters >= due or time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_AGAIN)
    out.line(f"{letters} records without an id to answer to are dead letters; 'qingsheng dlq' is for those")
    return [] if letters == due else [f"There are {letters} dead letters; {due} are due."]


async def _caught_up(doors: Doors, since: datetime) -> bool:
    """Whether the appraisal has read every partition to its end at some moment after ``since``."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        caught_up_at = (await _report(doors, "2014"))["freshness"]["caught_up_at"]
        if caught_up_at and datetime.fromisoformat(caught_up_at) > since:
            return True
        await asyncio.sleep(LOOK_AGAIN)
    return False


async def _asked(doors: Doors) -> dict[str, int]:
    """Figures that services tell over HTTP, by their names in the table."""
    city = {row["indicator"]: row for row in (await _report(doors, "2014", as_of=REPORT_ON))["city"]}
    posts = [post for post in await doors.pages("/campaign/api/v1/posts") if post["withdrawn"] is None]
    columns = await doors.pages("/campaign/api/v1/columns")
    sessions = [held for held in await doors.pages("/training/api/v1/sessions") if held["cancelled"] is None]
    attended = Counter[str]()
    for held in sessions:
        attended[f"{held['kind']}, joint" if held["joint_with"] else held["kind"]] += held["attendances"]
    asked = {
        "Provincial backbone class": attended["class"],
        "Teleconference: venues": sum(held["venue_count"] for held in sessions if held["kind"] == "teleconference"),
        "Teleconference: volunteers": attended["teleconference"],
        "Joint class in Gutian": attended["class, joint"],
        "The course: other classes": sum(held["kind"] == "course" for held in sessions),
        "The course: trained": attended["course"],
        "Registered volunteers": int(city["roster_fill"]["numerator"]),
        "Tips": int(city["tips_reported"]["numerator"]),
        "Columns": len(columns),
    }
    for channel, issues, shares in (
        ("wechat", "WeChat issues", "WeChat shares"),
        ("weibo", "Weibo posts", "Weibo shares"),
    ):
        asked[issues] = sum(post["channel"] == channel for post in posts)
        asked[shares] = sum(post["shares"] for post in posts if post["channel"] == channel)
    return asked


async def _report(doors: Doors, period: str, **query: Any) -> Report:
    return await doors.get(f"/appraisal/api/v1/reports/{period}", **query)
