"""What the trials came to, written as docs/reliability.md when QINGSHENG_RELIABILITY names that file."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.trial import Trial

WHERE = os.environ.get("QINGSHENG_RELIABILITY")


@dataclass(frozen=True)
class Line:
    fault: str
    done: str
    events: int
    longest: float


LINES: dict[str, Line] = {}


def note(request: pytest.FixtureRequest, made: Trial) -> None:
    """``fault`` is the test's mark: its number and what was done."""
    mark = request.node.get_closest_marker("fault")
    number, done = mark.args if mark else ("", request.node.name)
    LINES[request.node.nodeid] = Line(str(number), done, len(made.accepted), made.longest)


def write(failed: set[str], command: str) -> None:
    """Only trials that passed are told of as survived; the others are named as failed."""
    if not WHERE or not LINES:
        return
    lines = [
        "# Reliability",
        "",
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}. Every trial keeps a ledger of the events whose producers were",
        'told "accepted" and then asks of the appraisal: nothing lost, nothing applied twice, scores equal to the independent',
        "oracle's, stored offsets never gone back unasked.",
        "",
        "| Fault | What was done | Events | Lost | Twice | Longest recovery, s |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for node, line in sorted(LINES.items(), key=lambda found: (int(found[1].fault or 0), found[0])):
        outcome = "failed | failed" if node in failed else "0 | 0"
        lines.append(f"| {line.fault} | {line.done} | {line.events:,} | {outcome} | {line.longest:.1f} |")
    Path(WHERE).write_text("\n".join(lines) + "\n")
