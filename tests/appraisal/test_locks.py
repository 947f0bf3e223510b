"""Who waits for whom: facts of one subject for each other, those of different services never."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.appraisal.measures import Fact, Kind
from services.appraisal.storage import lock
from shared.postgres import connect
from tests.support.services import settings_for

AT = datetime(2014, 5, 1, tzinfo=UTC)


def fact(kind: Kind, subject: int) -> Fact:
    return Fact(UUID(int=subject), int(kind), UUID(int=subject), "350902", None, None, AT, date(2014, 5, 1), AT, 1, 0)


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        (fact(Kind.TIP_TRIAGED, 7), fact(Kind.TIP_RESOLVED, 7), True),
        (fact(Kind.TIP_TRIAGED, 7), fact(Kind.TIP_REPORTED, 7), True),
        (fact(Kind.TIP_REPORTED, 7), fact(Kind.TIP_REPORTED, 7), False),
        (fact(Kind.TIP_TRIAGED, 7), fact(Kind.TIP_TRIAGED, 8), False),
        (fact(Kind.TIP_TRIAGED, 7), fact(Kind.REPOST_VOIDED, 7), False),
        (fact(Kind.VOLUNTEER_LEFT, 7), fact(Kind.ATTENDANCE_VOIDED, 7), False),
    ],
)
async def test_locks_of_subjects(database_url: str, first: Fact, second: Fact, waits: bool) -> None:
    settings = settings_for(database_url, "127.0.0.1:1", "")
    one: Any = await connect(settings, search_path="appraisal")
    other: Any = await connect(settings, search_path="appraisal", lock_timeout="300ms")
    try:
        async with one.transaction():
            await lock(one, [first], None)
            if waits:
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await _locked(other, second)
            else:
                await _locked(other, second)
        await _locked(other, second)
    finally:
        await one.close()
        await other.close()


async def _locked(connection: Any, fact: Fact) -> None:
    async with connection.transaction():
        await lock(connection, [fact], None)
