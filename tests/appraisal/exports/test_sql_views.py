"""Schema ``report``: what the committee's role reads in SQL is what the report API answers, and nothing else."""

import re
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from services.appraisal.measures import Measure
from services.appraisal.periods import Period
from services.appraisal.schemes import DEFAULT
from services.appraisal.storage import KIND_OF
from tests.appraisal.exports.harness import figures_of, report_of
from tests.support.engine import SHANGHAI, engine
from tests.support.event_log import EventLog
from tests.support.random_events import NOW, periods
from tests.support.services import client, settings_for

DOCS = Path(__file__).parents[3] / "docs" / "reading-reports.md"
VIEWS = {
    "county", "period", "tally", "period_count", "stock", "quota", "fact", "closed_report", "closed_county",
    "closed_indicator", "closed_sum",
}  # fmt: skip


@pytest.fixture
async def committee(database_url: str) -> AsyncIterator[Any]:
    """A connection with the committee's role alone."""
    connection = await asyncpg.connect(database_url)
    await connection.execute("set role qingsheng_committee")
    yield connection
    await connection.close()


def queries() -> dict[str, str]:
    """The ready queries of the docs, by the heading above each."""
    text = DOCS.read_text(encoding="utf-8")
    return dict(re.findall(r"### ([^\n]+)\n.*?```sql\n(.*?)```", text, re.S))


async def run(connection: Any, sql: str, period: str = "2014-H1") -> list[dict[str, Any]]:
    """A ready query as it stands in the docs, or of another period."""
    *before, last = [part for part in sql.replace("'2014-H1'", f"'{period}'").split(";") if part.strip()]
    for statement in before:
        await connection.execute(statement)
    return [dict(row) for row in await connection.fetch(last)]


def number(told: Any) -> Decimal | None:
    return None if told is None else Decimal(str(told))


async def test_only_the_committee_reads_them_and_only_these(database_url: str, committee: Any) -> None:
    for view in VIEWS:
        await committee.fetch(f"select * from report.{view} limit 1")
    for table in ("appraisal.fact", "appraisal.tally", "appraisal.closing", "roster.volunteer", "access.account"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await committee.fetch(f"select * from {table} limit 1")
    for change in ("delete from report.county", "create table report.more (n int)", "create table more (n int)"):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)):
            await committee.execute(change)
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetch("select table_name from information_schema.tables where table_schema = 'report'")
        assert {row[0] for row in found} == VIEWS
        readers = await connection.fetch(
            """select distinct grantee from information_schema.role_table_grants
               where table_schema = 'report' and grantee <> current_user"""
        )
        assert [row[0] for row in readers] == ["qingsheng_committee"]
        for service in ("appraisal", "campaign"):
            await connection.execute(f"set role qingsheng_{service}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("select * from report.county")
            await connection.execute("reset role")
    finally:
        await connection.close()


async def test_no_view_shows_an_id_of_a_volunteer(http: httpx.AsyncClient, database_url: str, committee: Any) -> None:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "select volunteer as id from appraisal.fact where volunteer is not null "
        "union select subject from appraisal.fact where kind <= 3"
    )
    await connection.close()
    volunteers = {str(row["id"]) for row in rows}
    assert len(volunteers) > 10
    for view in VIEWS:
        told = str(await committee.fetch(f"select v::text from report.{view} v"))
        assert not [each for each in volunteers if each in told], view


async def test_counties_and_periods_are_the_reports(http: httpx.AsyncClient, committee: Any) -> None:
    report = await report_of(http, "2014")
    found = await committee.fetch("select * from report.county order by county")
    assert [(row["county"], row["name_zh"], row["name_en"]) for row in found] == [
        (row["county"], row["name"]["zh"], row["name"].get("en"))
        for row in sorted(report["counties"], key=lambda row: row["county"])
    ]
    assert [row["county"] for row in found if row["is_city"]] == ["350900"]
    told = {row["period"]: row for row in await committee.fetch("select * from report.period")}
    for year in (2000, 2014, 2024, 2100):
        for code in periods(year):
            period = Period.parse(code)
            assert (told[code]["first_day"], told[code]["last_day"]) == (period.start, period.end)
            assert told[code]["months"] == period.length
    assert len(told) == 101 * 19


