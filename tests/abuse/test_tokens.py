"""Tokens, cookies and keys that are not what they seem. What tests/access and tests/intake/test_keys.py hold is not
repeated: revoked keys, signing out, other audiences and issuers."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from qingsheng import users
from shared.access.roles import Role
from shared.access.sessions import COOKIE, new_token
from shared.settings import Settings
from tests.abuse.serving import serving
from tests.access.provider import AUDIENCE, CLIENT, Provider, provider
from tests.access.routes import routes
from tests.access.test_directory import through_the_directory
from tests.support.producing import key_of
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(
    24, "tokens that choose how they are checked; cookies planted or changed; writes from another site"
)

UNITS = "/roster/api/v1/units"
PASSWORD = "a long sentence to remember"
OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}


@pytest.fixture
def directory() -> Iterator[Provider]:
    with provider() as made:
        made.claims = {"sub": "u-1", "preferred_username": "chen.wei", "roles": ["city_operator"]}
        yield made


def _part(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).rstrip(b"=").decode()


def _hmac_token(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    signed = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    return f"{signed}.{_part(hmac.digest(key, signed.encode(), 'sha256'))}"


async def test_no_token_chooses_how_it_is_checked(database_url: str, directory: Provider) -> None:
    now = int(time.time())
    claims = {"iss": directory.issuer, "aud": AUDIENCE, "iat": now, "exp": now + 300} | directory.claims
    own = RSAKey.generate_key(2048, {"kid": "one"})
    public = directory.key.as_pem(private=False)
    head, body, signature = directory.token().split(".")
    del head
    forged = {
        f"alg {alg}": f"{_part(json.dumps({'alg': alg, 'kid': 'one'}).encode())}.{body}.{rest}"
        for alg in ("none", "None", "nOnE", "NONE", "")
        for rest in ("", signature)
    }
    forged |= {
        f"HS256 by the public key as {name}": _hmac_token({"alg": "HS256", "kid": "one", "typ": "JWT"}, claims, key)
        for name, key in {
            "PEM": public,
            "PEM without its end": public.strip(),
            "JWK": json.dumps(directory.key.as_dict(private=False)).encode(),
            "modulus": str(directory.key.as_dict(private=False)["n"]).encode(),
            "nothing": b"",
        }.items()
    }
    inside = {"alg": "RS256", "jwk": own.as_dict(private=False)}
    forged |= {
        "a key of its own inside": jwt.encode(inside, claims, own),
        "a key from elsewhere": jwt.encode({"alg": "RS256", "jku": "http://127.0.0.1:9/keys"}, claims, own),
        "a key by a path": jwt.encode({"alg": "RS256", "kid": "../../../../dev/null"}, claims, own),
        "another's under the known name": jwt.encode({"alg": "RS256", "kid": "one"}, claims, own),
        "other words": f"{directory.token().split('.')[0]}.{_part(json.dumps(claims | {'sub': 'u-2'}).encode())}.{signature}",
        "not yet": directory.token(nbf=now + 3600),
        "expired a minute ago": directory.token(exp=now - 60),
        "expiry that is no number": directory.token(exp="never"),
        "audience with more letters": directory.token(aud=f"{AUDIENCE}-2"),
        "issuer with a slash": directory.token(iss=f"{directory.issuer}/"),
        "empty": "..",
        "long": "a." * 2 + "b" * 50_000,
    }
    settings = settings_for(
        database_url,
        oidc_issuer=directory.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret="known to both",
        oidc_audience=AUDIENCE,
        public_url="http://test",
    )
    async with client(settings, ["roster"]) as http:
        http.cookies.clear()
        taken = {}
        for name, token in forged.items():
            answer = await http.get(UNITS, headers={"Authorization": f"Bearer {token}"})
            if answer.status_code != 401:
                taken[name] = answer.status_code
        assert taken == {}
        await through_the_directory(http)
        http.cookies.clear()
        good = await http.get(UNITS, headers={"Authorization": f"Bearer {directory.token()}"})
        assert good.status_code == 200, "the same way with a sound token"


# -- cookies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def browser(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client(settings, ["roster"]) as http:
        http.cookies.clear()
        await _choose_password(http, settings)
        http.cookies.clear()
        yield http


async def _choose_password(http: httpx.AsyncClient, settings: Settings, name: str = "chen.wei") -> httpx.Response:
    token = (await users.add(settings, name, [Role.CITY_OPERATOR], None)).partition("token=")[2]
    told = {"token": token, "password": PASSWORD, "again": PASSWORD}
    return await http.post("/roster/invitation", data=told, headers=OWN)


async def _signed_in(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    told = {"name": "chen.wei", "password": PASSWORD}
    return await http.post("/roster/sign-in", data=told, headers=OWN | headers)


def _attributes(answer: httpx.Response) -> set[str]:
    [cookie] = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{COOKIE}=")]
    return {part.strip().lower() for part in cookie.split(";")[1:]}


async def test_the_cookie_is_for_this_site_and_no_script(browser: httpx.AsyncClient) -> None:
    attributes = _attributes(await _signed_in(browser))
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(each.startswith("domain") for each in attributes)


async def test_over_https_the_cookie_is_secure_as_the_proxy_tells_and_nobody_else(
    settings: Settings, tmp_path: Path
) -> None:
    """As deploy/compose.yaml runs it, with the proxy's network; and with a proxy that is not trusted."""
    for trusted, secure in (("127.0.0.0/8", True), ("192.0.2.1", False)):
        async with serving(settings, tmp_path / "log", "roster-api", QINGSHENG_TRUSTED_PROXIES=trusted) as served:
            http = served.http
            http.cookies.clear()
            name = "chen.wei" if secure else "li.na"
            await _choose_password(http, settings, name)
            told = {"name": name, "password": PASSWORD}
            answer = await http.post("/roster/sign-in", data=told, headers=OWN | {"X-Forwarded-Proto": "https"})
            assert ("secure" in _attributes(answer)) is secure


