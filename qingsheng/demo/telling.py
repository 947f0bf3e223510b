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
    sums: list[Sum] = field(default_factory=list)

    async def all(self, what: str, calls: Iterable[Awaitable[Result]]) -> list[Result]:
        """Makes the calls, several at once; the results are in their order."""
        waiting = list(calls)
        with self.out.bar(what, len(waiting)) as done:

            async def one(call: Awaitable[Result]) -> Result:
                result = await call
                done()
                return result

            return await asyncio.gather(*map(one, waiting))

    def report(self, producer: str, mode: str = "structured") -> "asyncio.Task[Sum]":
        """Has another system send its whole feed; the task ends when it has its answers."""

        async def reporting() -> Sum:
            told = await self.systems.report(producer, self.script.reports[producer], self.ids, mode)
            self.sums.append(told)
            self.event_ids |= set(told.event_ids)
            return told

        return asyncio.create_task(reporting())

    @property
    def expected(self) -> dict[str, Counter[str]]:
        return self.script.answers

    def answered_wrongly(self) -> list[str]:
        """A sentence for each producer whose answers are not those its reports should get."""
        problems: list[str] = []
        for told in self.sums:
            if told.missing:
                problems.append(f"{told.producer} still waits for {told.missing} answers.")
            elif told.answers != self.expected[told.producer]:
                problems.append(f"{told.producer} got other answers than its reports should get.")
        return problems


def counted(sums: Sequence[Sum]) -> str:
    """``4,238 reports: 4,023 accepted, 215 rejected``"""
    total = sum((told.answers for told in sums), Counter[str]())
    sent = sum(told.sent for told in sums)
    return f"{sent:,} reports: {total['accepted']:,} accepted, {total.total() - total['accepted']:,} rejected"
