"""Opinion's worker on real Kafka: roster events and reports in by their topics, events and answers out."""

import json
from uuid import uuid4

from qingsheng.topics import ensure_producer_topics, ensure_topics
from shared.contracts.topics import answers_topic, events_topic, intake_topic
from tests.opinion.harness import opinion_at, tip_of, tip_report
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually
from tests.training.harness import answers_on, publish


async def test_tips_of_a_hotline_and_the_retention(stack: Servers, database_url: str, topic_prefix: str) -> None:
    kafka = stack.kafka_bootstrap_servers
    settings = settings_for(database_url, kafka, topic_prefix)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "lines", ["opinion"])
    async with opinion_at(database_url) as opinion:
        old = await tip_of(opinion)
        await opinion.post(f"/tips/{old}/resolve", {"outcome": "answered", "answered": True})
        await opinion.pool.execute("update tip set resolved_at = now() - interval '181 days'")
        async with workers(settings, "opinion"):
            volunteer = uuid4()
            relayed = tip_report(relayed_by=str(volunteer), producer="lines")
            personal = tip_report(text="请回电13800138000。", producer="lines")
            reports = [json.dumps(told).encode() for told in (relayed, personal)]
            await publish(kafka, topic_prefix + intake_topic("opinion", "lines"), *reports, b"\xff no report")
            await eventually(lambda: opinion.pool.fetchval("select count(*) = 1 from parked"))
            opinion.roster.registered(volunteer)
            roster = [event.to_json() for event in opinion.roster.told]
            await publish(kafka, topic_prefix + events_topic("roster"), *roster)
            answers = await answers_on(kafka, topic_prefix + answers_topic("lines"), 2)
            assert answers == {relayed["id"]: "accepted", personal["id"]: "personal_data"}
            # What cannot be read at all is kept, sealed; texts whose time is over are gone.
            await eventually(lambda: opinion.pool.fetchval("select count(*) = 1 from dead_letter where sealed"))
            await eventually(lambda: opinion.pool.fetchval("select text is null from tip where tip_id = $1", old))
