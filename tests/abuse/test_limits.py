"""Limits over HTTP: they hold, say when to come again, and leave others alone. Those of intake: tests/intake/test_keys.py."""

import httpx
import pytest

from services.opinion.throttle import CAPACITY
from shared.access.attempts import FREE_FAILURES, FREE_FROM_ADDRESS, LOCKED_FOR, Failures, TooMany
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "rate limits: of passwords, tips and reports")

HTML = {"Accept": "text/html"}


async def _tries(http: httpx.AsyncClient, name: str) -> httpx.Response:
    return await http.post("/roster/sign-in", data={"name": name, "password": "wrong"}, headers=HTML)


async def test_names_that_nobody_has_wait_like_others(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        http.cookies.clear()
        for _ in range(FREE_FAILURES):
            assert (await _tries(http, "nobody.here")).status_code == 401
        refused = await _tries(http, "nobody.here")
        assert refused.status_code == 429
        assert 290 < int(refused.headers["retry-after"]) <= 300
        assert (await _tries(http, "somebody.else")).status_code == 401


async def test_one_address_waits_after_many_names(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        http.cookies.clear()
        for number in range(FREE_FROM_ADDRESS):
            assert (await _tries(http, f"name{number}")).status_code == 401
        refused = await _tries(http, "another")
        assert (refused.status_code, bool(refused.headers["retry-after"])) == (429, True)


def test_tries_are_forgotten_taken_back_and_bounded() -> None:
    now = 0.0
    failures = Failures(2, now=lambda: now)
    failures.count("a")
    failures.take_back("a")
    failures.count("a")
    failures.count("a")
    for _ in range(2):
        with pytest.raises(TooMany) as raised:
            failures.count("a")
        assert raised.value.seconds == LOCKED_FOR.total_seconds()
    failures.count("b")
    now = LOCKED_FOR.total_seconds() + 1
    failures.count("a")
    for number in range(20_000):
        failures.count(str(number))
    assert len(failures._kept) <= 10_000


async def test_the_public_form_holds_back_one_address_and_nobody_else(database_url: str) -> None:
    settings = settings_for(database_url)
    told = {"kind": "need", "topic": "jobs", "text": "x"}
    async with client(settings, ["opinion"]) as http:
        http.cookies.clear()
        statuses = [
            (await http.post("/opinion/tell", data=told, headers=HTML)).status_code for _ in range(CAPACITY + 2)
        ]
        assert statuses == [422] * CAPACITY + [429] * 2
        refused = await http.post("/opinion/tell", data=told, headers=HTML)
        assert int(refused.headers["retry-after"]) > 0
        assert (await http.get("/opinion/tell", headers=HTML)).status_code == 200
        elsewhere = httpx.ASGITransport(app=http._transport.app, client=("192.0.2.9", 1))  # type: ignore[attr-defined]
        async with httpx.AsyncClient(transport=elsewhere, base_url="http://test", headers=http.headers) as other:
            assert (await other.post("/opinion/tell", data=told, headers=HTML)).status_code == 422
