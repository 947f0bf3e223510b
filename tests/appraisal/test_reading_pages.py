"""The way down from a score to an event and back, what if, trends: the API's numbers on pages."""

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from html import unescape

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.appraisal import live
from services.appraisal.charts import sparkline
from services.appraisal.what_if_page import to_a_hundred
from tests.appraisal.test_pages import API, NOW, Rows, a_year
from tests.support.browsing import words_of
from tests.support.engine import engine
from tests.support.services import client, settings_for

COUNTY = "/appraisal/reports/2014/counties/350902"


@pytest.fixture
async def pages(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with engine(database_url) as running:
        await running.take(a_year(), NOW)
    async with client(settings_for(database_url), ["appraisal"]) as http:
        http.headers["accept"] = "text/html"
        http.headers["accept-language"] = "en"
        yield http


async def seen(http: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await http.get(path)
    assert answer.status_code == status, words_of(answer.text)
    return answer.text


def linked(html: str, part: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]+)"', html) if part in address]


async def test_the_overview_shows_moves_tiles_and_files(pages: httpx.AsyncClient) -> None:
    report = (await pages.get(f"{API}/reports/2014-Q3")).json()
    html = await seen(pages, "/appraisal/reports/2014-Q3")
    tiles = dict(
        re.findall(r'class="tile band-[^"]*" href="[^"]*/counties/(\d+)[^"]*">.*?<b>([^<]*)</b>', html, re.DOTALL)
    )
    shown = {row["county"]: "–" if row["score"] is None else str(row["score"]) for row in report["counties"]}
    assert tiles == shown
    before = (await pages.get(f"{API}/reports/2014-Q2")).json()
    line = next(row for row in before["counties"] if row["county"] == "350902")
    assert f"{line['score']}, " in html.partition('role="img"')[2]
    assert {address.rpartition(".")[2] for address in linked(html, "/api/v1/reports/2014-Q3.")} == {
        "csv",
        "xlsx",
        "docx",
    }
    quality = await seen(pages, "/appraisal/reports/2014-Q3/quality")
    assert "Jiaocheng" in quality


async def test_the_countys_page_tells_what_the_api_explains(pages: httpx.AsyncClient) -> None:
    told = (await pages.get(f"{API}/reports/2014/counties/350902/explanation")).json()
    for language in ("zh", "en"):
        html = unescape(await seen(pages, f"{COUNTY}?lang={language}"))
        assert told["summary"][language] in html
        assert all(each["text"][language] in html for each in told["why"])
        assert told["gain"]["text"][language] in html
        assert told["sensitivity"]["text"][language] in html
    await seen(pages, "/appraisal/reports/2014/counties/999999", 404)


async def test_from_a_score_to_the_events_and_on_by_pages(pages: httpx.AsyncClient) -> None:
    evidence = (await pages.get(f"{API}/reports/2014/counties/350902/indicators/roster_fill/evidence?limit=500")).json()
    (address,) = set(linked(await seen(pages, "/appraisal/reports/2014"), "/350902/indicators/roster_fill"))
    html = await seen(pages, address)
    ids = [each.partition("?")[0].rpartition("/")[2] for each in linked(html, "/appraisal/events/")]
    assert ids == [item["id"] for item in evidence["items"]]
    for query, kept in (("counted=no", False), ("counted=yes", True)):
        some = linked(await seen(pages, f"{address}?{query}"), "/appraisal/events/")
        assert len(some) == sum(item["counted"] is kept for item in evidence["items"])


async def test_pages_of_evidence_follow_each_other(pages: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.appraisal.county_pages._SHOWN", 4)
    path = f"{COUNTY}/indicators/tips_triaged_in_time"
    evidence = (await pages.get(f"{API}/reports/2014/counties/350902/indicators/tips_triaged_in_time/evidence")).json()
    for filters, kept in (("", None), ("?counted=no", False)):
        found: list[str] = []
        address = path + filters
        while address:
            html = await seen(pages, address)
            found += [each.partition("?")[0].rpartition("/")[2] for each in linked(html, "/appraisal/events/")]
            address = next((each for each in linked(html, "cursor=") if each.startswith(path)), "")
        assert found == [item["id"] for item in evidence["items"] if kept is None or item["counted"] is kept]


async def test_the_public_is_told_to_sign_in_for_a_whole_event(pages: httpx.AsyncClient) -> None:
    html = await seen(pages, f"{COUNTY}/indicators/tips_reported")
    address = linked(html, "/appraisal/events/")[0]
    pages.cookies.clear()
    html = await seen(pages, address)
    assert "please sign in" in html
    assert linked(html, "/roster/sign-in?next=")
    assert linked(html, f"{COUNTY}/indicators/tips_reported")


async def test_what_if_shows_the_moves_of_the_api(pages: httpx.AsyncClient) -> None:
    report = (await pages.get(f"{API}/reports/2014")).json()
    html = await seen(pages, "/appraisal/reports/2014/what-if?w-roster_fill=60&w-training_coverage=0")
    rows = {row[0]: row for row in Rows(html).rows[1:]}
    scores = {row["name"].get("en", row["name"]["zh"]): row["score"] for row in report["counties"]}
    assert rows.keys() == scores.keys()
    assert rows["Jiaocheng"][2] != str(scores["Jiaocheng"])
    same = {row[0]: row for row in Rows(await seen(pages, "/appraisal/reports/2014/what-if")).rows[1:]}
    assert {name: row[2] for name, row in same.items()} == {
        name: "–" if score is None else str(score) for name, score in scores.items()
    }
    assert 'action="/appraisal/schemes/new"' in html
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', html.partition("/schemes/new")[2]))
    tried = await pages.post(
        "/appraisal/schemes/new", data={k: unescape(v) for k, v in fields.items()} | {"what": "try"}
    )
    assert tried.status_code == 200, words_of(tried.text)


async def test_charter_c7_holds_for_sliders_too(pages: httpx.AsyncClient) -> None:
    html = await seen(pages, "/appraisal/reports/2014/what-if?w-sharing_participation=60")
    assert "(C7)" in html
    assert "<table" not in html.partition('id="result"')[2]


@given(st.dictionaries(st.text(min_size=1), st.decimals(0, 100, places=2), min_size=1, max_size=10))
def test_weights_come_to_a_hundred(told: dict[str, Decimal]) -> None:
    found = to_a_hundred(told)
    assert sum(found.values()) == (100 if any(told.values()) else 0)
    assert all(weight >= 0 for weight in found.values())


async def test_the_first_period_is_not_compared_with_the_time_before_the_programme(pages: httpx.AsyncClient) -> None:
    for language, said in (("zh", "没有可以比较的上期"), ("en", "there is none before it to compare with")):
        overview = await seen(pages, f"/appraisal/reports/2014-Q1?lang={language}")
        assert said in overview
        assert 'class="sparkline"' not in overview
        county = await seen(pages, f"/appraisal/reports/2014-Q1/counties/350902?lang={language}")
        assert said in county
        assert 'data-chart="trend-data"' not in county
        assert said not in await seen(pages, f"/appraisal/reports/2014-Q2?lang={language}")
        assert said not in await seen(pages, f"/appraisal/reports/2013-Q4?lang={language}")


async def test_trends_are_the_apis(pages: httpx.AsyncClient) -> None:
    """From the first period with figures on."""
    told = (await pages.get(f"{API}/trends?from=2014-Q1&to=2014-Q4")).json()
    rows = {row[0]: row[1:] for row in Rows(await seen(pages, "/appraisal/trends?period=2014-Q4")).rows[1:]}
    scores = [next(c["score"] for c in item["counties"] if c["county"] == "350902") for item in told["items"]]
    assert [cell.partition(" ")[0] for cell in rows["Jiaocheng"]] == ["–" if s is None else str(s) for s in scores]


def test_gaps_in_a_sparkline_stay_gaps() -> None:
    assert sparkline([None, 0.0, 100.0, None, 50.0]).lines == ["19.0,18.0 36.0,2.0"]
    assert len(sparkline([10.0, None, 20.0]).dots) == 2
    assert sparkline([None]).dots == []


async def test_open_pages_hear_of_new_figures(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", 0.01)
    async with engine(database_url) as running, client(settings_for(database_url), ["appraisal"]):
        await running.take(a_year(), NOW)
        from services.appraisal.app import create_api

        app = create_api(settings_for(database_url))
        async with app.router.lifespan_context(app):
            watch = live._Watch()
            first = await watch.see(app)
            async with app.state.pool.acquire() as connection:
                assert first == await live.version(connection)
            other = await _told_after(app, watch, database_url)
    assert first != other


async def _told_after(app: object, watch: live._Watch, database_url: str) -> str:
    from shared.postgres import connect

    connection = await connect(settings_for(database_url), search_path="appraisal")
    try:
        await connection.execute(
            """insert into consumer_offset (topic, "partition", next_offset) values ('x', 0, 7)
               on conflict (topic, "partition") do update set next_offset = consumer_offset.next_offset + 7"""
        )
    finally:
        await connection.close()
    await asyncio.sleep(0.02)
    return await watch.see(app)
