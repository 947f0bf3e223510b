"""Every topic has an owner, a key and known readers."""

import re
from datetime import timedelta

import pytest

from shared.contracts.registry import EVENT_TYPES, of_service
from shared.contracts.topics import (
    INTAKE_SERVICES,
    PRODUCER,
    PRODUCER_TOPICS,
    TOPICS,
    Topic,
    answers_topic,
    events_topic,
    intake_pattern,
    intake_topic,
)

SERVICES = {"roster", "training", "opinion", "campaign", "appraisal"}


def test_every_service_with_events_has_a_topic_for_them():
    assert {found.SERVICE for found in EVENT_TYPES.values()} == SERVICES
    assert {topic.name: topic.owner for topic in TOPICS} == {events_topic(service): service for service in SERVICES}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_events_are_kept_for_ever(topic: Topic):
    assert (topic.partitions, topic.retention) == (6, None)
    assert set(topic.consumers) <= SERVICES - {topic.owner}
    assert set(re.findall(r"\w+", topic.key)) - {"or"} == {found.KEY for found in of_service(topic.owner).values()}


def test_who_reads_what():
    readers = {topic.owner: set(topic.consumers) for topic in TOPICS}
    assert readers["roster"] == {"training", "opinion", "campaign", "appraisal"}
    assert readers["training"] == readers["opinion"] == readers["campaign"] == {"appraisal"}
    assert readers["appraisal"] == set()


def test_each_producer_has_its_topics():
    told = {topic.name: topic for topic in PRODUCER_TOPICS}
    assert set(told) == {answers_topic(PRODUCER), *(intake_topic(service, PRODUCER) for service in INTAKE_SERVICES)}
    assert told[answers_topic(PRODUCER)].retention == timedelta(days=30)
    for service in INTAKE_SERVICES:
        topic = told[intake_topic(service, PRODUCER)]
        assert (topic.retention, topic.consumers, topic.owner) == (timedelta(days=7), (service,), PRODUCER)
    assert all(topic.key and topic.partitions for topic in PRODUCER_TOPICS)


def test_a_pattern_finds_the_intake_topics_of_one_service():
    pattern = re.compile(intake_pattern("campaign"))
    assert pattern.fullmatch("qingsheng.intake.campaign.weibo-feed")
    for other in ("opinion.weibo-feed", "answers.weibo-feed", "campaign.", "campaign.a.b", "campaigns.a"):
        assert not pattern.fullmatch(f"qingsheng.intake.{other}")
    assert not pattern.fullmatch("qingsheng.campaign.events")
