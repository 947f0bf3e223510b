"""Every indicator, recomputed by the independent slow oracle: no difference, whatever the order of arrival."""

import json
import os
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import oracle
from tests.support.engine import Engine, engine
from tests.support.random_events import NOW, Question, arrivals, generate, logs, periods, questions, random_question
from tests.support.random_schemes import random_scheme, schemes

EXAMPLES = int(os.environ.get("QINGSHENG_TEST_EXAMPLES", "40"))
"""Through the database one in five, and 40 at least; the rest goes the pure way (unit/test_against_oracle.py)."""


def plain(report: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(report))


async def compare(
    running: Engine, events: list[dict[str, Any]], period: str, *, now: Any, as_of: Any = None, scheme: Any = None
) -> None:
    expected = plain(oracle.report(events, period, now=now, as_of=as_of, scheme=scheme))
    found = await running.report(period, now=now, as_of=as_of, scheme=scheme)
    assert found["status"] == expected["status"], (period, now, as_of)
    for ours, theirs in zip(found["counties"], expected["counties"], strict=True):
        assert ours == theirs, (period, now, as_of)
    assert found["city"] == expected["city"], (period, now, as_of)


@pytest.mark.parametrize("seed", range(6))
async def test_all_periods_of_a_year_agree(database_url: str, seed: int) -> None:
    """Duplicates, reordering within and between topics, transfers, voids before and after their facts, month borders."""
    rng = Random(seed)
    events = generate(seed, rng.choice((200, 600, 1500)))
    async with engine(database_url) as running:
        await running.take(arrivals(events, rng), NOW, rng)
        for period in periods():
            await compare(running, events, period, now=NOW)


@pytest.mark.parametrize("seed", range(100, 124))
async def test_running_periods_as_of_and_schemes_agree(database_url: str, seed: int) -> None:
    rng = Random(seed)
    events = generate(seed, rng.choice((60, 200, 600)))
    async with engine(database_url) as running:
        for _ in range(4):
            asked = random_question(rng)
            scheme = random_scheme(rng) if rng.random() < 0.6 else None
            await running.clear()
            await running.take(arrivals(events, rng), asked.now, rng)
            await compare(running, events, asked.period, now=asked.now, as_of=asked.as_of, scheme=scheme)
            await compare(running, events, asked.period, now=asked.now, as_of=asked.as_of)


@settings(max_examples=min(EXAMPLES, max(40, EXAMPLES // 5)), deadline=None, suppress_health_check=list(HealthCheck))
@given(log=logs(), asked=questions(), scheme=st.none() | schemes(), order=st.integers(0, 2**32))
async def test_any_log_agrees(
    database_url: str, log: list[dict[str, Any]], asked: Question, scheme: dict[str, Any] | None, order: int
) -> None:
    """Whatever the log, the question, the scheme and the order of arrival; a failure shrinks to the fewest events."""
    rng = Random(order)
    async with engine(database_url) as running:
        await running.clear()
        await running.take(arrivals(log, rng), asked.now, rng)
        await compare(running, log, asked.period, now=asked.now, as_of=asked.as_of, scheme=scheme)
