"""The line: from an HTTP command or another system's report to the committee's table, through all five services."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer

from qingsheng.producers import issue_key
from shared.delivery.broker import connection_options, create_producer
from shared.settings import Settings
from tests.support import oracle
from tests.support.services import client, settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

EVERY = ("roster", "training", "opinion", "campaign", "appraisal")
COUNTY = "350902"


class Line:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        response = await self.http.post(path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    async def when_known(self, path: str, body: Any) -> Any:
        """Posts until the service has heard of what the body names."""

        async def posted() -> Any:
            response = await self.http.post(path, json=body)
            return response.json() if response.status_code in (200, 201) else None

        return await eventually(posted)


async def test_a_share_a_tip_and_an_attendance_reach_the_report(
    database_url: str, stack: Servers, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    today = datetime.now(settings.zone).date()
    since = (today - timedelta(days=3)).isoformat()
    now = datetime.now(UTC).isoformat()
    async with workers(settings, *EVERY), client(settings, EVERY) as http:
        line = Line(http)
        unit = {"unit_id": COUNTY, "name": {"zh": "蕉城"}, "kind": "county", "county": COUNTY}
        await line.post("/roster/api/v1/units", unit)
        path = f"/roster/api/v1/units/{COUNTY}/quotas/county/{today.year}"
        assert (await http.put(path, json={"quota": 2})).status_code == 200
        member = {"unit_id": COUNTY, "team": "county", "category": "reviewer"}
        volunteer_id = (await line.post("/roster/api/v1/volunteers", member))["volunteer_id"]
        path = f"/roster/api/v1/volunteers/{volunteer_id}"
        await line.post(f"{path}/register", {"registered_on": since, "consented_on": since}, 200)
        disclosure = {
            "platform": "weibo",
            "disclosed_at": f"{since}T08:00:00+08:00",
            "disclosure_url": "https://e.org/d",
        }
        disclosure["verified_at"] = disclosure["disclosed_at"]
        account_id = (await line.post(f"{path}/accounts", disclosure))["account_id"]

        post = {"channel": "weibo", "unit_id": COUNTY, "title": "t", "url": "https://e.org/1", "published_at": now}
        post_id = (await line.when_known("/campaign/api/v1/posts", post))["post_id"]
        share = {"post_id": post_id, "volunteer_id": volunteer_id, "account_id": account_id, "shared_at": now}
        await line.when_known("/campaign/api/v1/reposts", share)

        tip = {"channel": "phone", "kind": "need", "topic": "transport", "unit_id": COUNTY, "text": "路灯坏了，请修。"}
        tip_id = (await line.when_known("/opinion/api/v1/tips", tip))["tip_id"]
        await line.post(f"/opinion/api/v1/tips/{tip_id}/triage", {"responsible_unit_id": COUNTY}, 200)
        await line.post(f"/opinion/api/v1/tips/{tip_id}/resolve", {"outcome": "acted", "answered": True}, 200)

        session = {"kind": "class", "title": {"zh": "培训"}, "starts_at": f"{since}T09:00:00+08:00", "hours": 2}
        session |= {"venue_count": 1, "organisers": [COUNTY]}
        session_id = (await line.when_known("/training/api/v1/sessions", session))["session_id"]
        await _report_attendance(settings, http, session_id, volunteer_id, since)

        async def figures() -> dict[str, tuple[Any, Any]] | None:
            report = (await http.get(f"/appraisal/api/v1/reports/{today.year}")).json()
            found = {
                i["indicator"]: (i["numerator"], i["denominator"]) for c in report["counties"] for i in c["indicators"]
            }
            complete = found and all(
                found[name][0] == 1
                for name in (
                    "roster_fill",
                    "training_coverage",
                    "tips_answered",
                    "sharing_participation",
                    "posts_published",
                )
            )
            return found if complete else None

        found = await eventually(figures)
        assert found["roster_fill"] == (1, 2)
        assert found["tips_answered"] == (1, 1)
        path = f"/appraisal/api/v1/reports/{today.year}/counties/{COUNTY}/indicators/sharing_participation/evidence"
        evidence = (await http.get(path)).json()["items"]
        assert [item["part"] for item in evidence if item["counted"]] == ["numerator", "denominator"]
        report = (await http.get(f"/appraisal/api/v1/reports/{today.year}")).json()
        expected = oracle.report(await _all_events(settings), str(today.year), now=datetime.now(UTC))
        assert report["counties"] == json.loads(json.dumps(expected["counties"]))


async def _report_attendance(
    settings: Settings, http: httpx.AsyncClient, session_id: str, volunteer_id: str, held_on: str
) -> None:
    """As another system does it: over Kafka; the answer comes on its own topic and over HTTP."""
    key = await issue_key(settings, "class-registers", ["training"])
    event = {
        "specversion": "1.0",
        "id": "r-1",
        "source": "/ext/class-registers",
        "type": "qingsheng.intake.attendance_reported.v1",
        "time": datetime.now(UTC).isoformat(),
        "data": {"session_id": session_id, "volunteer_id": volunteer_id, "venue_no": 1, "hours": 2, "held_on": held_on},
    }
    producer = create_producer(settings)
    await producer.start()
    topic = f"{settings.topic_prefix}qingsheng.intake.training.class-registers"
    await producer.send_and_wait(topic, json.dumps(event).encode(), headers=[("content-type", b"\xff")])
    await producer.stop()

    async def answered() -> Any:
        response = await http.get("/training/api/v1/intake/answers", headers={"Authorization": f"Bearer {key}"})
        return response.json()["items"]

    [answer] = await eventually(answered)
    assert answer["type"] == "qingsheng.intake.accepted.v1"
    assert answer["data"]["request_id"] == "r-1"
    again = await http.post("/training/api/v1/intake", json=event, headers={"X-API-Key": key})
    assert again.json() == [answer]


async def _all_events(settings: Settings) -> list[dict[str, Any]]:
    """Everything on the event topics, from the beginning to the present end."""
    topics = [f"{settings.topic_prefix}qingsheng.{service}.events" for service in EVERY[:4]]
    consumer: Any = AIOKafkaConsumer(
        *topics,
        **connection_options(settings),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        events: list[dict[str, Any]] = []
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                events += [json.loads(record.value) for record in records]
        return events
    finally:
        await consumer.stop()
