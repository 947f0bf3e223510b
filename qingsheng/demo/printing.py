"""What the demo shows: a line a step, a bar where something takes long, tables at the end."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from qingsheng.demo.figures import Figure
from qingsheng.demo.outside import Sum

PLAIN_WIDTH = 120
"""Columns where the output is no terminal."""
INDICATORS = {
    "roster_fill": "roster",
    "training_coverage": "trained",
    "tips_reported": "tips/100",
    "tips_triaged_in_time": "triaged",
    "tips_resolved_in_time": "solved",
    "tips_answered": "answer",
    "needs_acted": "acted",
    "corrections_closed_in_time": "corr.",
    "sharing_participation": "shares",
    "posts_published": "posts",
}
PAGES = {
    "half-year": "reports/2014-H1",
    "year": "reports/2014",
    "on 29 Sept.": "reports/2014?as_of=2014-09-29",
    "a county": "reports/2014/counties/350902",
    "what if": "reports/2014/what-if",
    "trends": "trends",
    "open to all": "public/2014",
}
"""Of the appraisal, by what is seen there."""
Report = dict[str, Any]


class Printing:
    """``quiet``: only progress, on standard error, so that standard output stays free for JSON."""

    def __init__(self, *, quiet: bool = False) -> None:
        stream = sys.stderr if quiet else sys.stdout
        width = None if stream.isatty() else PLAIN_WIDTH
        self._out = Console(file=stream, highlight=False, width=width, soft_wrap=False)
        self._quiet = quiet

    def title(self, text: str) -> None:
        self._out.print(f"\n[bold]{text}[/bold]")

    def line(self, text: str) -> None:
        """Something went on; no story."""
        self._out.print(text, style="dim", markup=False)

    def step(self, when: str, text: str) -> None:
        """A row of the story."""
        self._row(when, text)

    def _row(self, when: str, text: str) -> None:
        row = Table.grid(padding=(0, 2))
        row.add_column(justify="right", width=12, style="cyan", no_wrap=True)
        row.add_column()
        row.add_row(when, text)
        self._out.print(row)

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Any]:
        """Gives a function to be called for each that is done. Shown on a terminal only."""
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns, TimeElapsedColumn(), console=self._out, transient=True, disable=not self._out.is_terminal
        ) as progress:
            task = progress.add_task(what, total=total)
            yield lambda count=1: progress.advance(task, count)

    # -- tables ------------------------------------------------------------------------------------------------------

    def answers(self, sums: Sequence[Sum], expected: Mapping[str, Counter[str]]) -> None:
        """What the other systems got, beside what their reports deserve."""
        if self._quiet:
            return
        table = Table("producer", "answer", "got", "due", "", title="Answers other systems got", title_justify="left")
        table.columns[2].justify = table.columns[3].justify = "right"
        for told in sums:
            due = expected[told.producer]
            for kind in sorted(told.answers.keys() | due.keys(), key=lambda k: (k != "accepted", -due[k], k)):
                got = told.answers[kind]
                table.add_row(told.producer, kind, f"{got:,}", f"{due[kind]:,}", _mark(got == due[kind]))
        self._out.print(table)

    def figures(self, table_of: Sequence[Figure]) -> None:
        """The report's table, reported beside counted."""
        if self._quiet:
            return
        table = Table(
            "",
            "reported in 2014",
            "played (synthetic)",
            "counted from events",
            "by HTTP",
            "",
            title="The work report of 29 September 2014",
            title_justify="left",
        )
        for column in table.columns[1:5]:
            column.justify = "right"
        for row in table_of:
            asked = "" if row.asked is None else f"{row.asked:,}"
            table.add_row(row.what, row.reported, f"{row.played:,}", f"{row.counted:,}", asked, _mark(row.agrees))
        self._out.print(table)

    def counties(self, title: str, report: Report, earlier: Report | None = None, then: str = "") -> None:
        """The county table with ranks; ``earlier``: how it stood ``then``."""
        if self._quiet:
            return
        before = {row["county"]: row for row in earlier["counties"]} if earlier else {}
        table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("rank", justify="right")
        table.add_column("county", no_wrap=True)
        table.add_column("score", justify="right")
        if earlier:
            table.add_column(then, justify="right", no_wrap=True)
        for indicator in report["city"]:
            table.add_column(INDICATORS[indicator["indicator"]], justify="right")
        for row in report["counties"]:
            name = f"{row['name']['zh']} {row['name'].get('en', '')}"
            cells = [str(row["rank"] or "–"), name, _number(row["score"], 2)]
            if earlier:
                stood = before[row["county"]]
                cells.append(f"{_number(stood['score'], 2)} ({stood['rank'] or '–'})")
            cells += [_number(indicator["value"], 2) for indicator in row["indicators"]]
            table.add_row(*cells)
        self._out.print(table)
        self._out.print(
            f"Scheme {report['scheme']} version {report['scheme_version']}; values are not capped at their targets; "
            f"digest {report['digest'][:16]}…",
            style="dim",
        )

    def addresses(self, host: str, port: int, link: str) -> None:
        """Where the story can be looked at while the demo stays up; ``link`` lets one sign in as an operator, once."""
        root = f"http://{host}:{port}"
        self.title("Pages")
        for what, path in PAGES.items():
            self._row(what, f"{root}/appraisal/{path}")
        self._out.print("For the desks, and to close and reopen periods, choose a password here, once:")
        self._out.print(f"  {root}{link}", highlight=False, soft_wrap=True)
        self._out.print("Ctrl-C ends it; 'qingsheng demo --keep' shows this run again.", style="dim")

    def papers(self, papers: Sequence[Path]) -> None:
        """Where briefings and workbooks were written."""
        self.title(f"Papers in {papers[0].parent}")
        for paper in papers:
            self._row(f"{paper.stat().st_size / 1024:.0f} KB", paper.name)

    def verdict(self, agreed: bool, problems: Sequence[str], seconds: float) -> None:
        for problem in problems:
            self._out.print(problem, style="red", markup=False)
        self.line(f"{seconds:.0f} seconds from the start of the servers to here")
        self._out.print(
            "All figures agree." if agreed else "Figures differ.", style="bold green" if agreed else "bold red"
        )


def _mark(agrees: bool) -> str:
    return "[green]agrees[/green]" if agrees else "[bold red]differs[/bold red]"


def _number(value: float | None, places: int) -> str:
    return "–" if value is None else f"{value:.{places}f}"
