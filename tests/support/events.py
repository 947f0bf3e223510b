"""Shares as the campaign tells them: what tests of delivery send down the line, because each counts as exactly one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from uuid_utils.compat import uuid7

from shared.contracts.campaign import RepostLogged
from shared.contracts.envelope import Event
from tests.support.kafka import Put

COUNTY = "350902"
JULY = datetime(2014, 7, 1, 4, tzinfo=UTC)


def share_data(at: datetime = JULY) -> RepostLogged:
    """A share of a volunteer of its own."""
    return RepostLogged(
        repost_id=uuid4(), post_id=uuid4(), volunteer_id=uuid4(), account_id=uuid4(), platform="weibo", shared_at=at
    )


def shares(count: int) -> list[Event]:
    """Shares of as many volunteers, a second apart."""
    return [_share(JULY + timedelta(seconds=number)) for number in range(count)]


def _share(at: datetime) -> Event:
    recorded = at + timedelta(seconds=3)
    return Event.of(share_data(at), id=uuid7(), time=at, recordedtime=recorded, sequence=1, county=COUNTY)


def records(events: Sequence[Event], partition: int | None = None) -> list[Put]:
    """As the relay writes them; ``partition`` instead of the one of the key."""
    return [Put(event.to_json(), event.partitionkey.encode(), partition) for event in events]
