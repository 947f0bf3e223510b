"""The campaign's worker on real Kafka: roster events and reports in by their topics, events and answers out."""

import asyncio
import json
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from qingsheng.topics import ensure_producer_topics, ensure_topics
from shared.contracts.topics import answers_topic, events_topic, intake_topic
from shared.delivery.broker import create_producer
from tests.campaign.harness import Campaign, campaign_at, codes, repost, withdrawal
from tests.support.kafka import kafka_at
from tests.support.services import settings_for, workers
from tests.support.stack import Servers
from tests.support.waiting import eventually

ROSTER, INTAKE, ANSWERS = events_topic("roster"), intake_topic("campaign", "feeds"), answers_topic("feeds")


async def test_reports_come_in_and_answers_go_out(stack: Servers, database_url: str, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "feeds", ["campaign"])
    async with campaign_at(database_url) as campaign, workers(settings, "campaign"):
        post_id = await campaign.published("2014-04-01 08:00")
        volunteer, account = uuid4(), uuid4()
        share, early = repost(volunteer, account, post_id), repost(volunteer, account, post_id, "2014-04-15 09:00")
        campaign.roster.registered(volunteer)
        campaign.roster.disclosed(volunteer, account)
        async with create_producer(kafka_at(stack.kafka_bootstrap_servers)) as producer:
            for told in (share, early, share):
                await producer.send_and_wait(f"{topic_prefix}{INTAKE}", json.dumps(told).encode())
            await eventually(lambda: _parked(campaign, 2))
            for event in campaign.roster.told:
                key = event.partitionkey.encode()
                await producer.send_and_wait(f"{topic_prefix}{ROSTER}", event.to_json(), key)
        consumer = AIOKafkaConsumer(
            f"{topic_prefix}{ANSWERS}",
            **kafka_at(stack.kafka_bootstrap_servers),
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


async def test_the_wait_ends_once_the_topics_waited_for_have_been_read(
    stack: Servers, database_url: str, topic_prefix: str
) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix, parking_seconds=0.2)
    await ensure_topics(settings)
    await ensure_producer_topics(settings, "feeds", ["campaign"])
    async with campaign_at(database_url) as campaign:
        volunteer, account = await campaign.sharer()
        reports = {
            "unknown_volunteer": repost(uuid4(), uuid4(), uuid4()),
            "unknown_account": repost(volunteer, uuid4(), uuid4()),
            "unknown_post": repost(volunteer, account, uuid4()),
            "unknown_report": withdrawal("never-sent"),
        }
        assert codes(await campaign.take(*reports.values())) == ["waiting"] * 4
        async with workers(settings, "campaign"):
            await eventually(lambda: _parked(campaign, 0))
        rows = await campaign.pool.fetch("select id, answer from intake_request")
        answers = {row["id"]: json.loads(row["answer"])["data"]["code"] for row in rows}
        assert answers == {told["id"]: code for code, told in reports.items()}


async def _parked(campaign: Campaign, count: int) -> bool:
    return await campaign.pool.fetchval("select count(*) from parked") == count