async def test_measures_and_types_have_the_names_of_the_code(committee: Any) -> None:
    for view, names in (
        ("tally", {str(int(each)): each.name.lower() for each in Measure}),
        ("fact", {str(int(kind)): event.TYPE for event, kind in KIND_OF.items()}),
    ):
        sql = await committee.fetchval("select pg_get_viewdef($1::regclass)", f"report.{view}")
        assert dict(re.findall(r"\((\d+),\s*'([a-z0-9_.]+)'", sql)) == names


@pytest.mark.parametrize("code", ["2014", "2014-H1", "2014-H2", "2014-Q3", "2014-05", "2014-11"])
async def test_counts_of_a_period_are_the_reports_numerators(
    http: httpx.AsyncClient, committee: Any, code: str
) -> None:
    figures = figures_of(await report_of(http, code))
    rows = await committee.fetch("select * from report.period_count where period = $1", code)
    found = {(row["county"], row["measure"]): row["n"] for row in rows}
    seen = 0
    for (county, indicator), figure in figures.items():
        measures = {
            "training_coverage": ("trained", None),
            "tips_reported": ("tip_reported", None),
            "tips_answered": ("tip_answered", "tip_resolved"),
            "posts_published": ("post", None),
        }.get(indicator)
        if measures is None:
            continue
        assert found.get((county, measures[0]), 0) == figure["numerator"]
        if measures[1]:
            assert found.get((county, measures[1]), 0) == figure["denominator"]
        seen += figure["numerator"]
    assert seen > 0


async def test_stock_is_the_roster_on_any_day(http: httpx.AsyncClient, committee: Any) -> None:
    for code in ("2014", "2014-H1", "2014-04"):
        for (county, indicator), figure in figures_of(await report_of(http, code)).items():
            if indicator == "roster_fill":
                found = await committee.fetchval(
                    "select volunteers from report.stock where county = $1 and day <= $2 order by day desc limit 1",
                    county,
                    Period.parse(code).end,
                )
                assert (found or 0) == figure["numerator"]


async def test_quotas_counted_add_up_to_the_reports_denominator(database_url: str, committee: Any) -> None:
    """A township below its county, an organ of the county below the city's unit, a quota set twice, one set to 0."""
    log = EventLog(NOW, SHANGHAI, "quotas")
    units = {
        "350900": ("city", None, "350900"),
        "350902": ("county", "350900", "350902"),
        "350902-A": ("township", "350902", "350902"),
        "350902-AB": ("organ", "350902-A", "350902"),
        "350921": ("county", "350900", "350921"),
        "350921-A": ("township", "350921", "350921"),
    }
    for unit_id, (kind, parent, county) in units.items():
        unit = {"unit_id": unit_id, "name": {"zh": unit_id}, "kind": kind, "county": county}
        unit |= {"parent_id": parent} if parent else {}
        log.tell("roster.unit_defined", unit, county, recorded=log.noon(date(2014, 1, 2)))
    for unit_id, team, quota in (
        ("350900", "city", 50), ("350902", "county", 20), ("350902", "county", 30), ("350902-A", "county", 7),
        ("350902-AB", "county", 2), ("350902-AB", "city", 3), ("350921-A", "county", 9), ("350921", "city", 0),
    ):  # fmt: skip
        told = {"unit_id": unit_id, "team": team, "year": 2014, "quota": quota}
        log.tell("roster.quota_set", told, units[unit_id][2], recorded=log.noon(date(2014, 1, 3)))
    async with engine(database_url) as running:
        await running.take(log.events, NOW)
    async with client(settings_for(database_url), ["appraisal"]) as http:
        figures = figures_of(await report_of(http, "2014"))
    expected = {county: figure["denominator"] for (county, name), figure in figures.items() if name == "roster_fill"}
    rows = await committee.fetch(
        "select county, sum(quota) as n from report.quota where counted and year = 2014 group by 1"
    )
    assert {row["county"]: row["n"] for row in rows} == expected == {"350900": 50, "350902": 33, "350921": 9}


