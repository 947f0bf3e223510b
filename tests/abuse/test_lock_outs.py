"""Wrong passwords delay whoever gives them; the account's owner comes in meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from qingsheng import users
from shared.access.attempts import FREE_FAILURES, LOCKED_FOR, Attempts, Failures
from shared.access.roles import Role
from shared.settings import Settings
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "wrong passwords for another's account")

NAME, PASSWORD = "chen.wei", "correct horse battery"
HERE, ELSEWHERE = "127.0.0.1", "192.0.2.9"


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Who has chosen a password on this device, and signed out."""
    async with client(settings, ["roster"]) as http:
        http.cookies.clear()
        link = await users.add(settings, NAME, [Role.CITY_OPERATOR], None)
        chosen = {"token": link.partition("token=")[2], "password": PASSWORD, "again": PASSWORD}
        assert (await http.post("/roster/invitation", data=chosen)).status_code == 303
        await http.post("/roster/sign-out")
        yield http


@asynccontextmanager
async def at(http: httpx.AsyncClient, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A stranger's browser at an address, at the same server."""
    transport = httpx.ASGITransport(app=http._transport.app, client=(address, 1))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url=http.base_url, headers=http.headers) as other:
        yield other


def attempts_of(http: httpx.AsyncClient) -> Attempts:
    """What the roster's API counts in."""
    served: Any = http._transport.app  # type: ignore[attr-defined]
    while not hasattr(served, "routes"):
        served = served.app
    return next(route.app for route in served.routes if route.path == "/roster").state.attempts


async def status(http: httpx.AsyncClient, password: str, name: str = NAME) -> int:
    return (await http.post("/roster/sign-in", data={"name": name, "password": password})).status_code


async def shut_out(http: httpx.AsyncClient) -> None:
    for _ in range(FREE_FAILURES):
        assert await status(http, "a guess of a password") == 401
    assert await status(http, PASSWORD) == 429


async def test_a_stranger_elsewhere_waits_and_the_owner_comes_in_with_any_device(owner: httpx.AsyncClient) -> None:
    async with at(owner, ELSEWHERE) as stranger, at(owner, HERE) as new_device:
        await shut_out(stranger)
        assert await status(new_device, PASSWORD) == 303
        assert await status(owner, PASSWORD) == 303


async def test_a_stranger_in_the_same_office_does_not_keep_out_a_known_device(owner: httpx.AsyncClient) -> None:
    async with at(owner, HERE) as stranger:
        await shut_out(stranger)
        assert await status(owner, PASSWORD) == 303
        # A known device may be a stolen one.
        await shut_out(owner)


async def test_many_addresses_together_wait_and_a_known_device_does_not(
    owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts_of(owner), "of_names", Failures(6))
    for name in (NAME, "nobody.here"):
        for number in range(6):
            async with at(owner, f"192.0.2.{number}") as stranger:
                assert await status(stranger, "a guess of a password", name) == 401
        async with at(owner, ELSEWHERE) as stranger:
            assert await status(stranger, PASSWORD, name) == 429
    assert await status(owner, PASSWORD) == 303


async def test_after_the_pause_one_more_wrong_password_is_one(
    owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    for counter in ("of_sources", "of_names"):
        monkeypatch.setattr(attempts_of(owner), counter, Failures(FREE_FAILURES, now=lambda: now))
    async with at(owner, ELSEWHERE) as stranger:
        await shut_out(stranger)
        now = LOCKED_FOR.total_seconds()
        assert await status(stranger, "a guess of a password") == 401
        assert await status(stranger, PASSWORD) == 303


async def test_a_forged_devices_cookie_is_a_strangers(owner: httpx.AsyncClient) -> None:
    [name] = [cookie.name for cookie in owner.cookies.jar if cookie.name.startswith("qingsheng_device")]
    for forged in ("", "x", "x.", f"x.{'0' * 64}", "世.界"):
        async with at(owner, HERE) as stranger:
            stranger.headers = httpx.Headers([*stranger.headers.raw, (b"cookie", f"{name}={forged}".encode())])
            assert await status(stranger, "a guess of a password") == 401
    async with at(owner, HERE) as stranger:
        assert await status(stranger, PASSWORD) == 429, "five forged cookies are five tries of strangers"
