"""axe-core on every page of every service, light and Chinese, dark and English: nothing serious, nothing critical.

Pages are found as people find them, by following links from each service's first page; of pages that differ in what they
speak of alone (another county, another session), one is looked at.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from tests.appraisal.test_closing import NOW, A, B, half_a_year, tip
from tests.browser.chromium import Browser
from tests.browser.conftest import served
from tests.campaign.harness import campaign_at
from tests.opinion.harness import closing_body, correction_of, opinion_at, tip_of
from tests.roster.harness import MEMBER, roster_at
from tests.support.appraisal import people
from tests.support.services import settings_for
from tests.training.harness import training_at
from tests.training.test_api import held

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci"),
]
RUN = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
    .filter(each => ['serious', 'critical'].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.slice(0, 4).map(node => node.target.join(' ')).join(' | ')}`))"""
LINKS = "[...document.querySelectorAll('a[href]')].filter(a => !a.download).map(a => a.href.split('#')[0])"
_NAMED = re.compile(r"[0-9][0-9A-Za-z-]*|[0-9a-f-]{36}|[^/]*@[0-9]+|[A-Za-z0-9_-]{40,}")
_INDICATOR = re.compile(r"(?<=/indicators/)\w+")


async def roster(url: str) -> list[str]:
    async with roster_at(url) as made:
        town = {"unit_id": "350902-101", "name": {"zh": "霍童镇", "en": "Huotong"}, "kind": "township"}
        await made.post("/units", town | {"county": "350902", "parent_id": "350902"}, 201)
        contact = {"name": "李明", "phone": "13805931417"}
        first = await made.post("/volunteers", MEMBER | {"contact": contact}, 201)
        await made.nominated()
    return ["/roster/", "/roster/review", f"/roster/volunteers/{first['volunteer_id']}", "/roster/ledgers"]


async def training(url: str) -> list[str]:
    async with training_at(url) as made:
        await held(made)
    return ["/training/", "/training/plan?year=2014"]


async def opinion(url: str) -> list[str]:
    async with opinion_at(url) as made:
        await made.know(made.roster.unit(), made.roster.unit("350921"))
        await tip_of(made, contact="13800138000", text="字" * 300)
        case_id = await correction_of(made, claim="网传青少年宫收费", claim_link="https://news.example/7")
        await made.post(f"/corrections/{case_id}/close", closing_body(finding="一直免费。" * 20))
        await correction_of(made)
    return ["/opinion/", "/opinion/tell", "/opinion/corrections", "/opinion/desk/tips", "/opinion/desk/corrections"]


async def campaign(url: str) -> list[str]:
    async with campaign_at(url) as made:
        await made.sharer()
        await made.published()
    return ["/campaign/", "/campaign/shares", "/campaign/volunteers"]


async def appraisal(url: str) -> list[str]:
    async with people(url, [A]) as made:
        log = half_a_year()
        await made.take(log.events, NOW)
        await made.post("/periods/2014-H1/close")
        early = len(log.events)
        for day in range(6):
            tip(log, B, date(2014, 5, 2 + day), resolved=False)
        await made.take(log.events[early:], NOW)
        told = {"indicator": "training_coverage", "text": "Two venues are missing."}
        await made.post(f"/periods/2014-Q2/counties/{A}/objections", told, A, 201)
        volunteer = next(
            e["data"]["volunteer_id"] for e in log.events if e["county"] == A and "volunteer_id" in e["data"]
        )
        consent = {"unit_id": A, "opted_in_on": "2014-06-01"}
        await made.ask("PUT", f"/commendations/consents/{volunteer}", A, json=consent)
    return [
        "/appraisal/reports/2014-H1",
        "/appraisal/public/2014-H1",
        "/appraisal/periods/2014-H1",
        "/appraisal/periods/2014-Q2/closing",
        "/appraisal/periods/2014-H1/reopening",
        "/appraisal/periods/2014-Q2",
        "/appraisal/schemes/compare?left=ningde-2014@1&right=ningde-2014@1&period=2014-H1",
        "/appraisal/commendations/2014",
    ]


FILLED: list[Callable[[str], Coroutine[Any, Any, list[str]]]] = [roster, training, opinion, campaign, appraisal]


@pytest.mark.parametrize("fill", FILLED, ids=lambda fill: fill.__name__)
def test_axe_finds_nothing_serious(
    database_url: str, browser: Browser, fill: Callable[[str], Coroutine[Any, Any, list[str]]]
) -> None:
    service = fill.__name__
    settings = settings_for(database_url)
    starts = asyncio.run(fill(database_url))
    session = asyncio.run(operator_session(settings, "tester"))
    with served(settings, service) as address:
        browser.do("Network.setCookie", name=COOKIE, value=session, url=address)
        try:
            found = looked_at(browser, address, service, starts)
        finally:
            browser.do("Network.clearBrowserCookies")
    assert len(found) >= len(starts)
    assert {place: told for place, told in found.items() if told} == {}


def test_axe_would_find_it(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><title>t</title><p style='color:#eee;background:#fff'>pale</p><input name='nameless'>"
    )
    browser.open(page.as_uri())
    assert [each.partition(":")[0] for each in serious(browser)] == ["color-contrast", "html-has-lang", "label"]


def serious(browser: Browser) -> list[str]:
    """What axe finds on the page that is open."""
    browser.do("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
    answer = browser.do("Runtime.evaluate", expression=RUN, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in answer, answer
    return answer["result"]["value"]


def looked_at(browser: Browser, address: str, service: str, starts: list[str]) -> dict[str, list[str]]:
    """What axe finds, by the address of each sort of page."""
    waiting = [address + start for start in starts]
    sorts: set[str] = set()
    found: dict[str, list[str]] = {}
    while waiting:
        place = waiting.pop(0)
        if not _is_page(place, address, service) or _sort(place) in sorts:
            continue
        sorts.add(_sort(place))
        joint = "&" if "?" in place else "?"
        told: list[str] = []
        for language, dark in (("zh", False), ("en", True)):
            browser.open(f"{place}{joint}lang={language}", dark=dark)
            told += [f"{language}: {each}" for each in serious(browser)]
        found[place.removeprefix(address)] = told
        waiting += browser.ask(LINKS)
    return found


def _is_page(place: str, address: str, service: str) -> bool:
    path = urlsplit(place).path
    own = place.startswith(address) and path.startswith(f"/{service}/")
    return own and "/api/" not in path and not re.search(r"\.\w+$", path) and "/sign-" not in path


def _sort(place: str) -> str:
    """The path without what it speaks of."""
    path = _INDICATOR.sub("*", urlsplit(place).path)
    return "/".join("*" if _NAMED.fullmatch(part) else part for part in path.split("/"))
