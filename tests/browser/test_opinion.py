"""Opinion's pages in headless Chromium: they fit, break no policy, and the facts for search engines are no script."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.access.roles import Role
from shared.access.sessions import COOKIE
from tests.browser.chromium import DEADLINE, Browser
from tests.browser.conftest import served
from tests.opinion.harness import closing_body, correction_of, opinion_at, session_of, tip_body, tip_of
from tests.support.services import settings_for
from tests.support.waiting import eventually_now

pytestmark = pytest.mark.browser
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = """[...document.querySelectorAll('input, select, textarea')]
    .filter(e => e.type != 'hidden' && !e.labels.length).map(e => e.name)"""


@pytest.fixture
def places(database_url: str, browser: Browser) -> Iterator[dict[str, str]]:
    """Addresses of pages with content, for an operator who is signed in."""

    async def fill() -> tuple[dict[str, str], str]:
        async with opinion_at(database_url) as opinion:
            await opinion.know(opinion.roster.unit(), opinion.roster.unit("350921"))
            tip_id = await tip_of(opinion, contact="13800138000", text="字" * 300)
            told = await opinion.post("/tips", tip_body())
            link = told.headers["link"].partition(">")[0].strip("<")
            case_id = await correction_of(opinion, claim="网传青少年宫收费", claim_link="https://news.example/7")
            open_case = await correction_of(opinion)
            await opinion.post(f"/corrections/{case_id}/close", closing_body(finding="一直免费。" * 20))
            paths = {
                "tell": "/opinion/tell",
                "thanks": f"{link}?new=1",
                "status": link,
                "corrections": "/opinion/corrections",
                "correction": f"/opinion/corrections/{case_id}",
                "inbox": "/opinion/desk/tips",
                "enter": "/opinion/desk/tips/new",
                "tip": f"/opinion/desk/tips/{tip_id}",
                "desk": "/opinion/desk/corrections",
                "case": f"/opinion/desk/corrections/{open_case}",
            }
            return paths, await session_of(database_url, "desk", [Role.CITY_OPERATOR])

    paths, session = asyncio.run(fill())
    with served(settings_for(database_url), "opinion") as address:
        browser.do("Network.setCookie", name=COOKIE, value=session, url=address)
        yield {name: address + path for name, path in paths.items()}
        browser.do("Network.clearBrowserCookies")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_they_fit_are_labelled_and_break_no_policy(
    browser: Browser, places: dict[str, str], width: int, language: str
) -> None:
    found: dict[str, Any] = {}
    for name, address in places.items():
        browser.open(f"{address}{'&' if '?' in address else '?'}lang={language}", width=width)
        found[name] = (browser.ask(SIDEWAYS), browser.ask(NAMELESS), browser.console)
        assert browser.ask("document.querySelectorAll('h1').length") == 1, name
    assert found == dict.fromkeys(places, (0, [], []))


def test_the_claim_review_is_read_and_not_run(browser: Browser, places: dict[str, str]) -> None:
    browser.open(places["correction"])
    data = browser.ask("document.querySelector('script[type=\"application/ld+json\"]').textContent")
    assert json.loads(data)["@type"] == "ClaimReview"
    assert browser.console == []


def test_a_tip_is_told_in_the_browser(browser: Browser, places: dict[str, str]) -> None:
    browser.open(f"{places['tell']}?lang=en", width=390)
    assert browser.ask("document.querySelector('.unwanted').getBoundingClientRect().right") < 0
    browser.ask(
        """(() => { const form = document.querySelector('form[action="/opinion/tell"]');
           form.kind.value = 'need'; form.topic.value = 'transport'; form.unit_id.value = '350902';
           form.text.value = 'The first bus should leave earlier.'; form.requestSubmit() })()"""
    )
    there = "location.pathname.startsWith('/opinion/status/') && document.readyState == 'complete'"
    eventually_now(lambda: browser.ask(there), DEADLINE)
    assert browser.ask("document.querySelector('#link').href.includes('/opinion/status/')")
    assert browser.ask("document.querySelector('h1').innerText") == "Thank you, it has arrived"


def test_a_tip_is_triaged_and_answered_in_the_browser(browser: Browser, places: dict[str, str]) -> None:
    """By an operator; who has told it reads the answer by the private link."""
    browser.open(f"{places['status']}?lang=en", width=390)
    assert "Earlier buses are asked for." not in browser.ask("document.body.innerText")
    browser.open(f"{places['inbox']}?lang=en")
    told = """[...document.querySelectorAll('main a')].map(a => a.pathname)
        .filter(path => /tips.[0-9a-f-]{36}$/.test(path))"""
    tips = browser.ask(told)
    [tip] = [path for path in tips if not places["tip"].endswith(path)]
    browser.open(f"{places['inbox'].partition('/opinion')[0]}{tip}?lang=en")
    browser.ask("document.querySelector('form[action$=\"/triage\"]').requestSubmit()")
    triaged = "document.readyState == 'complete' && !document.querySelector('form[action$=\"/triage\"]')"
    eventually_now(lambda: browser.ask(triaged), DEADLINE)
    browser.ask(
        """(() => { const form = document.querySelector('form[action$="/resolve"]');
           form.outcome.value = 'answered'; form.answered.value = 'yes';
           form.final_answer.value = 'Earlier buses are asked for.'; form.requestSubmit() })()"""
    )
    resolved = "document.readyState == 'complete' && !document.querySelector('form[action$=\"/resolve\"]')"
    eventually_now(lambda: browser.ask(resolved), DEADLINE)
    assert browser.ask("document.querySelector('.chip').innerText") == "Resolved"
    browser.open(f"{places['status']}?lang=en", width=390)
    assert "Earlier buses are asked for." in browser.ask("document.body.innerText")
