"""What the trials came to, written into docs/reliability.md: a plugin of pytest, ``-p tests.faults.summary``, which writes
the file that QINGSHENG_RELIABILITY names. Every test with the mark ``fault`` is told of; those that kept a ledger tell more.
"""

import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faults.document import write_part
from tests.faults.sizes import FULL

FAULTS = range(1, 26)
LEDGER, STANDS_FOR = "ledger", "fault"
ONE_EACH = "reports of other systems meanwhile, over both doors: one answer each, what is accepted recorded once"
"""What is done in the trials of intake."""


@dataclass
class Row:
    """The tests of one mark. ``events`` is of those that kept a ledger; ``longest`` in seconds."""

    fault: int
    done: str
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    events: int = 0
    longest: float = 0.0

    @property
    def survived(self) -> bool:
        return bool(self.passed) and not self.failed

    def told(self) -> str:
        count = len(self.passed | self.failed)
        outcome = f"**{len(self.failed)} of {count} failed**" if self.failed else f"green, {_tests(count)}"
        if self.skipped:
            why = "; ".join(sorted(set(self.skipped.values())))
            outcome = f"{outcome + ', ' if count else ''}{_tests(len(self.skipped))} skipped: {why}"
        cells = [str(self.fault), self.done, outcome]
        if not self.events:
            cells += ["–"] * 4
        else:
            missing = "not shown" if self.failed else "0"
            cells += [f"{self.events:,}", missing, missing, f"{self.longest:.1f}"]
        return f"| {' | '.join(cells)} |"


def _tests(count: int) -> str:
    return f"{count} test{'' if count == 1 else 's'}"


class Book:
    """Collects what pytest reports."""

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], Row] = {}

    def enter(self, report: pytest.TestReport) -> None:
        """One phase of one test: passed is who passed its call and failed nowhere."""
        for name, value in report.user_properties:
            if name == STANDS_FOR:
                fault, done = _pair(value)
                row = self._rows.setdefault((int(fault), str(done)), Row(int(fault), str(done)))
                if report.failed:
                    row.failed.add(report.nodeid)
                    row.passed.discard(report.nodeid)
                elif report.skipped:
                    row.skipped[report.nodeid] = _reason(report)
                elif report.when == "call" and report.nodeid not in row.failed:
                    row.passed.add(report.nodeid)
                if report.when == "teardown":
                    for kept, ledger in report.user_properties:
                        if kept == LEDGER:
                            events, longest = _pair(ledger)
                            row.events += int(events)
                            row.longest = max(row.longest, float(longest))

    def rows(self) -> list[Row]:
        return [self._rows[key] for key in sorted(self._rows)]


def _pair(value: object) -> tuple[Any, Any]:
    first, second = value  # type: ignore[misc]
    return first, second


def _reason(report: pytest.TestReport) -> str:
    where: Any = report.longrepr
    return str(where[2]).removeprefix("Skipped: ") if isinstance(where, tuple) else "expected to fail"


def written(rows: Sequence[Row], command: str) -> list[str]:
    """The part of the document."""
    lines = [
        f"Written by `{command}` on {datetime.now(UTC):%Y-%m-%d}.",
        "",
        _total(rows),
        "",
        'A trial with events kept a ledger of those whose producers were told "accepted", and then asked of the appraisal: is',
        "none lost, none applied twice, are scores equal to the independent oracle's, did no stored offset go back unasked? Where",
        "no ledger was kept, the tests look at what that fault could break, and are green or not.",
        "",
        "| Fault | What was done | Outcome | Events | Lost | Twice | Longest recovery, s |",
        "|---:|---|---|---:|---:|---:|---:|",
    ]
    return [*lines, *(row.told() for row in rows)]


def _total(rows: Iterable[Row]) -> str:
    by_fault = {fault: [row for row in rows if row.fault == fault] for fault in FAULTS}
    failed = [fault for fault, of in by_fault.items() if any(row.failed for row in of)]
    survived = [fault for fault, of in by_fault.items() if fault not in failed and any(row.survived for row in of)]
    untried = [fault for fault in FAULTS if fault not in survived and fault not in failed]
    partly = [fault for fault in survived if any(row.skipped for row in by_fault[fault])]
    kept = [row for row in rows if row.events]
    shown = (
        "0 lost, 0 applied twice"
        if not any(row.failed for row in kept)
        else "of some ledgers it is not shown what was lost"
    )
    told = [
        f"**{len(survived)} of {len(FAULTS)} faults survived; {sum(row.events for row in kept):,} events in ledgers, {shown}; "
        f"longest recovery {max((row.longest for row in kept), default=0.0):.1f} s.**"
    ]
    for words, faults in (("Failed", failed), ("Not tried", untried), ("Survived, some of its tests skipped", partly)):
        if faults:
            told.append(f"{words}: {', '.join(map(str, faults))}.")
    checks: Sequence[tuple[str, Callable[[Row], bool]]] = (
        ("No ledger was kept", lambda row: row.events > 0),
        ("Intake's answers not counted", lambda row: row.done == ONE_EACH),
    )
    for words, shows in checks:
        without = [fault for fault in survived if not any(row.survived and shows(row) for row in by_fault[fault])]
        if without:
            told.append(f"{words}: {', '.join(map(str, without))}.")
    return " ".join(told)


def note(request: pytest.FixtureRequest, accepted: int, longest: float) -> None:
    """Enters a ledger: events accepted, seconds of the longest recovery."""
    request.node.user_properties.append((LEDGER, (accepted, longest)))


BOOK = Book()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_engine = pytest.mark.skip(reason="no Docker engine answers")
    answers = _engine_answers() if any(item.get_closest_marker("containers") for item in items) else False
    for item in items:
        if item.get_closest_marker("containers") and not answers:
            item.add_marker(no_engine)
        item.user_properties += [(STANDS_FOR, mark.args) for mark in item.iter_markers("fault")]


def _engine_answers() -> bool:
    try:
        return subprocess.run(["docker", "version"], capture_output=True, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    BOOK.enter(report)


def pytest_sessionfinish() -> None:
    where = os.environ.get("QINGSHENG_RELIABILITY")
    if where and (rows := BOOK.rows()):
        write_part(Path(where), "faults", written(rows, "make test-faults" if FULL else "make test-faults, in short"))
