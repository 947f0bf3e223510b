"""Waiting until every event that was promised stands in the log, and the appraisal has counted it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from qingsheng.demo.doors import Doors
from qingsheng.demo.log import Log
from qingsheng.demo.telling import Telling

PATIENCE = 120.0
LOOK_AGAIN = 0.2
SETTLED = timedelta(seconds=0.5)
"""A consumer learns of a partition's new end with its next fetch."""


async def settled(log: Log, told: Telling) -> list[str]:
    """A sentence for each thing that is still to come when patience ends."""
    return [*await complete(log, told), *await caught_up(told.doors)]


async def complete(log: Log, told: Telling) -> list[str]:
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


async def caught_up(doors: Doors) -> list[str]:
    """Waits until the appraisal has read every partition to its end at some moment after this one."""
    since, deadline = datetime.now(UTC) + SETTLED, time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        reached = (await doors.get("/appraisal/api/v1/reports/2014"))["freshness"]["caught_up_at"]
        if reached and datetime.fromisoformat(reached) > since:
            return []
        await asyncio.sleep(LOOK_AGAIN)
    return [f"The appraisal has not caught up after {PATIENCE:.0f} s."]
