"""Sign-in by OpenID Connect, against a provider on this machine."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from qingsheng import users
from shared.access.roles import Role
from shared.settings import Settings
from tests.access.provider import AUDIENCE, CLIENT, Provider, provider
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "forged, expired and wrong-audience tokens")

UNITS = "/roster/api/v1/units"
OPERATOR = {"sub": "u-1", "preferred_username": "Chen.Wei", "roles": ["city_operator", "something else"]}


@pytest.fixture(scope="module")
def directory() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def settings(database_url: str, directory: Provider) -> Settings:
    directory.claims = dict(OPERATOR)
    return settings_for(
        database_url,
        oidc_issuer=directory.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret="known to both",
        oidc_audience=AUDIENCE,
        public_url="http://test",
    )


@pytest.fixture
async def browser(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client(settings, ["roster"]) as http:
        http.cookies.clear()
        yield http


async def through_the_directory(browser: httpx.AsyncClient, next: str = "/opinion/") -> httpx.Response:
    there = (await browser.get(f"/roster/directory?next={next}")).headers["location"]
    async with httpx.AsyncClient() as elsewhere:
        back = (await elsewhere.get(there)).headers["location"]
    parts = urlsplit(back)
    assert parts.netloc == "test"
    return await browser.get(f"{parts.path}?{parts.query}", headers={"Accept": "text/html"})


async def test_a_person_of_the_directory_signs_in(browser: httpx.AsyncClient, settings: Settings) -> None:
    answer = await through_the_directory(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/opinion/")
    assert (await browser.get(UNITS)).status_code == 200
    (account,) = [a for a in await users.listed(settings) if a["name"] != "tester"]
    assert (account["name"], account["roles"]) == ("chen.wei", ["city_operator"])


async def test_roles_are_those_of_the_last_time(
    browser: httpx.AsyncClient, directory: Provider, settings: Settings
) -> None:
    await through_the_directory(browser)
    directory.claims |= {"roles": "county_operator", "county": "350902"}
    await through_the_directory(browser)
    (account,) = [a for a in await users.listed(settings) if a["name"] != "tester"]
    assert (account["roles"], account["county"]) == (["county_operator"], "350902")


async def test_no_account_made_here_is_taken_over(browser: httpx.AsyncClient, settings: Settings) -> None:
    await users.add(settings, "chen.wei", [Role.OPS], None)
    await through_the_directory(browser)
    names = {str(a["name"]): a["roles"] for a in await users.listed(settings)}
    assert names["chen.wei"] == ["ops"]
    assert any(name.startswith("chen.wei.") and roles == ["city_operator"] for name, roles in names.items())


async def test_whoever_was_disabled_here_stays_out(browser: httpx.AsyncClient, settings: Settings) -> None:
    await through_the_directory(browser)
    await users.disable(settings, "chen.wei")
    assert (await through_the_directory(browser)).status_code == 403


async def test_somebody_without_a_role_is_sent_away(browser: httpx.AsyncClient, directory: Provider) -> None:
    directory.claims |= {"roles": ["county_operator"]}  # of no county
    assert (await through_the_directory(browser)).status_code == 403


async def test_an_answer_that_was_not_asked_for_is_refused(browser: httpx.AsyncClient) -> None:
    there = (await browser.get("/roster/directory")).headers["location"]
    state = parse_qs(urlsplit(there).query)["state"][0]
    for query in ("code=code-1&state=invented", f"code=unknown&state={state}", "error=access_denied", ""):
        answer = await browser.get(f"/roster/directory/return?{query}")
        assert answer.status_code == 401, query


async def test_a_bearer_token_of_the_directory_is_taken(browser: httpx.AsyncClient, directory: Provider) -> None:
    own = {"Authorization": f"Bearer {directory.token()}"}
    assert (await browser.get(UNITS, headers=own)).status_code == 401  # nobody's account yet
    await through_the_directory(browser)
    assert (await browser.get(UNITS, headers=own)).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "another"},
        {"aud": CLIENT},
        {"iss": "https://evil.example"},
        {"exp": 1_400_000_000},
        {"exp": None},
        {"sub": "u-2"},
    ],
    ids=["audience", "id token", "issuer", "expired", "endless", "no account"],
)
async def test_a_bearer_token_for_anything_else_is_refused(
    browser: httpx.AsyncClient, directory: Provider, wrong: dict[str, object]
) -> None:
    await through_the_directory(browser)
    browser.cookies.clear()
    answer = await browser.get(UNITS, headers={"Authorization": f"Bearer {directory.token(**wrong)}"})
    assert answer.status_code == 401


async def test_a_forged_bearer_token_is_refused(browser: httpx.AsyncClient, directory: Provider) -> None:
    own = RSAKey.generate_key(2048)
    unsigned = directory.token().split(".")
    unsigned = f"eyJhbGciOiJub25lIn0.{unsigned[1]}."
    for token in (directory.token(key=own), unsigned, directory.token()[:-4] + "AAAA", "a.b.c"):
        answer = await browser.get(UNITS, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token


async def test_a_directory_that_is_away_is_said_to_be(database_url: str) -> None:
    settings = settings_for(database_url, oidc_issuer="http://127.0.0.1:1", oidc_client_id=CLIENT)
    async with client(settings, ["roster"]) as http:
        answer = await http.get("/roster/directory")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
