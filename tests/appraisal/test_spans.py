"""Tallies by month, quarter, half and year: what reports read in place of each of their days."""

from datetime import date, timedelta
from random import Random

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.appraisal.figures import Part, Window
from services.appraisal.measures import Measure
from tests.support.engine import engine
from tests.support.random_events import NOW, arrivals, generate

SPANS_THAT_DIFFER = """
    with summed as (
        select measure, months, case months when 1 then date_trunc('month', day) when 3 then date_trunc('quarter', day)
                   when 12 then date_trunc('year', day)
                   else date_trunc('year', day) + case when extract(month from day) > 6 then 6 else 0 end * interval '1 month'
               end::date as start, county, bucket, sum(n)::bigint as n
        from appraisal.tally cross join (values (1), (3), (6), (12)) as s (months) where measure <= 12
        group by 1, 2, 3, 4, 5
    )
    select count(*) from summed s full join appraisal.tally_span t using (measure, months, start, county, bucket)
    where coalesce(s.n, 0) <> coalesce(t.n, 0)"""


@pytest.mark.parametrize("seed", [1, 2])
async def test_spans_are_the_sums_of_their_days(database_url: str, seed: int) -> None:
    """Whatever comes in whatever batches; and whoever writes tallies, rows of them at once or one away."""
    rng = Random(seed)
    async with engine(database_url) as running:
        await running.take(arrivals(generate(seed, 900), rng), NOW, rng)
    database = await asyncpg.connect(database_url)
    try:
        assert await database.fetchval("select count(*) from appraisal.tally_span where n <> 0") > 20
        assert await database.fetchval(SPANS_THAT_DIFFER) == 0
        await database.execute("update appraisal.tally set n = n + 1 where day < '2014-06-15'")
        await database.execute("delete from appraisal.tally where bucket = 3")
        assert await database.fetchval(SPANS_THAT_DIFFER) == 0
    finally:
        await database.close()


days = st.dates(date(2011, 6, 1), date(2016, 12, 31))


@given(days, days, st.sampled_from([Measure.STOCK, Measure.TIP_TRIAGED, Measure.POST]))
def test_a_window_is_its_parts(one: date, other: date, measure: Measure) -> None:
    window = Window(measure, min(one, other), max(one, other), 0)
    parts = window.parts()
    covered: list[int] = []
    for months, first, last in parts:
        begun = starts(months) if months else [first + timedelta(days=n) for n in range((last - first).days + 1)]
        spans = [start for start in begun if first <= start <= last]
        assert spans[0] == first
        assert spans[-1] == last
        for start in spans:
            behind = next(each for each in starts(months) if each > start) if months else start + timedelta(days=1)
            covered += range(start.toordinal(), behind.toordinal())
    assert sorted(covered) == list(range(window.first.toordinal(), window.last.toordinal() + 1))
    assert len(parts) <= 10
    assert sum((last - first).days + 1 for months, first, last in parts if not months) <= 60


def starts(months: int) -> list[date]:
    return [date(year, month, 1) for year in range(2010, 2019) for month in range(1, 13, months)]


def test_a_year_is_one_part_and_the_stock_of_all_time_a_few() -> None:
    assert Window(Measure.POST, date(2014, 1, 1), date(2014, 12, 31), 0).parts() == [
        Part(12, date(2014, 1, 1), date(2014, 1, 1))
    ]
    since_ever = Window(Measure.STOCK, date.min, date(2014, 10, 10), 0)
    assert since_ever.parts() == [
        Part(12, date.min, date(2013, 1, 1)),
        Part(6, date(2014, 1, 1), date(2014, 1, 1)),
        Part(3, date(2014, 7, 1), date(2014, 7, 1)),
        Part(0, date(2014, 10, 1), date(2014, 10, 10)),
    ]
    trained = Window(Measure.TRAINED_YEAR, date(2014, 1, 1), date(2014, 1, 1), 0)
    assert trained.parts() == [Part(0, trained.first, trained.last)]
