"""The state of one telling of the story: its doors, the ids it learnt, what it was promised."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from qingsheng.demo.doors import Doors
from qingsheng.demo.outside import OtherSystems, Sum
from qingsheng.demo.printing import Printing
from qingsheng.demo.script import Script
from qingsheng.demo.story.reports import ACCEPTED, Report

Result = TypeVar("Result")


@dataclass
class Telling:
    """``ids`` by kind and reference. ``promised``: how many events of each type the doors said they recorded.
    ``event_ids``: of the events that accepted reports led to."""

    script: Script
    doors: Doors
    systems: OtherSystems
    out: Printing
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    promised: Counter[str] = field(default_factory=Counter)
    event_ids: set[str] = field(default_factory=set)
    sums: dict[str, Sum] = field(default_factory=dict)
    """By producer."""
    troubles: list[str] = field(default_factory=list)
    """What was waited for in vain, a sentence each."""
    _reporting: list["asyncio.Task[Sum]"] = field(default_factory=list)

    async def all(self, what: str, calls: Iterable[Awaitable[Result]]) -> list[Result]:
        """Makes the calls, several at once; the results are in their order."""
        waiting = list(calls)
        with self.out.bar(what, len(waiting)) as done:

            async def one(call: Awaitable[Result]) -> Result:
                result = await call
                done()
                return result

            return await asyncio.gather(*map(one, waiting))

    def report(
        self,
        producer: str,
        reports: Sequence[Report] | None = None,
        *,
        mode: str = "structured",
        after: Awaitable[object] | None = None,
    ) -> "asyncio.Task[Sum]":
        """Has another system send reports, by default its whole feed; the task ends when it has its answers.

        ``after``: what it waits for before it sends.
        """

        async def reporting() -> Sum:
            if after:
                await after
            whole = self.script.reports[producer] if reports is None else reports
            told = await self.systems.report(producer, whole, self.ids, mode)
            self.sums[producer] = self.sums[producer] + told if producer in self.sums else told
            self.event_ids |= set(told.event_ids)
            return told

        task = asyncio.create_task(reporting())
        self._reporting.append(task)
        return task

    async def stop(self) -> None:
        """Waits no longer for answers of other systems."""
        for task in self._reporting:
            task.cancel()
        await asyncio.gather(*self._reporting, return_exceptions=True)

    @property
    def expected(self) -> dict[str, Counter[str]]:
        return self.script.answers

    def answered_wrongly(self) -> list[str]:
        """A sentence for each producer whose answers are not those its reports should get."""
        problems: list[str] = []
        for told in self.sums.values():
            if told.missing:
                problems.append(f"{told.producer} still waits for {told.missing} answers.")
            elif told.answers != self.expected[told.producer]:
                problems.append(f"{told.producer} got other answers than its reports should get.")
        return problems


def counted(told: Sum) -> str:
    """``city-feeds: 3,310 reports, 3,140 accepted, 104 rejected``"""
    accepted = told.answers[ACCEPTED]
    rejected = told.answers.total() - accepted
    return f"{told.producer}: {told.sent:,} reports, {accepted:,} accepted, {rejected:,} rejected"