async def test_a_session_chosen_by_somebody_else_is_not_taken_over(browser: httpx.AsyncClient) -> None:
    planted = new_token()
    browser.cookies.set(COOKIE, planted, domain="test", path="/")
    assert (await browser.get(UNITS)).status_code == 401
    answer = await _signed_in(browser)
    assert answer.status_code == 303
    given = answer.cookies[COOKIE]
    assert given != planted
    browser.cookies.clear()
    assert (await browser.get(UNITS, headers={"Cookie": f"{COOKIE}={planted}"})).status_code == 401
    assert (await browser.get(UNITS, headers={"Cookie": f"{COOKIE}={given}"})).status_code == 200
    browser.cookies.clear()
    again = (await _signed_in(browser)).cookies[COOKIE]
    assert again != given, "each time another"


async def test_a_changed_cookie_is_nobodys(browser: httpx.AsyncClient, database_url: str) -> None:
    given = (await _signed_in(browser)).cookies[COOKIE]
    browser.cookies.clear()
    hashed = hashlib.sha256(given.encode()).hexdigest()
    for changed in (
        given[:-1] + ("A" if given[-1] != "A" else "B"),
        given.swapcase(),
        given[:-1],
        given + "A",
        hashed,
        "\\x" + hashed,
        "' or true --",
        "a" * 5_000,
    ):
        answer = await browser.get(UNITS, headers={"Cookie": f"{COOKIE}={changed}"})
        assert answer.status_code == 401, changed
    connection = await asyncpg.connect(database_url)
    stored = str(await connection.fetch("select * from access.session"))
    await connection.execute("update access.session set expires_at = now() - interval '1 second'")
    await connection.close()
    assert given not in stored, "whoever reads the table cannot sign in by it"
    assert (await browser.get(UNITS, headers={"Cookie": f"{COOKIE}={given}"})).status_code == 401


