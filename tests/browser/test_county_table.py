"""The county table in headless Chromium: it is laid out, fits, can be used with the keyboard, and breaks no policy."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.appraisal.test_pages import NOW, a_year
from tests.browser.chromium import Browser
from tests.browser.conftest import served
from tests.support.engine import engine
from tests.support.services import settings_for

pytestmark = pytest.mark.browser
PAGE = "/appraisal/reports/2014?lang=en"
COUNTIES = """[...document.querySelectorAll("table.counties tbody th[scope=row] .name")].map(e => e.innerText)"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
HIDDEN = "(table => table.scrollWidth - table.clientWidth)(document.querySelector('.scroll'))"


@pytest.fixture
def address(database_url: str) -> Iterator[str]:
    async def fill() -> None:
        async with engine(database_url) as running:
            await running.take(a_year(), NOW)

    asyncio.run(fill())
    with served(settings_for(database_url), "appraisal") as found:
        yield found


def test_the_county_table_is_there(browser: Browser, address: str) -> None:
    browser.open(f"{address}/?lang=en")
    assert browser.ask("location.pathname") == "/appraisal/reports/2014"
    assert browser.ask("document.querySelector('table.counties caption b').innerText") == "Scores of the counties"
    assert browser.ask(COUNTIES) == ["Jiaocheng", "<b>Xiapu</b>", "Total Σ", "Ningde", "古田县"]
    assert browser.console == []


@pytest.mark.parametrize("width", [390, 820, 1280, 1920])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_fits_every_width(browser: Browser, address: str, width: int, language: str) -> None:
    browser.open(f"{address}/appraisal/reports/2014?lang={language}", width=width)
    assert browser.ask(SIDEWAYS) == 0
    if width in (390, 1280):
        # All of it, not only a part that scrolls: cards on a phone, the table on a desk.
        assert browser.ask(HIDDEN) == 0
    assert browser.console == []


def test_on_a_phone_it_is_still_a_table_to_a_screen_reader(browser: Browser, address: str) -> None:
    browser.open(address + PAGE, width=390)
    nodes = browser.do("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("table") == 1
    assert roles.count("columnheader") == 12
    assert roles.count("row") == 7


def test_dark_where_the_reader_prefers_it(browser: Browser, address: str) -> None:
    papers: list[str] = []
    for dark in (False, True):
        browser.open(address + PAGE, dark=dark)
        papers.append(browser.ask("getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(251, 251, 249)", "rgb(16, 24, 26)"]


def test_the_keyboard_reaches_the_content_first(browser: Browser, address: str) -> None:
    browser.open(address + PAGE)
    browser.press("Tab", 9)
    assert browser.ask("document.activeElement.className") == "skip"
    assert browser.ask("document.activeElement.getBoundingClientRect().top") >= 0
    browser.press("Tab", 9)
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_the_as_of_form_works(browser: Browser, address: str) -> None:
    browser.open(f"{address}/appraisal/reports/2014-H1?lang=en")
    asked = browser.ask(
        """(() => { const form = document.querySelector('form.as-of'); form.as_of.value = '2014-06-10';
           return new URLSearchParams(new FormData(form)).toString() })()"""
    )
    browser.open(f"{address}/appraisal/reports/2014-H1?{asked}")
    assert "the end of 2014-06-10" in browser.ask("document.querySelector('.facts').innerText")


def test_on_paper_it_is_a4_across_and_the_table_one_sheet(browser: Browser, address: str) -> None:
    browser.open(address + PAGE)
    printed = browser.pdf()
    assert b"/MediaBox [0 0 841." in printed
    assert printed.count(b"/Type /Page\n") == 3  # the table; pictures and notes; what the indicators mean


def test_an_error_is_a_page(browser: Browser, address: str) -> None:
    browser.open(f"{address}/appraisal/reports/2014-Q9?lang=en")
    assert browser.ask("document.querySelector('h1').innerText") == "There is no such page"
    assert browser.ask(SIDEWAYS) == 0
