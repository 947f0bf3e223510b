"""The events behind a figure: those that count are the oracle's, and their number is the figure's."""

import json
from random import Random
from typing import Any

import pytest

from services.appraisal import reports
from tests.support import oracle
from tests.support.engine import SHANGHAI, Engine, engine
from tests.support.random_events import NOW, arrivals, generate, random_question


async def pages(
    running: Engine, asked: reports.Question, county: str, indicator: str, limit: int
) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    start: list[str] | None = None
    while True:
        page = await running.read(
            lambda c, start=start: reports.evidence_page(c, asked, county, indicator, start, limit)
        )
        items += page[:limit]
        if len(page) <= limit:
            return json.loads(json.dumps(items))
        start = list(reports.sort_key(items[-1]))


@pytest.mark.parametrize("seed", range(200, 208))
async def test_counted_events_are_those_of_the_oracle(database_url: str, seed: int) -> None:
    rng = Random(seed)
    events = generate(seed, rng.choice((200, 700)))
    async with engine(database_url) as running:
        for _ in range(2):
            asked = random_question(rng, running=False)
            await running.clear()
            await running.take(arrivals(events, rng), asked.now, rng)
            question = reports.question(asked.period, None, asked.as_of, asked.now, SHANGHAI)
            for county in ("350900", "350902", "350921"):
                for rule in oracle.NINGDE_2014["indicators"]:
                    indicator = rule["indicator"]
                    items = await pages(running, question, county, indicator, rng.choice((40, 1000)))
                    expected = oracle.counted(events, asked.period, indicator, county, now=asked.now, as_of=asked.as_of)
                    for part in ("numerator", "denominator"):
                        counted = {item["id"] for item in items if item["part"] == part and item["counted"]}
                        assert counted == getattr(expected, part), (asked, county, indicator, part)
                    assert all(item["counted"] == (item["why_not"] is None) for item in items)


async def test_of_shares_beyond_the_cap_the_first_are_counted(database_url: str) -> None:
    events = generate(7, 1500)
    async with engine(database_url) as running:
        await running.take(events, NOW)
        question = reports.question("2014", None, None, NOW, SHANGHAI)
        reasons: set[str] = set()
        for county in ("350902", "350921", "350922"):
            items = await pages(running, question, county, "sharing_participation", 1000)
            reasons |= {item["why_not"] for item in items if item["type"].endswith("repost_logged.v1")}
        assert "over_cap" in reasons
        assert "voided" in reasons
