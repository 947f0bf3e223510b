"""Personal data sent through every flow is found nowhere but sealed where it belongs; once erased it cannot be read."""

import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from qingsheng.producers import issue_key
from qingsheng.registry import SERVICES
from services.roster.personal import Sealed, Vault
from shared.delivery.broker import admin
from shared.settings import Settings
from tests.faults import summary
from tests.faults.trial import Trial, trial
from tests.support.kafka import Put, put, read
from tests.support.services import SECRET, client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.fault(25, "personal-data canaries through every flow"),
    pytest.mark.fault(25, summary.ONE_EACH),
]

EVERY = tuple(SERVICES)
COUNTY = "350902"
NAME, PHONE, EMAIL, HANDLE = "金丝雀雅文", "13905930077", "canary.yawen@example.org", "canary_handle_77"
CONTACT = {"name": NAME, "phone": PHONE, "email": EMAIL, "handles": {"weibo": HANDLE}}
REPORTER = "reporter.canary@example.org"
TEXT = "码头路灯坏了三天，金丝雀路口很暗。"
REFUSED = "请打电话 13805931177 找我"
CANARIES = (NAME, PHONE, PHONE[3:], EMAIL, HANDLE, REPORTER, "13805931177")


class World:
    """The whole system, with the canaries sent through every door."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient, tried: Trial) -> None:
        self.settings, self.http, self.tried = settings, http, tried
        self.answered: list[str] = []

    async def ask(self, method: str, path: str, status: int = 200, **told: Any) -> Any:
        answer = await self.http.request(method, path, **told)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def when_known(self, path: str, body: Any) -> Any:
        async def posted() -> Any:
            answer = await self.http.post(path, json=body)
            return answer.json() if answer.status_code in (200, 201) else None

        return await eventually(posted)

    def event(self, id: str, text: str) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id,
            "source": "/ext/hotline",
            "type": "qingsheng.intake.tip_reported.v1",
            "time": datetime.now(UTC).isoformat(),
            "data": {
                "channel": "hotline",
                "kind": "need",
                "topic": "transport",
                "unit_id": COUNTY,
                "text": text,
                "reported_at": datetime.now(UTC).isoformat(),
            },
        }

    async def report(self, producer_key: str, id: str, text: str) -> Any:
        event = self.event(id, text)
        answer = await self.ask("POST", "/opinion/api/v1/intake", json=event, headers={"X-API-Key": producer_key})
        self.answered.append(json.dumps(answer, ensure_ascii=False))
        return answer


@pytest.fixture
async def world(
    database_url: str,
    stack: Servers,
    topic_prefix: str,
    caplog: pytest.LogCaptureFixture,
    request: pytest.FixtureRequest,
) -> AsyncIterator[World]:
    caplog.set_level(logging.DEBUG)
    # What libraries say of each byte they send is not written in a deployment, whose level is INFO.
    for noisy in ("aiokafka", "faststream", "httpcore", "httpx", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.INFO)
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    async with workers(settings, *EVERY), client(settings, EVERY) as http, trial(settings, bare=True) as tried:
        await tried.listen(*EVERY)
        yield World(settings, http, tried)
        summary.note(request, len(tried.accepted), tried.longest)


async def test_canaries_are_found_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    volunteer_id = await everywhere(world)
    for place, content in await all_places(world, caplog):
        found = [canary for canary in CANARIES if canary.encode() in content]
        assert found == [], f"{found} in {place}"
        if place.startswith("table ") and not place.startswith("table opinion."):
            assert TEXT.encode() not in content, f"a tip's text in {place}"
        if place.startswith("topic ") and ".intake.opinion." not in place:
            assert TEXT.encode() not in content, f"a tip's text in {place}"
    assert any(TEXT.encode() in content for _, content in await all_places(world, caplog)), "nothing would be found"
    kept = await world.ask("GET", f"/roster/api/v1/volunteers/{volunteer_id}/contact")
    assert (kept["name"], kept["email"]) == (NAME, EMAIL), "the canaries have been sent after all"
    await all_is_applied(world)


async def test_after_erasure_nothing_can_be_decrypted(world: World) -> None:
    volunteer_id = await everywhere(world)
    connection = await asyncpg.connect(world.settings.database_url)
    stolen = await connection.fetchrow(
        "select wrapped_key, sealed from roster.contact where volunteer_id = $1", volunteer_id
    )
    assert Vault(SECRET).open(UUID(volunteer_id), Sealed(*stolen)).name == NAME, "until then they can"
    version = (await world.http.get(f"/roster/api/v1/volunteers/{volunteer_id}")).headers["etag"]
    await world.ask("POST", f"/roster/api/v1/volunteers/{volunteer_id}/erase", headers={"If-Match": version})
    left = await connection.fetchval(
        """select (select count(*) from roster.contact where volunteer_id = $1)
                + (select count(*) from roster.contact_hash where volunteer_id = $1)""",
        volunteer_id,
    )
    assert left == 0
    # Whoever kept the sealed bytes, and has the deployment's secret, opens them with no key that is left.
    keys = await connection.fetch("select volunteer_id, wrapped_key from roster.contact")
    await connection.close()
    for key in [*(row["wrapped_key"] for row in keys), bytes(60)]:
        with pytest.raises(ValueError, match=r"do(es)? not open"):
            Vault(SECRET).open(UUID(volunteer_id), Sealed(key, stolen["sealed"]))
    gone = await world.http.get(f"/roster/api/v1/volunteers/{volunteer_id}/contact")
    assert NAME not in gone.text
    assert EMAIL not in gone.text
    await all_is_applied(world)


async def all_is_applied(world: World) -> None:
    """What was accepted on the way is applied once; of the reports each has its one answer."""
    told = await world.tried.hear()
    answers = {
        answer["id"]: answer["data"]
        for answer in (
            json.loads(record.value or b"") for record in await read(world.settings, "qingsheng.intake.answers.hotline")
        )
    }
    assert sorted(data["request_id"] for data in answers.values()) == ["r-1", "r-2", "r-3", "r-4"]
    assert {id for data in answers.values() for id in data.get("event_ids", [])} <= told
    await world.tried.holds()


async def everywhere(world: World) -> str:
    """Sends the canaries through every door that takes personal data, and through those that must refuse it."""
    today = datetime.now(world.settings.zone).date()
    since = (today - timedelta(days=3)).isoformat()
    unit = {"unit_id": COUNTY, "name": {"zh": "蕉城"}, "kind": "county", "county": COUNTY}
    await world.ask("POST", "/roster/api/v1/units", 201, json=unit)
    path = f"/roster/api/v1/units/{COUNTY}/quotas/county/{today.year}"
    await world.ask("PUT", path, json={"quota": 5})
    member = {"unit_id": COUNTY, "team": "county", "category": "reviewer", "contact": CONTACT}
    volunteer_id = (await world.ask("POST", "/roster/api/v1/volunteers", 201, json=member))["volunteer_id"]
    path = f"/roster/api/v1/volunteers/{volunteer_id}"
    await world.ask("POST", f"{path}/register", json={"registered_on": since, "consented_on": since})
    disclosure = {"platform": "weibo", "disclosed_at": f"{since}T08:00:00+08:00", "disclosure_url": "https://e.org/d"}
    await world.ask("POST", f"{path}/accounts", 201, json=disclosure | {"verified_at": disclosure["disclosed_at"]})
    await world.http.post("/roster/api/v1/volunteers", json=member)  # the same person once more
    await world.http.get(f"{path}/contact")
    await world.http.get(f"{path}/export")
    await world.http.post(
        "/roster/api/v1/volunteers", json={"contact": CONTACT}
    )  # refused: what it was about is not told
    await world.http.post("/roster/api/v1/units", json={"unit_id": EMAIL, "phone": PHONE})
    tip = {"channel": "phone", "kind": "need", "topic": "transport", "unit_id": COUNTY, "text": TEXT}
    told = await world.when_known("/opinion/api/v1/tips", tip | {"contact": REPORTER})
    await world.ask("POST", f"/opinion/api/v1/tips/{told['tip_id']}/triage", json={"responsible_unit_id": COUNTY})
    await world.http.post("/opinion/api/v1/tips", json=tip | {"text": REFUSED})
    key = await issue_key(world.settings, "hotline", ["opinion"])
    await world.report(key, "r-1", TEXT)
    (refused,) = await world.report(key, "r-2", REFUSED)
    assert refused["data"]["code"] == "personal_data"
    # What cannot be read at all goes to dead letters, sealed.
    broken = json.dumps({"specversion": "1.0", "data": {"text": f"{NAME} {PHONE} {EMAIL}"}}).encode()
    over_kafka = [Put(json.dumps(world.event(id, text)).encode()) for id, text in (("r-3", TEXT), ("r-4", REFUSED))]
    over_kafka += [Put(None, broken), Put(None, b"{" + EMAIL.encode())]
    await put(world.settings, "qingsheng.intake.opinion.hotline", over_kafka)

    async def letters() -> bool:
        connection = await asyncpg.connect(world.settings.database_url)
        try:
            query = (
                "select (select count(*) from opinion.dead_letter), (select count(answer) from opinion.intake_request)"
            )
            return tuple(await connection.fetchrow(query)) == (2, 4)
        finally:
            await connection.close()

    async def sent() -> bool:
        connection = await asyncpg.connect(world.settings.database_url)
        try:
            counts = [await connection.fetchval(f"select count(*) from {service}.outbox") for service in EVERY]
            return sum(counts) == 0
        finally:
            await connection.close()

    await eventually(letters)
    await eventually(sent)
    return volunteer_id


async def all_places(world: World, caplog: pytest.LogCaptureFixture) -> list[tuple[str, bytes]]:
    """Every table, topic, log line and metric, with what stands there."""
    places = [("answers", "".join(world.answered).encode()), ("logs", caplog.text.encode())]
    connection = await asyncpg.connect(world.settings.database_url)
    tables = await connection.fetch(
        "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    )
    for schema, table in tables:
        rows = await connection.fetch(f'select t.* from "{schema}"."{table}" t')
        content = b"\n".join(
            value if isinstance(value, bytes) else str(value).encode()
            for row in rows
            for value in row
            if value is not None
        )
        places.append((f"table {schema}.{table}", content))
    await connection.close()
    async with admin(world.settings) as kafka:
        topics = [topic for topic in await kafka.list_topics() if topic.startswith(world.settings.topic_prefix)]
    for topic in sorted(topics):
        name = topic.removeprefix(world.settings.topic_prefix)
        if ".intake.opinion." in name:
            continue  # reports themselves, for seven days
        records = await read(world.settings, name)
        places.append((f"topic {name}", b"\n".join((record.key or b"") + (record.value or b"") for record in records)))
    places += [(f"metrics of {service}", (await world.http.get(f"/{service}/metrics")).content) for service in EVERY]
    assert {place for place, _ in places} >= {"table roster.contact", "topic qingsheng.roster.events"}
    return places
