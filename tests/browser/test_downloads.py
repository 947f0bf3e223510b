"""A period is closed in the browser, and every file downloaded from its page says what the API says."""

import asyncio
import base64
import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import docx
import pytest

from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from tests.appraisal.exports.test_workbook import Book
from tests.appraisal.test_closing import NOW, A, half_a_year
from tests.browser.chromium import DEADLINE, Browser
from tests.browser.conftest import served
from tests.support.appraisal import people
from tests.support.services import settings_for
from tests.support.waiting import eventually_now

pytestmark = pytest.mark.browser
PERIOD = "/appraisal/periods/2014-H1"
FETCH = """fetch({address}).then(answer => answer.blob()).then(file => new Promise(done => {{
    const reader = new FileReader(); reader.onload = () => done(reader.result.split(',')[1]); reader.readAsDataURL(file) }}))"""


@pytest.fixture
def address(database_url: str, browser: Browser) -> Iterator[str]:
    async def fill() -> str:
        async with people(database_url, [A]) as made:
            await made.take(half_a_year().events, NOW)
        return await operator_session(settings_for(database_url), "tester")

    session = asyncio.run(fill())
    with served(settings_for(database_url), "appraisal") as found:
        browser.do("Network.setCookie", name=COOKIE, value=session, url=found)
        yield found
        browser.do("Network.clearBrowserCookies")


def downloaded(browser: Browser, link: str) -> bytes:
    """What the browser gets behind a link of the page, with its own cookie and policy."""
    expression = FETCH.format(address=json.dumps(link))
    answer = browser.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
    return base64.b64decode(answer["result"]["value"])


def test_a_period_is_closed_and_its_files_say_what_the_api_says(browser: Browser, address: str) -> None:
    browser.open(f"{address}{PERIOD}?lang=en")
    browser.ask("document.querySelector('a[href$=\"/closing\"]').click()")
    eventually_now(
        lambda: browser.ask("document.querySelector('button.danger')?.innerText") == "Close it now", DEADLINE
    )
    browser.ask("document.querySelector('button.danger').click()")
    eventually_now(
        lambda: browser.ask("document.querySelector('.done')?.innerText || ''").startswith("Closed."), DEADLINE
    )
    assert browser.console == []

    report: dict[str, Any] = json.loads(downloaded(browser, "/appraisal/api/v1/reports/2014-H1"))
    assert report["status"] == "closed"
    links = browser.ask("[...document.querySelectorAll('a[href*=\"?revision=1\"]')].map(a => a.getAttribute('href'))")
    files = {link.partition("?")[0].rpartition("/")[2]: downloaded(browser, link) for link in links}
    assert sorted(files) == ["2014-H1.csv", "2014-H1.docx", "2014-H1.xlsx", "record"]

    record = json.loads(files["record"])
    assert record["counties"] == report["counties"]

    rows = list(csv.DictReader(io.StringIO(files["2014-H1.csv"].decode("utf-8-sig"), newline="")))
    told = {(row["county"], row["indicator"]): (row["numerator"], row["points"], row["score"]) for row in rows}
    shown = {
        (row["county"], each["indicator"]): tuple(
            "" if number is None else json.dumps(number) for number in (each["numerator"], each["points"], row["score"])
        )
        for row in report["counties"]
        for each in row["indicators"]
    }
    assert told == shown
    assert {row["digest"] for row in rows} == {report["digest"]}

    cells = [cell for sheet in Book(files["2014-H1.xlsx"]).sheets for row in sheet for cell in row]
    paper = docx.Document(io.BytesIO(files["2014-H1.docx"]))
    texts = {cell.text.strip() for table in paper.tables for row in table.rows for cell in row.cells}
    for row in report["counties"]:
        assert row["score"] in cells
        assert json.dumps(row["score"]) in texts
        for each in row["indicators"]:
            assert each["points"] is None or each["points"] in cells
    assert any(report["digest"] in str(cell) for cell in cells)
