"""Topics: who owns them, what keys them, how long they keep records, who reads them."""

import re
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Topic:
    """``retention`` None: for ever. ``consumers``: services that read it. Names are without a deployment's prefix."""

    name: str
    owner: str
    key: str
    partitions: int
    retention: timedelta | None
    consumers: tuple[str, ...]


INTAKE_SERVICES = ("training", "opinion", "campaign")
"""Services that take reports of other systems."""
PRODUCER = "{producer}"
"""Stands for the registered name of another system in the names and owners of its topics."""


def events_topic(service: str) -> str:
    """Where a service publishes its events."""
    return f"qingsheng.{service}.events"


def intake_topic(service: str, producer: str) -> str:
    """Where a producer writes its reports to a service."""
    return f"qingsheng.intake.{service}.{producer}"


def intake_pattern(service: str) -> str:
    """A regular expression for the intake topics of every producer."""
    return re.escape(f"qingsheng.intake.{service}.") + "[a-z0-9-]+"


def answers_topic(producer: str) -> str:
    """Where a producer finds the answers of all services."""
    return f"qingsheng.intake.answers.{producer}"


TOPICS = (
    Topic(
        events_topic("roster"),
        "roster",
        "unit_id, volunteer_id or sealed_on",
        6,
        None,
        ("training", "opinion", "campaign", "appraisal"),
    ),
    Topic(events_topic("training"), "training", "session_id or volunteer_id", 6, None, ("appraisal",)),
    Topic(events_topic("opinion"), "opinion", "tip_id or case_id", 6, None, ("appraisal",)),
    Topic(events_topic("campaign"), "campaign", "column_id, post_id or volunteer_id", 6, None, ("appraisal",)),
    Topic(events_topic("appraisal"), "appraisal", "scheme_id, period or volunteer_id", 6, None, ()),
)
"""The topics that every deployment has."""

PRODUCER_TOPICS = (
    *(
        Topic(intake_topic(service, PRODUCER), PRODUCER, "any", 3, timedelta(days=7), (service,))
        for service in INTAKE_SERVICES
    ),
    Topic(answers_topic(PRODUCER), ", ".join(INTAKE_SERVICES), "request id", 3, timedelta(days=30), (PRODUCER,)),
)
"""The topics that each registered producer gets; PRODUCER stands for its name."""
