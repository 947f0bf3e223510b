"""Signing in, out and being invited, over HTTP as a browser does it."""

import re
from collections.abc import AsyncIterator

import argon2
import httpx
import pytest

from qingsheng import users
from shared.access import accounts
from shared.access.roles import Role
from shared.access.sessions import COOKIE
from shared.settings import Settings
from tests.support.services import client, settings_for

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
PASSWORD = "a long sentence to remember"
UNITS = "/roster/api/v1/units"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def browser(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    async with client(settings, ["roster"]) as http:
        http.cookies.clear()
        yield http


async def invited(browser: httpx.AsyncClient, settings: Settings, name: str = "chen.wei", **more: str) -> None:
    """A city operator who has chosen PASSWORD."""
    link = await users.add(settings, name, [Role.CITY_OPERATOR], None)
    token = link.partition("token=")[2]
    page = await browser.get(link)
    assert page.status_code == 200
    assert name in page.text
    told = {"token": token, "password": PASSWORD, "again": PASSWORD} | more
    answer = await browser.post("/roster/invitation", data=told, headers=OWN)
    assert answer.status_code == 303, answer.text


async def signed_in(browser: httpx.AsyncClient, name: str = "chen.wei", password: str = PASSWORD, **more: str):
    return await browser.post("/roster/sign-in", data={"name": name, "password": password} | more, headers=OWN)


async def test_an_invitation_signs_in_and_is_used_up(browser: httpx.AsyncClient, settings: Settings) -> None:
    link = await users.add(settings, "chen.wei", [Role.CITY_OPERATOR], None)
    token = link.partition("token=")[2]
    told = {"token": token, "password": PASSWORD, "again": PASSWORD}
    first = await browser.post("/roster/invitation", data=told, headers=OWN)
    assert (first.status_code, first.headers["location"]) == (303, "/roster/")
    assert (await browser.get(UNITS)).status_code == 200
    assert "httponly" in first.headers["set-cookie"].lower()
    browser.cookies.clear()
    again = await browser.post("/roster/invitation", data=told, headers=OWN)
    assert again.status_code == 404
    assert "users reset" in again.text


@pytest.mark.parametrize(("password", "again"), [("short", "short"), (PASSWORD, PASSWORD + "!")])
async def test_a_password_is_long_and_told_twice(
    browser: httpx.AsyncClient, settings: Settings, password: str, again: str
) -> None:
    link = await users.add(settings, "chen.wei", [Role.CITY_OPERATOR], None)
    told = {"token": link.partition("token=")[2], "password": password, "again": again}
    answer = await browser.post("/roster/invitation", data=told, headers=OWN)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert (await browser.get(link)).status_code == 200, "the invitation is not used up"


async def test_name_and_password_sign_in(browser: httpx.AsyncClient, settings: Settings) -> None:
    await invited(browser, settings)
    browser.cookies.clear()
    assert (await browser.get(UNITS)).json()["code"] == "unauthorized"
    answer = await signed_in(browser, next="/campaign/posts?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/campaign/posts?x=1")
    assert (await browser.get(UNITS)).status_code == 200


@pytest.mark.parametrize("next", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_leads_to_no_other_site(browser: httpx.AsyncClient, settings: Settings, next: str) -> None:
    await invited(browser, settings)
    answer = await signed_in(browser, next=next)
    assert answer.headers["location"] == "/roster/"


def test_an_unknown_name_costs_the_same_work_as_a_wrong_password() -> None:
    ours = argon2.extract_parameters(argon2.PasswordHasher().hash(PASSWORD))
    assert argon2.extract_parameters(accounts._UNKNOWN) == ours
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        argon2.PasswordHasher().verify(accounts._UNKNOWN, PASSWORD)


async def test_a_wrong_password_and_an_unknown_name_look_the_same(
    browser: httpx.AsyncClient, settings: Settings
) -> None:
    await invited(browser, settings)
    browser.cookies.clear()
    wrong, unknown = await signed_in(browser, password="wrong"), await signed_in(browser, name="nobody.here")
    assert wrong.status_code == unknown.status_code == 401

    def without_name(page: str) -> str:
        return re.sub(r'id="name" name="name" value="[^"]*"', "", page)

    assert without_name(wrong.text) == without_name(unknown.text)


async def test_after_five_wrong_passwords_the_account_waits(browser: httpx.AsyncClient, settings: Settings) -> None:
    await invited(browser, settings)
    browser.cookies.clear()
    for _ in range(5):
        assert (await signed_in(browser, password="wrong")).status_code == 401
    refused = await signed_in(browser)
    assert refused.status_code == 429
    assert 290 < int(refused.headers["retry-after"]) <= 300
    assert COOKIE not in refused.cookies
    assert "五分钟" in refused.text or "five minutes" in refused.text


async def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(
    browser: httpx.AsyncClient, settings: Settings
) -> None:
    await invited(browser, settings)
    kept = browser.cookies[COOKIE]
    await browser.post("/roster/sign-out", headers=OWN)
    browser.cookies.set(COOKIE, kept)
    assert (await browser.get(UNITS)).status_code == 401


async def test_disabling_takes_effect_at_once_and_a_reset_lets_in_again(
    browser: httpx.AsyncClient, settings: Settings
) -> None:
    await invited(browser, settings)
    await users.disable(settings, "chen.wei")
    assert (await browser.get(UNITS)).status_code == 401
    assert (await signed_in(browser)).status_code == 401
    await users.reset(settings, "chen.wei")
    assert (await signed_in(browser)).status_code == 303


@pytest.mark.fault(24, "another site writes with a visitor's cookie")
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}])
async def test_another_site_cannot_write_with_the_cookie(
    browser: httpx.AsyncClient, settings: Settings, headers: dict[str, str]
) -> None:
    await invited(browser, settings)
    del browser.headers["Sec-Fetch-Site"]
    unit = {"unit_id": "350902", "kind": "county", "county": "350902", "name": {"zh": "蕉城"}}
    answer = await browser.post(UNITS, json=unit, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    told = {"name": "chen.wei", "password": PASSWORD}
    assert (await browser.post("/roster/sign-in", data=told, headers=headers)).status_code == 403
    own = await browser.post(UNITS, json=unit, headers={"Origin": "http://test"})
    assert own.status_code == 201


async def test_a_page_leads_to_sign_in_and_back(browser: httpx.AsyncClient, settings: Settings) -> None:
    page = await browser.get("/roster/sign-in?next=/opinion/", headers=OWN)
    assert page.status_code == 200
    assert 'value="/opinion/"' in page.text


async def test_the_first_administrator_gets_one_link(settings: Settings) -> None:
    assert (await users.first_administrator(settings) or "").startswith("/roster/invitation?token=")
    assert await users.first_administrator(settings) is None


@pytest.mark.parametrize(
    ("roles", "county"), [([], None), ([Role.PRODUCER], None), ([Role.COUNTY_OPERATOR], None), ([Role.OPS], "350902")]
)
async def test_roles_that_an_account_cannot_have(settings: Settings, roles: list[Role], county: str | None) -> None:
    with pytest.raises(ValueError, match=r"roles are among|a county operator has a county"):
        await users.add(settings, "chen.wei", roles, county)
