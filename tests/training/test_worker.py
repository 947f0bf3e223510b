"""Training's worker on real Kafka: roster events and reports in by their topics, events and answers out."""

import json
from uuid import uuid4

from qingsheng.topics import ensure_producer_topics, ensure_topics
from shared.contracts.topics import answers_topic, events_topic, intake_topic
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually
from tests.training.harness import answers_on, publish, training_at
from tests.training.test_api import held
from tests.training.test_intake import attendance


async def test_a_venue_list_comes_before_its_volunteers(stack: Servers, database_url: str, topic_prefix: str) -> None:
    kafka = stack.kafka_bootstrap_servers
    settings = settings_for(database_url, kafka, topic_prefix, parking_seconds=2)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "registers", ["training"])
    async with training_at(database_url) as training, workers(settings, "training"):
        session_id, volunteer = await held(training), uuid4()
        known = attendance(session_id, volunteer, producer="registers")
        lost = attendance(uuid4(), volunteer, producer="registers")
        reports = [json.dumps(told).encode() for told in (known, lost, known)]
        await publish(kafka, topic_prefix + intake_topic("training", "registers"), *reports)
        await eventually(lambda: training.pool.fetchval("select count(*) = 2 from parked"))
        training.roster.registered(volunteer)
        roster = [event.to_json() for event in training.roster.told]
        await publish(kafka, topic_prefix + events_topic("roster"), *roster)
        answers = await answers_on(kafka, topic_prefix + answers_topic("registers"), 2)
        assert answers == {known["id"]: "accepted", lost["id"]: "unknown_session"}
        assert await training.pool.fetchval("select count(*) from attendance") == 1
