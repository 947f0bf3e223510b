"""The campaign's worker on real Kafka: roster events and reports in by their topics, events and answers out."""

import json
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from qingsheng.topics import ensure_producer_topics, ensure_topics
from tests.campaign.harness import campaign_at, codes, repost
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually


async def test_reports_come_in_and_answers_go_out(stack: Servers, database_url: str, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "feeds", ["campaign"])
    async with campaign_at(database_url) as campaign, workers(settings, "campaign"):
        post_id = await campaign.post()
        volunteer, account = uuid4(), uuid4()
        share, early = repost(volunteer, account, post_id), repost(volunteer, account, post_id, "2014-04-01 09:00")
        known = [campaign.roster.registered_event(volunteer), campaign.roster.disclosed_event(volunteer, account)]
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap_servers) as producer:
            for told in (share, early, share):
                await producer.send_and_wait(
                    f"{topic_prefix}qingsheng.intake.campaign.feeds", json.dumps(told).encode()
                )
            # Both are parked before the roster's events come.
            await eventually(lambda: _waits(campaign, 2))
            for event in known:
                await producer.send_and_wait(
                    f"{topic_prefix}qingsheng.roster.events", event.to_json(), event.partitionkey.encode()
                )
        answers: dict[str, str] = {}
        consumer = AIOKafkaConsumer(
            f"{topic_prefix}qingsheng.intake.answers.feeds",
            bootstrap_servers=stack.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
        )
        async with consumer:
            while len(answers) < 2:
                record = await eventually(lambda: consumer.getone())
                answer = json.loads(record.value or b"")
                answers[answer["data"]["request_id"]] = codes([[answer]])[0]
        assert answers == {share["id"]: "accepted", early["id"]: "time_out_of_range"}
        assert len(await campaign.counted()) == 1


async def _waits(campaign: object, count: int) -> bool:
    return await campaign.pool.fetchval("select count(*) from parked") == count  # type: ignore[attr-defined]
