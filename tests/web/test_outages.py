"""A broken database or broker: commands answer 503 with a problem document, and go on without a restart."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx

from tests.support.services import client, settings_for
from tests.support.severing import way_to
from tests.support.waiting import eventually

UNIT = {"unit_id": "350902", "name": {"zh": "蕉城"}, "kind": "county", "county": "350902"}

JSON = {"content-type": "application/json"}


def through(database_url: str, port: int) -> str:
    parts = urlsplit(database_url)
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=netloc))


async def define(http: httpx.AsyncClient, unit_id: str) -> httpx.Response:
    return await http.post("/roster/api/v1/units", json=UNIT | {"unit_id": unit_id, "county": unit_id})


async def test_commands_answer_503_while_the_database_is_away_and_then_go_on(database_url: str) -> None:
    parts = urlsplit(database_url)
    async with way_to(str(parts.hostname), int(parts.port or 5432)) as way:
        settings = settings_for(through(database_url, way.port), database_timeout=2.0)
        async with client(settings, ["roster"]) as http:
            assert (await define(http, "350902")).status_code == 201
            await way.cut()
            refused = await define(http, "350921")
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.headers["retry-after"]
            assert refused.json()["code"] == "unavailable"
            assert (await http.get("/roster/api/v1/units")).status_code == 503
            assert (await http.get("/roster/readyz")).status_code == 503
            assert (await http.get("/roster/healthz")).status_code == 200
            await way.mend()

            async def again() -> bool:
                return (await define(http, "350921")).status_code == 201

            await eventually(again)
            units = (await http.get("/roster/api/v1/units")).json()["items"]
            assert [unit["unit_id"] for unit in units] == ["350902", "350921"]


async def test_commands_answer_503_when_events_have_waited_too_long_for_the_broker(database_url: str) -> None:
    async with client(settings_for(database_url, outbox_patience=60.0), ["roster"]) as http:
        assert (await define(http, "350902")).status_code == 201
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("update roster.outbox set created_at = now() - interval '61 seconds'")
            refused = await define(http, "350921")
            assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
            await connection.execute("delete from roster.outbox")  # as the relay does after the acknowledgement
        finally:
            await connection.close()
        assert (await define(http, "350921")).status_code == 201


async def test_errors_are_problem_documents(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        for response, status, code in (
            (await http.get("/roster/api/v1/nothing"), 404, "not_found"),
            (await http.get("/roster/api/v1/units/999999"), 404, "not_found"),
            (await http.post("/roster/api/v1/units", content=b"{", headers=JSON), 400, "not_json"),
            (await http.post("/roster/api/v1/units", json=UNIT | {"unit_id": "x"}), 422, "schema"),
            (await http.post("/roster/api/v1/units", json=UNIT | {"party": "x"}), 422, "schema"),
            (await http.get("/roster/api/v1/units?limit=0"), 422, "schema"),
        ):
            assert response.status_code == status, response.text
            assert response.headers["content-type"] == "application/problem+json"
            told = response.json()
            assert told["code"] == code
            assert told["message"]["zh"]
            assert told["message"]["en"]


async def test_metrics_and_openapi_are_served(database_url: str) -> None:
    async with client(settings_for(database_url), ["roster"]) as http:
        assert "qingsheng_outbox_rows" in (await http.get("/roster/metrics")).text
        assert "/api/v1/units" in (await http.get("/roster/openapi.json")).json()["paths"]
