"""Months of tallies: what reports read in place of each of their days."""

from datetime import date
from random import Random

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.appraisal.figures import Window
from services.appraisal.measures import Measure
from tests.support.engine import engine
from tests.support.random_events import NOW, arrivals, generate

MONTHS_THAT_DIFFER = """
    with by_month as (
        select measure, county, date_trunc('month', day)::date as month, bucket, sum(n)::bigint as n
        from appraisal.tally where measure < 12 group by 1, 2, 3, 4
    )
    select count(*) from by_month b full join appraisal.tally_month m using (measure, county, month, bucket)
    where coalesce(b.n, 0) <> coalesce(m.n, 0)"""


@pytest.mark.parametrize("seed", [1, 2])
async def test_months_are_the_sums_of_their_days(database_url: str, seed: int) -> None:
    """Whatever comes in whatever batches; and whoever writes tallies, rows of them at once or one away."""
    rng = Random(seed)
    async with engine(database_url) as running:
        await running.take(arrivals(generate(seed, 900), rng), NOW, rng)
    database = await asyncpg.connect(database_url)
    try:
        assert await database.fetchval("select count(*) from appraisal.tally_month where n <> 0") > 20
        assert await database.fetchval(MONTHS_THAT_DIFFER) == 0
        await database.execute("update appraisal.tally set n = n + 1 where day < '2014-06-15'")
        await database.execute("delete from appraisal.tally where bucket = 3")
        assert await database.fetchval(MONTHS_THAT_DIFFER) == 0
    finally:
        await database.close()


days = st.dates(date(2012, 1, 1), date(2016, 12, 31))


@given(days, days, st.sampled_from([Measure.STOCK, Measure.TIP_TRIAGED, Measure.POST]))
def test_a_window_is_its_months_and_the_days_beside_them(one: date, other: date, measure: Measure) -> None:
    window = Window(measure, min(one, other), max(one, other), 0)
    parts = list(window.days)
    if window.months is not None:
        first, last = window.months
        assert first.day == last.day == 1
        behind = date(last.year + last.month // 12, last.month % 12 + 1, 1)
        parts.append((first, date.fromordinal(behind.toordinal() - 1)))
        assert all((until - since).days < 31 for since, until in window.days)
    covered = [day for since, until in parts for day in range(since.toordinal(), until.toordinal() + 1)]
    assert sorted(covered) == list(range(window.first.toordinal(), window.last.toordinal() + 1))


def test_the_stock_of_all_time_and_what_counts_by_month_already() -> None:
    since_ever = Window(Measure.STOCK, date.min, date(2014, 3, 10), 0)
    assert since_ever.months == (date.min, date(2014, 2, 1))
    assert since_ever.days == [(date(2014, 3, 1), date(2014, 3, 10))]
    shares = Window(Measure.SHARE, date(2014, 1, 1), date(2014, 12, 31), 2)
    assert shares.months is None
    assert shares.days == [(shares.first, shares.last)]
