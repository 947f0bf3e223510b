"""Every endpoint against the one written matrix, docs/roles.md, for every role. `python -m tests.access.test_matrix`
prints the matrix of the code."""

import re

import pytest

from qingsheng import users
from qingsheng.producers import issue_key
from qingsheng.registry import SERVICES
from services.appraisal import live
from shared.access import accounts, sessions
from shared.access.roles import OF_ACCOUNTS, Role
from shared.settings import Settings
from tests.access.routes import MATRIX, line, routes, written
from tests.support.services import client, settings_for

pytestmark = pytest.mark.fault(24, "every role at every endpoint")

UNGUARDED = {f"GET /{service}/{name}" for service in SERVICES for name in ("healthz", "readyz", "metrics")}
"""For the deployment's own network: a load balancer and Prometheus ask without signing in."""
COUNTY = "350902"
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
SAMPLES = {"unit_id": COUNTY, "county": COUNTY, "team": "county", "year": "2014", "period": "2014", "venue_no": "1"}


def test_every_route_has_one_guard() -> None:
    assert {route.name for route in routes() if route.roles is None} == UNGUARDED


def test_the_written_matrix_is_that_of_the_code() -> None:
    told = {route.name: route for route in routes() if route.roles is not None}
    matrix = written()
    assert sorted(matrix) == sorted(told), "run 'python -m tests.access.test_matrix' and look at what differs"
    lines = set(MATRIX.read_text(encoding="utf-8").splitlines())
    assert [line(route) for route in told.values() if line(route) not in lines] == []


async def headers_of(settings: Settings, role: Role) -> dict[str, str]:
    """Of somebody with this role alone."""
    if role is Role.PUBLIC:
        return {}
    if role is Role.PRODUCER:
        return {"X-API-Key": await issue_key(settings, f"system-of-{role}", ["training", "opinion", "campaign"])}
    async with users.administering(settings) as connection:
        county = COUNTY if role is Role.COUNTY_OPERATOR else None
        await accounts.add(connection, "tests", role.value, [role], county)
        token = await sessions.begin(connection, role.value)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("role", [Role.PUBLIC, Role.PRODUCER, *sorted(OF_ACCOUNTS)])
async def test_every_endpoint_lets_in_who_may_and_nobody_else(
    database_url: str, stack, topic_prefix: str, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LONGEST", 0.0)  # a stream that would stay open for minutes
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    wrong: list[str] = []
    headers = await headers_of(settings, role)
    async with client(settings) as http:
        http.cookies.clear()
        for route in routes():
            if route.roles is None:
                continue
            path = _PARAMETER.sub(
                lambda found: SAMPLES.get(found[1], "0198c0de-0000-7000-8000-000000000000"), route.path
            )
            answer = await http.request(route.method, path, headers=headers, content=b"{}")
            may = Role.PUBLIC in route.roles or role in route.roles
            turned_away = answer.status_code in (401, 403) and answer.headers["content-type"].startswith(
                "application/problem"
            )
            if answer.status_code >= 500 or turned_away == may:
                wrong.append(f"{role} {route.name}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []


if __name__ == "__main__":
    for each in routes():
        if each.roles is not None:
            print(line(each))
