"""The roster's pages in headless Chromium: they fit a phone and a desk, every input has a label, nothing breaks the policy."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qingsheng.users import operator_session
from shared.access.sessions import COOKIE
from tests.browser.chromium import DEADLINE, Browser
from tests.browser.conftest import served
from tests.roster.harness import ACCOUNT, MEMBER, PLAIN, ROW, roster_at, workbook
from tests.support.services import settings_for
from tests.support.waiting import eventually_now

pytestmark = pytest.mark.browser
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
NAMELESS = """[...document.querySelectorAll('input, select, textarea')]
    .filter(e => e.type != 'hidden' && !e.labels.length).map(e => e.name)"""
TWICE = """[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) != at)"""
NUMBERS = "[...document.querySelectorAll('.counts .number')].map(e => e.innerText)"
CONTACT = {"name": "李明", "phone": "13805931417"}


@pytest.fixture
def places(database_url: str, browser: Browser) -> Iterator[dict[str, str]]:
    """Addresses of pages with content, for an operator who is signed in."""

    async def fill() -> tuple[dict[str, str], str]:
        async with roster_at(database_url) as roster:
            town = {"unit_id": "350902-101", "name": {"zh": "霍童镇", "en": "Huotong"}, "kind": "township"}
            await roster.post("/units", town | {"county": "350902", "parent_id": "350902"}, 201)
            first = await roster.post("/volunteers", MEMBER | {"contact": CONTACT}, 201)
            year = first["nominated_on"][:4]
            for team, quota in (("county", 3), ("city", 2)):
                await roster.put(f"/units/350902/quotas/{team}/{year}", {"quota": quota}, 200)
            for _ in range(3):
                await roster.nominated()
            told = await roster.send(workbook(ROW | {"unit_id": "350921"}, PLAIN | {"unit_id": "350902-101"}))
            someone = told["rows"][0]["volunteer_id"]
            long_url = "https://weibo.example/" + "u" * 120
            await roster.post(f"/volunteers/{someone}/accounts", ACCOUNT | {"disclosure_url": long_url}, 201)
            book = workbook(ROW | {"row_ref": "r9"}, PLAIN | {"consented_on": None}, PLAIN | {"category": "wizard"})
            sent = await roster.http.post("/roster/ledgers", files={"file": ("ledger.xlsx", book)})
            volunteer = f"/roster/volunteers/{someone}"
            waiting = f"/roster/volunteers/{first['volunteer_id']}"
            paths = {
                "home": "/roster/",
                "unit": "/roster/units/350902",
                "review": "/roster/review",
                "nominate": "/roster/nominate?unit_id=350902",
                "volunteer": volunteer,
                "waiting": f"{waiting}?done=nominate&same={someone}",
                "register": f"{waiting}/register",
                "transfer": f"{volunteer}/transfer",
                "leave": f"{volunteer}/leave",
                "erase": f"{volunteer}/erase",
                "contact": f"{volunteer}/contact",
                "disclose": f"{volunteer}/disclose",
                "contacts": "/roster/units/350902/contacts",
                "disclosures": "/roster/disclosures",
                "audit": "/roster/audit",
                "ledgers": "/roster/ledgers",
                "ledger": sent.headers["location"],
            }
        return paths, await operator_session(settings_for(database_url), "tester")

    paths, session = asyncio.run(fill())
    with served(settings_for(database_url), "roster") as address:
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
        found[name] = (browser.ask(SIDEWAYS), browser.ask(NAMELESS), browser.ask(TWICE), browser.console)
        assert browser.ask("document.querySelectorAll('h1').length") == 1, name
    assert found == dict.fromkeys(places, (0, [], [], []))


def test_a_ledger_is_imported_by_hand(browser: Browser, places: dict[str, str], tmp_path: Path) -> None:
    """Chosen, tried, and recorded: what is wrong is shown by row, what is right is registered once."""
    file = tmp_path / "ledger.xlsx"
    file.write_bytes(workbook(PLAIN | {"row_ref": "h1"}, PLAIN | {"row_ref": "h2", "consented_on": None}))
    browser.open(f"{places['ledgers']}?lang=en")
    browser.choose_file("#file", file)
    browser.ask("document.querySelector('#file').form.requestSubmit()")
    eventually_now(lambda: browser.ask(NUMBERS) == ["1", "0", "1"], DEADLINE)
    assert browser.ask("document.querySelector('.done')") is None
    browser.ask("document.querySelector('form[action$=\"/record\"]').requestSubmit()")
    eventually_now(lambda: browser.ask("!!document.querySelector('.done')"), DEADLINE)
    assert browser.ask(NUMBERS) == ["1", "0", "1"]
    assert browser.ask("!document.querySelector('form[action$=\"/record\"]')"), "it is recorded once"


def test_a_review_by_hand(browser: Browser, places: dict[str, str]) -> None:
    """Ticked, dated and sent as a person does it, without any script of ours."""
    browser.open(f"{places['review']}?lang=en")
    browser.ask("document.querySelectorAll('input[name=chosen]')[0].click()")
    browser.ask("document.querySelector('#registered_on').value = '2014-05-01'")
    browser.ask("document.querySelector('#consented_on').value = '2014-05-01'")
    browser.ask("document.querySelector('button[value=confirm]').click()")
    eventually_now(lambda: browser.ask("document.querySelector('.done')?.innerText") == "Done: 1.", DEADLINE)
