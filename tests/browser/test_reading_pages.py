"""The committee's way through the appraisal in headless Chromium: score to event and back, weights, languages, paper."""

import asyncio
import base64
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from tests.appraisal.test_closing import NOW as CLOSING
from tests.appraisal.test_closing import A, half_a_year
from tests.appraisal.test_pages import NOW, a_year
from tests.browser.chromium import DEADLINE, Browser
from tests.browser.conftest import served
from tests.support.appraisal import taken_in, tell
from tests.support.engine import engine
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually_now

pytestmark = pytest.mark.browser
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PATHS = {
    "overview": "/appraisal/reports/2014",
    "county": "/appraisal/reports/2014/counties/350902",
    "indicator": "/appraisal/reports/2014/counties/350902/indicators/tips_triaged_in_time",
    "event": "/appraisal/events/00000000-0000-7000-8000-000000000000",
    "what-if": "/appraisal/reports/2014/what-if",
    "trends": "/appraisal/trends?period=2014-Q4",
    "quality": "/appraisal/reports/2014/quality",
}
SHOTS = os.environ.get("QINGSHENG_SHOTS")
"""A folder for pictures of every page, for whoever wants to look at them."""


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    async def fill() -> None:
        async with engine(database_url) as running:
            await running.take(a_year(), NOW)

    asyncio.run(fill())
    with served(settings_for(database_url), "appraisal") as found:
        yield found


def shot(browser: Browser, name: str) -> None:
    if SHOTS:
        content = browser.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        Path(SHOTS, f"{name}.png").write_bytes(base64.b64decode(content["data"]))


def follow(browser: Browser, link: str) -> None:
    browser.ask(f"document.querySelector({link!r}).click()")


def arrived(browser: Browser, path: str) -> None:
    there = f"location.pathname.startsWith({path!r}) && document.readyState == 'complete'"
    eventually_now(lambda: browser.ask(there), DEADLINE)


@pytest.mark.parametrize(("width", "language", "dark"), [(1280, "zh", False), (390, "en", False), (1280, "en", True)])
def test_they_fit_and_break_no_policy(browser: Browser, address: str, width: int, language: str, dark: bool) -> None:
    found: dict[str, object] = {}
    for name, path in PATHS.items():
        browser.open(f"{address}{path}{'&' if '?' in path else '?'}lang={language}", width=width, dark=dark)
        found[name] = (browser.ask(SIDEWAYS), browser.ask("document.querySelectorAll('h1').length"), browser.console)
        shot(browser, f"{name}-{width}-{language}{'-dark' if dark else ''}")
    assert found == dict.fromkeys(PATHS, (0, 1, []))


def test_from_a_score_to_one_event_and_back(browser: Browser, address: str) -> None:
    browser.open(f"{address}{PATHS['overview']}?lang=en")
    follow(browser, "table.counties a[href*='350902/indicators/tips_triaged_in_time']")
    arrived(browser, PATHS["indicator"])
    rows = browser.ask("document.querySelectorAll('#evidence tr').length")
    follow(browser, "#evidence a[href*='/events/']")
    arrived(browser, "/appraisal/events/")
    assert "please sign in" in browser.ask("document.querySelector('main').innerText")
    follow(browser, ".way a")
    arrived(browser, PATHS["indicator"])
    assert browser.ask("document.querySelectorAll('#evidence tr').length") == rows
    follow(browser, ".way a")
    arrived(browser, PATHS["overview"])


def test_with_an_office_the_way_ends_at_the_whole_event(
    browser: Browser, database_url: str, stack: Servers, topic_prefix: str
) -> None:
    """From a score through the evidence to the event as it stands on its topic, and back, signed in."""
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    events = half_a_year().events

    async def told() -> str:
        async with workers(settings, "appraisal"):
            await tell(settings, events)
            await taken_in(settings, events)
        return await operator_session(settings, "reader")

    session = asyncio.run(told())
    report, indicator = "/appraisal/reports/2014-H1", "/indicators/tips_triaged_in_time"
    with served(settings, "appraisal") as address:
        browser.do("Network.setCookie", name=COOKIE, value=session, url=address)
        try:
            browser.open(f"{address}{report}?lang=en")
            follow(browser, f"table.counties a[href*='{A}{indicator}']")
            arrived(browser, f"{report}/counties/{A}{indicator}")
            follow(browser, "#evidence a[href*='/events/']")
            arrived(browser, "/appraisal/events/")
            id = browser.ask("location.pathname").rpartition("/")[2]
            event = next(event for event in events if event["id"] == id)
            assert json.loads(browser.ask("document.querySelector('main pre').innerText")) == event
            shot(browser, "whole-event")
            follow(browser, ".way a")
            arrived(browser, f"{report}/counties/{A}{indicator}")
            follow(browser, ".way a")
            arrived(browser, report)
            assert browser.console == []
        finally:
            browser.do("Network.clearBrowserCookies")


