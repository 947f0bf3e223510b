"""The end of the demo: every promised event in the log, the appraisal caught up, the figures side by side."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingsheng.demo.doors import Doors
from qingsheng.demo.figures import REPORT_ON, Figure, figures
from qingsheng.demo.log import Log
from qingsheng.demo.printing import Printing, Report
from qingsheng.demo.settling import LOOK_AGAIN, PATIENCE, caught_up, complete
from qingsheng.demo.telling import Telling
from qingsheng.operate import dead_letters
from qingsheng.registry import SERVICES
from shared.settings import Settings

CLOSED, LATE, YEAR_AS_OF = "2014-H1", "2014-H1 with late events", f"2014 as_of {REPORT_ON}"
"""The reports that are shown: as closed; by the same scheme at the same instant with what came later; of that day."""


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


async def compare(settings: Settings, doors: Doors, out: Printing, told: Telling | None, log: Log) -> Outcome:
    """Waits, counts, asks, prints. ``told``: what this run sent and was promised; None for a run shown again."""
    problems: list[str] = []
    out.title("Counting")
    if told:
        problems += [*told.troubles, *told.answered_wrongly(), *await complete(log, told)]
        problems += await _unreadable(settings, out, told)
    else:
        await log.read()
    out.line(f"{len(log.events):,} events in the log, each with its own id")
    problems += await caught_up(doors)
    table = figures(log.events, await _asked(doors))
    closed = await _report(doors, "2014-H1")
    scheme = f"{closed['scheme']}@{closed['scheme_version']}"
    reports = {
        CLOSED: closed,
        LATE: await _report(doors, "2014-H1", scheme=scheme),
        YEAR_AS_OF: await _report(doors, "2014", as_of=REPORT_ON),
    }
    year = reports[YEAR_AS_OF]
    if told:
        out.answers([told.sums[producer] for producer in told.expected], told.expected)
    out.figures(table)
    out.counties(
        "The half-year 2014-H1 as closed on 17 July, counties by rank (detail synthetic)",
        closed,
        reports[LATE],
        "with late",
    )
    out.counties(f"The year 2014 as of {REPORT_ON}, counties by rank (detail synthetic)", year)
    return Outcome(table, reports, problems)


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
