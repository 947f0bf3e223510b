"""Counties apart: every endpoint that names an object, asked by an operator of another county, against docs/roles.md."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from qingsheng import users
from qingsheng.registry import SERVICES
from shared.access import accounts, sessions
from shared.access.roles import Role
from shared.settings import Settings
from tests.access.routes import Guarded, routes
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "every kind of object of another county")

OWN, FOREIGN = "350902", "350921"
BODIES: dict[str, list[Any]] = {
    "POST /roster/api/v1/volunteers/{volunteer_id}/accounts": [
        {
            "platform": "weibo",
            "disclosed_at": "2026-01-01T08:00:00+08:00",
            "verified_at": "2026-01-01T08:00:00+08:00",
            "disclosure_url": "https://e.org/d",
        }
    ],
    "POST /opinion/api/v1/corrections/{case_id}/evidence": [
        {"evidence": [{"link": "https://e.org/e", "title": "公报", "kind": "document"}]}
    ],
    "POST /training/api/v1/sessions/{session_id}/attendance-list": [b"volunteer_id,venue_no,hours\n"],
    "PUT /appraisal/api/v1/commendations/consents/{volunteer_id}": [{"unit_id": FOREIGN, "opted_in_on": "2026-01-01"}],
}
"""Where what is made from the document is not understood."""
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


async def test_another_countys_objects_are_closed(database_url: str, stack: Servers, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    token = await operator_of(settings, OWN)
    wrong: list[str] = []
    async with workers(settings, *SERVICES), client(settings) as http:
        things = await foreign_things(http)
        bodies = {service: await examples(http, service) for service in SERVICES}
        bodies["appraisal"]["POST /appraisal/commendations/{year}/consents"] = [
            {"what": "withdraw", "volunteer_id": things["volunteer_id"]}
        ]
        http.cookies.clear()
        for route in routes():
            named = set(_PARAMETER.findall(route.path))
            if route.roles is None or Role.COUNTY_OPERATOR not in route.roles or not named & things.keys():
                continue
            if not named <= things.keys():
                wrong.append(f"{route.name}: the test has nothing for {named - things.keys()}")
                continue
            path = _PARAMETER.sub(lambda found: str(things[found[1]]), route.path)
            answer = await ask(http, route, path, token, bodies)
            if named == {"year"} and route.method == "GET":  # a list: it has nothing of the other county
                if answer.status_code != 200 or things["volunteer_id"] in answer.text:
                    wrong.append(f"{route.name}: {answer.status_code} {answer.text[:300]}")
            elif answer.status_code != 403:
                wrong.append(f"{route.name}: {answer.status_code} {answer.text[:300]}")
    assert wrong == [], "\n".join(wrong)


async def operator_of(settings: Settings, county: str) -> str:
    async with users.administering(settings) as connection:
        await accounts.add(connection, "tests", f"operator-{county}", [Role.COUNTY_OPERATOR], county)
        return await sessions.begin(connection, f"operator-{county}")


async def ask(
    http: httpx.AsyncClient, route: Guarded, path: str, token: str, bodies: dict[str, dict[str, list[Any]]]
) -> httpx.Response:
    """With bodies made from the OpenAPI document, until one is understood."""
    headers = {"Authorization": f"Bearer {token}", "If-Match": "*", "Accept": "application/json"}
    service = path.split("/")[1]
    answer = await http.request(route.method, path, headers=headers)
    for body in [*BODIES.get(route.name, []), *bodies[service].get(route.name, [])]:
        if answer.status_code not in (400, 422):
            break
        told: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        told = {"data": body} if "/api/" not in path else told
        answer = await http.request(route.method, path, headers=headers, **told)
    return answer


async def examples(http: httpx.AsyncClient, service: str) -> dict[str, list[Any]]:
    """Some JSON bodies for each operation of a service."""
    document = (await http.get(f"/{service}/openapi.json")).json()
    found: dict[str, list[Any]] = {}
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = result.ok()
        if operation.method.upper() == "GET" or not operation.body:
            continue
        made = found.setdefault(f"{operation.method.upper()} /{service}{operation.path}", [])

        @hypothesis_settings(
            max_examples=20,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def keep(case: schemathesis.Case) -> None:
            made.append(case.body)  # noqa: B023  # called before the next turn

        if "application/json" in document["paths"][operation.path][operation.method]["requestBody"]["content"]:
            keep()
    return found


async def foreign_things(http: httpx.AsyncClient) -> dict[str, Any]:
    """Objects of FOREIGN by the name of the path's parameter."""
    today = datetime.now(UTC).date()
    year = (today - timedelta(days=3)).year
    since, now = (today - timedelta(days=3)).isoformat(), datetime.now(UTC).isoformat()

    async def made(path: str, body: Any, method: str = "POST") -> Any:
        async def posted() -> Any:
            answer = await http.request(method, path, json=body)
            said.append(answer.text)
            return answer.json() if answer.status_code in (200, 201) else None

        said: list[str] = []
        try:
            return await eventually(posted)
        except AssertionError:
            raise AssertionError(f"{path}: {said[-1]}") from None

    for unit_id in (OWN, FOREIGN):
        unit = {"unit_id": unit_id, "name": {"zh": unit_id}, "kind": "county", "county": unit_id}
        await made("/roster/api/v1/units", unit)
    await http.put(f"/roster/api/v1/units/{FOREIGN}/quotas/county/{year}", json={"quota": 5})
    member = {"unit_id": FOREIGN, "team": "county", "category": "reviewer"}
    volunteer_id = (await made("/roster/api/v1/volunteers", member))["volunteer_id"]
    person = f"/roster/api/v1/volunteers/{volunteer_id}"
    await made(f"{person}/register", {"registered_on": since, "consented_on": since})
    seen = f"{since}T08:00:00+08:00"
    disclosed = {"platform": "weibo", "disclosed_at": seen, "verified_at": seen, "disclosure_url": "https://e.org/d"}
    account_id = (await made(f"{person}/accounts", disclosed))["account_id"]
    post = {"channel": "weibo", "unit_id": FOREIGN, "title": "t", "url": "https://e.org/1", "published_at": now}
    post_id = (await made("/campaign/api/v1/posts", post))["post_id"]
    share = {"post_id": post_id, "volunteer_id": volunteer_id, "account_id": account_id, "shared_at": now}
    repost_id = (await made("/campaign/api/v1/reposts", share))["repost_id"]
    column = {"title": {"zh": "专栏"}, "opened_on": since, "unit_id": FOREIGN}
    column_id = (await made("/campaign/api/v1/columns", column))["column_id"]
    tip = {"channel": "phone", "kind": "need", "topic": "transport", "unit_id": FOREIGN, "text": "路灯坏了，请修。"}
    tip_id = (await made("/opinion/api/v1/tips", tip))["tip_id"]
    case = {"unit_id": FOREIGN, "claim_published_at": now, "source_kind": "forum"}
    case_id = (await made("/opinion/api/v1/corrections", case))["case_id"]
    held = {"kind": "class", "title": {"zh": "培训"}, "starts_at": f"{since}T09:00:00+08:00", "hours": 2}
    session = held | {"venue_count": 1, "organisers": [FOREIGN]}
    session_id = (await made("/training/api/v1/sessions", session))["session_id"]
    entry = {"entries": [{"volunteer_id": volunteer_id, "venue_no": 1, "hours": 2, "held_on": since}]}
    recorded = await made(f"/training/api/v1/sessions/{session_id}/attendances", entry)
    consent = {"unit_id": FOREIGN, "opted_in_on": since}
    await made(f"/appraisal/api/v1/commendations/consents/{volunteer_id}", consent, "PUT")
    await made(f"/appraisal/api/v1/commendations/{year}", {"volunteer_id": volunteer_id})
    return {
        "unit_id": FOREIGN,
        "team": "county",
        "year": year,
        "volunteer_id": volunteer_id,
        "account_id": account_id,
        "post_id": post_id,
        "repost_id": repost_id,
        "column_id": column_id,
        "tip_id": tip_id,
        "case_id": case_id,
        "session_id": session_id,
        "venue_no": 1,
        "step": "leave",
        "attendance_id": recorded["rows"][0]["attendance_id"],
    }
