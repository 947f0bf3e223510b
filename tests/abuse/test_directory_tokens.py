"""Bearer tokens of the directory stand for an account, and are believed as long as the issuer stands by their key."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from joserfc.jwk import RSAKey

from qingsheng import users
from shared.access import oidc
from shared.access.roles import Role
from shared.settings import Settings
from tests.access.provider import AUDIENCE, CLIENT, Provider, provider
from tests.access.test_directory import UNITS, through_the_directory
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "tokens of the directory: another's name, disabled accounts, dropped keys")


@pytest.fixture
def directory() -> Iterator[Provider]:
    with provider() as made:
        made.claims = {"sub": "u-1", "preferred_username": "chen.wei", "roles": ["city_operator"]}
        yield made


@pytest.fixture
def settings(database_url: str, directory: Provider) -> Settings:
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


async def _status(http: httpx.AsyncClient, token: str) -> int:
    http.cookies.clear()
    return (await http.get(UNITS, headers={"Authorization": f"Bearer {token}"})).status_code


async def test_a_name_in_a_token_is_nobodys_identity(
    browser: httpx.AsyncClient, directory: Provider, settings: Settings
) -> None:
    await users.add(settings, "chen.wei", [Role.CITY_OPERATOR], None)
    assert await _status(browser, directory.token()) == 401
    await through_the_directory(browser)
    assert await _status(browser, directory.token(preferred_username="tester")) == 200
    (own,) = [str(a["name"]) for a in await users.listed(settings) if str(a["name"]).startswith("chen.wei.")]
    await users.set_roles(settings, own, [Role.OPS], None)  # of this account, whatever the token says
    assert await _status(browser, directory.token()) == 403


async def test_a_disabled_accounts_token_ends_at_once(
    browser: httpx.AsyncClient, directory: Provider, settings: Settings
) -> None:
    await through_the_directory(browser)
    token = directory.token()
    assert await _status(browser, token) == 200
    await users.disable(settings, "chen.wei")
    assert await _status(browser, token) == 401


async def test_a_dropped_key_is_no_longer_believed(
    browser: httpx.AsyncClient, directory: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await through_the_directory(browser)
    token = directory.token()
    assert await _status(browser, token) == 200
    directory.key = RSAKey.generate_key(2048, {"kid": "two", "alg": "RS256", "use": "sig"})
    monkeypatch.setattr(oidc, "KEYS_KEPT", 0.0)
    assert await _status(browser, token) == 401
    assert await _status(browser, directory.token()) == 200


async def test_unknown_keys_do_not_have_the_issuer_asked_each_time(
    browser: httpx.AsyncClient, directory: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await through_the_directory(browser)
    assert await _status(browser, directory.token()) == 200
    before = directory.asked
    unknown = RSAKey.generate_key(2048, {"kid": "three"})
    monkeypatch.setattr(oidc, "KEYS_FLOOR", 3600.0)
    for _ in range(5):
        assert await _status(browser, directory.token(key=unknown)) == 401
    assert directory.asked == before
    monkeypatch.setattr(oidc, "KEYS_FLOOR", 0.0)
    directory.key = unknown
    assert await _status(browser, directory.token()) == 200