def test_moving_a_weight_redraws_the_table_at_once(browser: Browser, address: str) -> None:
    browser.open(f"{address}{PATHS['what-if']}?lang=en")
    score = "document.querySelector('#result tbody td:nth-child(3)').innerText"
    times: list[float] = []
    for weight in (40, 10, 35, 5, 30):
        before = browser.ask(score)
        browser.ask(
            f"""(() => {{ const slider = document.querySelector('[data-for=w-roster_fill]');
                window.drawn = 0; const from = performance.now();
                document.body.addEventListener('htmx:afterSwap', () => {{ window.drawn = performance.now() - from }},
                                               {{ once: true }});
                slider.value = {weight}; slider.dispatchEvent(new Event('input', {{ bubbles: true }})) }})()"""
        )
        eventually_now(lambda: browser.ask("window.drawn"), DEADLINE)
        times.append(browser.ask("window.drawn"))
        assert browser.ask(score) != before
        assert browser.ask("document.getElementById('w-roster_fill').value") == str(weight)
    print(f"what if, slider to new table: {[round(t) for t in times]} ms")
    assert min(times) < 200
    assert browser.console == []


def test_moving_weights_moves_ranks(browser: Browser, database_url: str) -> None:
    """Two counties close to each other: the one with more volunteers leads, the other resolves more of its tips."""

    async def fill() -> None:
        async with engine(database_url) as running:
            await running.take(half_a_year().events, CLOSING)

    asyncio.run(fill())
    order = "[...document.querySelectorAll('#result tbody tr')].map(row => row.querySelector('th').innerText)"
    with served(settings_for(database_url), "appraisal") as found:
        browser.open(f"{found}/appraisal/reports/2014-H1/what-if?lang=en")
        before = browser.ask(order)
        assert browser.ask("document.querySelectorAll('#result .moved').length") == 0
        for name, weight in (("roster_fill", 0), ("tips_resolved_in_time", 60)):
            browser.ask(
                f"""(() => {{ const slider = document.querySelector('[data-for=w-{name}]');
                    slider.value = {weight}; slider.dispatchEvent(new Event('input', {{ bubbles: true }})) }})()"""
            )
        eventually_now(lambda: browser.ask("document.querySelectorAll('#result .moved').length") == 2, DEADLINE)
        after = browser.ask(order)
        assert after[:2] == before[:2][::-1]
        assert browser.ask("document.querySelector('#result tr:first-child .moved.up .unseen').innerText") == "up 1"


def test_charts_are_drawn_and_have_their_tables(browser: Browser, address: str) -> None:
    browser.open(f"{address}{PATHS['trends']}&lang=en")
    assert browser.ask("document.querySelectorAll('.chart canvas').length") == 1
    assert (
        browser.ask("document.querySelectorAll('main table thead th').length") == 5
    )  # from the first quarter with figures on


def test_the_language_stays_on_the_same_page(browser: Browser, address: str) -> None:
    browser.open(f"{address}{PATHS['county']}?lang=en")
    follow(browser, ".languages a[lang=zh]")
    eventually_now(lambda: browser.ask("document.documentElement?.lang") == "zh-CN", DEADLINE)
    arrived(browser, PATHS["county"])
    assert "蕉城区" in browser.ask("document.querySelector('h1').innerText")


def test_on_paper_there_is_the_table_and_no_navigation(browser: Browser, address: str) -> None:
    for name, pages in (("overview", 3), ("county", 1), ("trends", 1), ("what-if", 1)):
        path = PATHS[name]
        browser.open(f"{address}{path}{'&' if '?' in path else '?'}lang=zh", dark=True)
        browser.do("Emulation.setEmulatedMedia", media="print")
        shown = "[...document.querySelectorAll({})].filter(e => e.getClientRects().length).length"
        try:
            assert browser.ask(shown.format("'nav, .as-of, .languages, button'")) == 0, name
            assert browser.ask(shown.format("'main table'")) >= 1, name
            assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", name
            sheets = browser.pdf()
            assert len(re.findall(rb"/Type\s*/Page\b", sheets)) == pages, name
            for width, height in re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", sheets):
                assert (round(float(width)), round(float(height))) == (842, 595), "A4 across"
            if SHOTS:
                Path(SHOTS, f"print-{name}.pdf").write_bytes(sheets)
                shot(browser, f"print-{name}")
        finally:
            browser.do("Emulation.setEmulatedMedia", media="")


def test_an_open_page_says_that_there_are_new_figures(browser: Browser, address: str, database_url: str) -> None:
    browser.open(f"{address}{PATHS['overview']}?lang=en")
    assert browser.ask("document.getElementById('live').hidden")

    async def more() -> None:
        from shared.postgres import connect

        connection = await connect(settings_for(database_url), search_path="appraisal")
        await connection.execute("""insert into consumer_offset (topic, "partition", next_offset) values ('x', 0, 7)""")
        await connection.close()

    asyncio.run(more())
    eventually_now(lambda: not browser.ask("document.getElementById('live').hidden"), DEADLINE)
