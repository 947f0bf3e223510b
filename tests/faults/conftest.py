"""The deployment of a trial. Trials that take minutes run only where QINGSHENG_FAULTS is set: ``short`` or ``full``."""

import os
from collections.abc import AsyncIterator

import pytest

from qingsheng.topics import ensure_topics
from tests.faults import summary
from tests.faults.trial import Trial, trial
from tests.support.services import settings_for
from tests.support.stack import Servers

if "QINGSHENG_FAULTS" not in os.environ:
    collect_ignore = [
        "test_abuse.py",
        "test_intake.py",
        "test_intake_moments.py",
        "test_intake_owners.py",
        "test_intake_records.py",
        "test_intake_ways.py",
        "test_moments.py",
        "test_poison.py",
        "test_relays.py",
    ]


@pytest.fixture
async def tried(
    stack: Servers, database_url: str, topic_prefix: str, request: pytest.FixtureRequest
) -> AsyncIterator[Trial]:
    """A trial on the servers that all tests share: for faults that do not touch these."""
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(settings)
    async with trial(settings) as made:
        yield made
        summary.note(request, len(made.accepted), made.longest)