async def test_closed_reports_stand_there_whole(closed: httpx.AsyncClient, committee: Any) -> None:
    for revision in (1, 2):
        report = await report_of(closed, f"2014-H1?revision={revision}")
        head = await committee.fetchrow("select * from report.closed_report where revision = $1", revision)
        assert (head["period"], head["digest"], head["scheme"]) == ("2014-H1", report["digest"], report["scheme"])
        assert head["previous_digest"] == report["previous_digest"]
        assert head["stands"] == (revision == 2)
        assert head["reopened_reason"] == (None if revision == 2 else "a list came late")
        places = await committee.fetch("select * from report.closed_county where revision = $1", revision)
        assert {row["county"]: (row["name_zh"], row["score"], row["rank"], row["note"]) for row in places} == {
            row["county"]: (row["name"]["zh"], number(row["score"]), row["rank"], row["note"])
            for row in report["counties"]
        }
        rows = await committee.fetch("select * from report.closed_indicator where revision = $1", revision)
        found = {(row["county"], row["indicator"]): row for row in rows}
        expected = figures_of(report)
        assert found.keys() == expected.keys()
        for key, figure in expected.items():
            for name in ("numerator", "denominator", "value", "target", "attainment", "weight", "points"):
                assert found[key][name] == number(figure[name])
            assert found[key]["note"] == figure["note"]
        sums = await committee.fetch("select * from report.closed_sum where revision = $1", revision)
        assert {row["indicator"]: (row["numerator"], row["denominator"], row["value"]) for row in sums} == {
            each["indicator"]: tuple(number(each[name]) for name in ("numerator", "denominator", "value"))
            for each in report["city"]
        }


# -- the ready queries of the docs ------------------------------------------------------------------------------------


def test_there_are_three_ready_queries() -> None:
    assert len(queries()) == 3


async def test_the_first_lists_a_closed_period_by_rank(closed: httpx.AsyncClient, committee: Any) -> None:
    report = await report_of(closed, "2014-H1")
    rows = await run(committee, next(iter(queries().values())))
    assert [(row["rank"], row["county"], row["score"]) for row in rows] == [
        (row["rank"], row["county"], number(row["score"])) for row in report["counties"]
    ]
    for row, county in zip(rows, report["counties"], strict=True):
        points = {each["indicator"]: number(each["points"]) for each in county["indicators"]}
        assert {name: row[name] for name in points} == points


@pytest.mark.parametrize("code", ["2014-H1", "2014", "2014-Q2", "2014-06"])
async def test_the_second_counts_a_period_that_is_not_closed(
    http: httpx.AsyncClient, committee: Any, code: str
) -> None:
    figures = figures_of(await report_of(http, code))
    rows = await run(committee, list(queries().values())[1], code)
    assert {row["county"] for row in rows} == {county for county, _ in figures}
    for row in rows:

        def of(indicator: str, name: str = "numerator", county: str = row["county"]) -> Any:
            return figures[county, indicator][name]

        assert row["volunteers"] == of("roster_fill")
        assert row["trained"] == of("training_coverage")
        assert row["tips_reported"] == of("tips_reported")
        assert row["tips_answered"] == of("tips_answered")
        assert row["tips_resolved"] == of("tips_answered", "denominator")
        assert row["posts"] == of("posts_published")
        assert row["counted_shares"] == of("sharing_participation")


@pytest.mark.parametrize("code", ["2014-H1", "2014", "2014-Q4", "2014-06"])
async def test_the_third_tells_what_was_resolved_in_time(http: httpx.AsyncClient, committee: Any, code: str) -> None:
    figures = figures_of(await report_of(http, code))
    [days] = [each.days for each in DEFAULT.terms() if each.indicator == "tips_resolved_in_time"]
    assert days == 30
    rows = await run(committee, list(queries().values())[2], code)
    assert {row["county"] for row in rows} == {county for county, _ in figures}
    for row in rows:
        figure = figures[row["county"], "tips_resolved_in_time"]
        assert (row["in_time"], row["due"]) == (figure["numerator"], figure["denominator"])