# -- other sites -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed_in", [True, False])
async def test_no_route_takes_a_write_from_another_site(database_url: str, signed_in: bool) -> None:
    """By walking all routes, those open to everybody too: pages of other sites do not write through their visitors."""
    wrong: list[str] = []
    async with client(settings_for(database_url)) as http:
        del http.headers["Sec-Fetch-Site"]
        if not signed_in:
            http.cookies.clear()
        for route in routes():
            if route.method in ("GET", "HEAD") or route.roles is None:
                continue
            path = "/".join(
                "0198c0de-0000-7000-8000-000000000000" if "{" in part else part for part in route.path.split("/")
            )
            for says in (
                {"Sec-Fetch-Site": "cross-site", "Origin": "http://test"},
                {"Sec-Fetch-Site": "same-site"},
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://test.evil.example"},
                {"Origin": "http://test:81"},
                *([{}] if signed_in else []),
            ):
                for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain"):
                    body = b"{}" if "json" in kind else b"name=a&password=b&token=c&again=d&text=e"
                    answer = await http.request(route.method, path, content=body, headers=says | {"Content-Type": kind})
                    if answer.status_code not in ((403,) if signed_in else (401, 403)):
                        wrong.append(f"{route.name} {says} {kind}: {answer.status_code}")
    # What cannot be understood is refused before anybody looks who sent it, and nothing has happened either.
    assert [each for each in wrong if not each.endswith((": 422", ": 400"))] == []
    assert not [each for each in wrong if "form-urlencoded" in each and "/api/" not in each]


# -- keys of other systems ---------------------------------------------------------------------------------------------


async def test_a_key_is_worth_nothing_to_whoever_reads_the_table_or_has_half_of_it(database_url: str) -> None:
    settings = settings_for(database_url)
    key = (await key_of(settings, "feeds"))["X-API-Key"]
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("select * from access.producer_key")
    await connection.close()
    [stored] = [row["key_hash"] for row in rows]
    assert key not in str(rows)
    # Keys are looked up by their hash: how long that takes tells nothing of how much of a key was right.
    assert stored == hashlib.sha256(key.encode()).digest()
    async with client(settings, ["opinion"]) as http:
        http.cookies.clear()
        for wrong in (key[:-1], key + "A", key.swapcase(), stored.hex(), "\\x" + stored.hex(), "' or true --", "qs_"):
            answer = await http.get("/opinion/api/v1/intake/answers", headers={"X-API-Key": wrong})
            assert answer.status_code == 401, wrong
        assert (await http.get("/opinion/api/v1/intake/answers", headers={"X-API-Key": key})).status_code == 200


async def test_no_producer_reads_or_takes_over_what_another_was_answered(database_url: str) -> None:
    settings = settings_for(database_url)
    one, other = await key_of(settings, "feeds"), await key_of(settings, "hotline")
    report = {"specversion": "1.0", "id": "r-1", "source": "/ext/feeds", "type": "qingsheng.intake.tip_reported.v1"}
    report |= {"time": "2014-07-01T09:00:00+08:00", "data": {}}
    async with client(settings, ["opinion"]) as http:
        http.cookies.clear()
        assert (await http.post("/opinion/api/v1/intake", json=report, headers=one)).status_code == 200
        [stolen] = (await http.post("/opinion/api/v1/intake", json=report, headers=other)).json()
        assert stolen["data"]["code"] == "source_not_allowed"

        async def listed(key: dict[str, str]) -> list[Any]:
            return (await http.get("/opinion/api/v1/intake/answers", headers=key)).json()["items"]

        # An answer is listed when no older transaction of the whole cluster is under way.
        [own] = await eventually(lambda: listed(one))
        assert own["data"]["request_id"] == "r-1"
        assert {each["data"]["code"] for each in await listed(other)} <= {"source_not_allowed"}
