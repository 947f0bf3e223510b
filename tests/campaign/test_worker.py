"""The campaign's worker on real Kafka: roster events and reports in by their topics, events and answers out."""

import asyncio
import json
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from qingsheng.topics import ensure_producer_topics, ensure_topics
from shared.contracts.topics import answers_topic, events_topic, intake_topic
from tests.campaign.harness import Campaign, campaign_at, codes, repost
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

ROSTER, INTAKE, ANSWERS = events_topic("roster"), intake_topic("campaign", "feeds"), answers_topic("feeds")


async def test_reports_come_in_and_answers_go_out(stack: Servers, database_url: str, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "feeds", ["campaign"])
    async with campaign_at(database_url) as campaign, workers(settings, "campaign"):
        post_id = await campaign.post("2014-04-01 08:00")
        volunteer, account = uuid4(), uuid4()
        share, early = repost(volunteer, account, post_id), repost(volunteer, account, post_id, "2014-04-15 09:00")
        campaign.roster.registered(volunteer)
        campaign.roster.disclosed(volunteer, account)
        async with AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap_servers) as producer:
            for told in (share, early, share):
                await producer.send_and_wait(f"{topic_prefix}{INTAKE}", json.dumps(told).encode())
            await eventually(lambda: _parked(campaign, 2))
            for event in campaign.roster.told:
                key = event.partitionkey.encode()
                await producer.send_and_wait(f"{topic_prefix}{ROSTER}", event.to_json(), key)
        consumer = AIOKafkaConsumer(
            f"{topic_prefix}{ANSWERS}",
            bootstrap_servers=stack.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
        )
        answers: dict[str, str] = {}
        async with consumer:
            while len(answers) < 2:
                record = await asyncio.wait_for(consumer.getone(), 30)
                answer = json.loads(record.value or b"")
                answers[answer["data"]["request_id"]] = codes([[answer]])[0]
        assert answers == {share["id"]: "accepted", early["id"]: "volunteer_not_active"}
        assert len(await campaign.counted()) == 1


async def _parked(campaign: Campaign, count: int) -> bool:
    return await campaign.pool.fetchval("select count(*) from parked") == count
