"""The campaign's pages in headless Chromium: a share is logged by hand, and refused for an account that is not disclosed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.campaign import lists
from shared.access.roles import Role
from shared.access.sessions import COOKIE
from tests.browser.chromium import DEADLINE, Browser
from tests.browser.conftest import served
from tests.campaign.harness import campaign_at, session_of
from tests.support.services import settings_for
from tests.support.waiting import eventually_now
from tests.tables.books import xlsx

pytestmark = pytest.mark.browser
NUMBERS = "[...document.querySelectorAll('.counts .number')].map(e => e.innerText)"
LINK = "https://weibo.example/7"


@pytest.fixture
def world(database_url: str, browser: Browser) -> Iterator[tuple[str, UUID, UUID, UUID]]:
    """The address of the lists' page, a volunteer, the account disclosed by the time of the share, and one disclosed after
    it; an operator is signed in."""

    later = uuid4()

    async def fill() -> tuple[UUID, UUID, str]:
        async with campaign_at(database_url) as campaign:
            volunteer, account = await campaign.sharer()
            await campaign.know(campaign.roster.disclosed(volunteer, later, "2014-05-20 09:00"))
            await campaign.published("2014-05-10 09:00", url=LINK)
        session = await session_of(settings_for(database_url), Role.CITY_OPERATOR)
        return volunteer, account, session["Authorization"].removeprefix("Bearer ")

    volunteer, account, session = asyncio.run(fill())
    with served(settings_for(database_url), "campaign") as address:
        browser.do("Network.setCookie", name=COOKIE, value=session, url=address)
        yield f"{address}/campaign/shares?lang=en", volunteer, account, later
        browser.do("Network.clearBrowserCookies")


def test_a_share_is_logged_and_one_of_an_undisclosed_account_refused(
    browser: Browser, world: tuple[str, UUID, UUID, UUID], tmp_path: Path
) -> None:
    address, volunteer, account, later = world
    file = tmp_path / "shares.xlsx"
    headings = [column.name for column in lists.SHARED]
    cells = {"volunteer_id": str(volunteer), "post_url": LINK, "shared_at": "2014-05-12 09:00"}
    rows = [cells | {"account_id": str(account)}, cells | {"account_id": str(later)}]
    file.write_bytes(xlsx(headings, *([row.get(name) for name in headings] for row in rows)))
    browser.open(address)
    browser.choose_file("#file", file)
    browser.ask("document.querySelector('#file').form.requestSubmit()")
    eventually_now(lambda: browser.ask(NUMBERS) == ["1", "1"], DEADLINE)
    refused = browser.ask("document.querySelector('table.list tbody').innerText")
    assert "The account was not disclosed and verified at that time." in refused
    browser.ask("document.querySelector('form[action$=\"/record\"]').requestSubmit()")
    eventually_now(lambda: browser.ask("!!document.querySelector('.done')"), DEADLINE)
    assert browser.ask(NUMBERS) == ["1", "1"]
