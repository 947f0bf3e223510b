"""Whose word is taken for where a request comes from, and by which names the services may be called."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from services.opinion.throttle import CAPACITY
from shared.web.hosts import host_in, known
from tests.abuse.serving import serving
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "addresses and hosts that a request tells of itself")

HTML = {"Accept": "text/html"}
TIP = {"kind": "need", "topic": "jobs", "text": "x"}


# -- addresses ---------------------------------------------------------------------------------------------------------


async def _tried(http: httpx.AsyncClient, forwarded: str) -> int:
    """The status of a tip that lacks something, told with this ``X-Forwarded-For``: 422, or 429 over the bucket."""
    headers = HTML | {"X-Forwarded-For": forwarded}
    return (await http.post("/opinion/tell", data=TIP, headers=headers)).status_code


async def test_without_a_trusted_proxy_nobody_chooses_an_address(database_url: str, tmp_path: Path) -> None:
    """Also where uvicorn's own variable, or its default of loopback, would believe everybody."""
    settings = settings_for(database_url)
    async with serving(settings, tmp_path / "log", FORWARDED_ALLOW_IPS="*") as served:
        served.http.cookies.clear()
        statuses = [await _tried(served.http, f"192.0.2.{number}") for number in range(CAPACITY + 1)]
    assert statuses == [422] * CAPACITY + [429], "one connection's address is one bucket, whatever it tells"


async def test_behind_a_trusted_proxy_the_last_address_that_is_no_proxys_counts(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(database_url, trusted_proxies="127.0.0.0/8, 198.51.100.7")
    async with serving(settings, tmp_path / "log") as served:
        http = served.http
        http.cookies.clear()
        for number in range(CAPACITY):
            # What the client put in front is its own word; 198.51.100.7 is the outer of two proxies.
            assert await _tried(http, f"203.0.113.{number}, 192.0.2.1, 198.51.100.7") == 422
        assert await _tried(http, "203.0.113.99, 192.0.2.1") == 429
        assert await _tried(http, "192.0.2.2") == 422, "another client of the proxy has a bucket of its own"


@pytest.mark.parametrize("listed", ["*", "nginx", "10.0.0.0/33", "10.0.0.1/8"])
def test_only_addresses_and_networks_are_trusted(listed: str) -> None:
    with pytest.raises(ValidationError):
        settings_for("postgresql://", trusted_proxies=listed)


# -- hosts -------------------------------------------------------------------------------------------------------------

OURS = (
    "qingsheng.example",
    "QINGSHENG.example:443",
    "city.example",
    "localhost",
    "localhost:1",
    "127.0.0.1:8600",
    "[::1]",
)
OTHERS = (
    "evil.example",
    "qingsheng.example.evil.example",
    "evil-qingsheng.example",
    "127.0.0.1.evil.example",
    "10.0.0.1",
)
NONSENSE = ("a@localhost", "localhost:80:80", "localhost/", "[::1", "localhost, evil.example", "")


@pytest.fixture
async def http(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_for(database_url, public_url="https://qingsheng.example/", public_hosts="city.example, test")
    async with client(settings) as made:
        yield made


async def test_another_sites_name_reaches_nothing(http: httpx.AsyncClient) -> None:
    for host in (*OTHERS, *NONSENSE):
        for method, path in (("GET", "/"), ("GET", "/roster/api/v1/units"), ("GET", "/appraisal/"), ("GET", "/none")):
            answer = await http.request(method, path, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "unknown_host"), (host, path)
            assert "QINGSHENG_PUBLIC_HOSTS" in answer.json()["detail"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        # The cookie of a visitor would be another's; what is open to everybody is a write all the same.
        told = {"name": "chen.wei", "password": "wrong"}
        assert (await http.post("/roster/sign-in", data=told, headers={"Host": host})).status_code == 421


async def test_our_own_names_are_served_with_any_port(http: httpx.AsyncClient) -> None:
    for host in OURS:
        answer = await http.get("/roster/api/v1/units", headers={"Host": host})
        assert answer.status_code == 200, host


async def test_probes_of_the_network_inside_are_answered_by_any_name(http: httpx.AsyncClient) -> None:
    for path in ("healthz", "readyz", "metrics"):
        answer = await http.get(f"/roster/{path}", headers={"Host": "roster-api:8600"})
        assert answer.status_code != 421, path
    for path in ("/roster/api/v1/healthz", "/healthz", "/roster/healthz/", "/roster//metrics"):
        assert (await http.get(path, headers={"Host": "roster-api:8600"})).status_code == 421, path


def test_the_names_are_those_of_the_settings() -> None:
    def names(**told: str) -> set[str]:
        return set(known(settings_for("postgresql://", **({"public_hosts": ""} | told))))

    loopback = {"localhost", "127.0.0.1", "::1"}
    assert names() == loopback
    assert names(host="192.0.2.7") == {"192.0.2.7"}, "who listens elsewhere is not called by loopback's names"
    assert names(host="0.0.0.0", public_url="http://192.0.2.7:8080") == loopback | {"0.0.0.0", "192.0.2.7"}
    assert names(public_hosts="青声.example,[2001:db8::1]") == loopback | {"xn--4qsr56l.example", "2001:db8::1"}
    assert host_in("[2001:DB8::1]:80") == "2001:db8::1"
    assert host_in("localhost.") == "localhost"
