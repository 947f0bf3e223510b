"""Dead letters in an operator's hands: replayed, discarded, erased; each step leaves an audit line."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from qingsheng.operate.dead_letters import discard, groups, replay
from shared.access.audit import first_broken_line
from shared.contracts.envelope import Event
from shared.delivery.dead_letters import erase_old
from shared.delivery.subscription import Read
from shared.postgres import Connection
from shared.settings import Settings
from tests.delivery.counting import Apply, counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.support.events import records, shares
from tests.support.kafka import Put, put
from tests.support.running import running
from tests.support.waiting import eventually


async def left_dead(settings: Settings, appraisal: Tables, events: Sequence[Event], good: Sequence[Event]) -> list[int]:
    """Has the worker read all these; it fails on ``events``, as with a fault that is mended later. Their letters."""
    failing = {event.id for event in events}

    def around(applies: Apply) -> Apply:
        async def apply(connection: Connection, reads: Sequence[Read[Any]]) -> None:
            if any(read.content.id in failing for read in reads):
                raise LookupError
            await applies(connection, reads)

        return apply

    await put(settings, SHARES, records([*events, *good], partition=0))
    async with running(counting_worker(settings, around)):
        await eventually(lambda: appraisal.stand_at({0: len(events) + len(good)}))
    return [letter["id"] for letter in await appraisal.dead_letters()]


async def audit(appraisal: Tables) -> list[tuple[str, Any]]:
    rows = await appraisal.pool.fetch("select actor, action, detail from audit_line order by id")
    assert all(row["actor"].startswith("cli:") for row in rows)
    # The chained log says the same.
    chained = await appraisal.pool.fetch("select actor, action, details from audit order by number")
    assert [(row["action"], row["details"]) for row in chained] == [(row["action"], row["detail"]) for row in rows]
    async with appraisal.pool.acquire() as connection:
        assert await first_broken_line(connection) is None
    return [(row["action"], row["detail"]) for row in rows]


@pytest.mark.fault(20, "dead letters replayed twice, and by two at once")
async def test_replayed_they_apply_once_also_twice_in_a_row(settings: Settings, appraisal: Tables) -> None:
    event, other = shares(2)
    # The same event lies in two letters.
    letters = await left_dead(settings, appraisal, [event, other, event], shares(2))
    assert await appraisal.count() == Counted.once(2)
    [group] = await groups(settings, "appraisal")
    assert (group["reason"], group["letters"]) == ("cannot_apply", 3)

    assert await replay(settings, "appraisal", letters[:1], None) == (1, 0)
    assert await replay(settings, "appraisal", letters[:1], None) == (0, 0)
    assert await appraisal.count() == Counted.once(3)
    assert await replay(settings, "appraisal", [], "cannot_apply") == (2, 0)
    assert await appraisal.count() == Counted.once(4)
    assert await appraisal.dead_letters() == []
    place = {"topic": settings.topic_prefix + SHARES, "partition": 0}
    assert await audit(appraisal) == [("dlq.replay", place | {"offset": offset}) for offset in (0, 1, 2)]


@pytest.mark.fault(20, "dead letters replayed twice, and by two at once")
async def test_two_operators_replay_at_once(settings: Settings, appraisal: Tables) -> None:
    letters = await left_dead(settings, appraisal, shares(6), shares(1))
    both = await asyncio.gather(*(replay(settings, "appraisal", letters, None) for _ in range(2)))
    assert (sum(applied for applied, _ in both), sum(failed for _, failed in both)) == (6, 0)
    assert await appraisal.count() == Counted.once(7)


async def test_what_is_still_bad_stays_and_can_be_discarded(settings: Settings, appraisal: Tables) -> None:
    good = records(shares(4), partition=0)
    bad = Put(b"never an event", partition=0)
    await put(settings, SHARES, [bad, good[0], bad, good[1], bad, *good[2:]])
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(4))
    first, second, third = [letter["id"] for letter in await appraisal.dead_letters()]
    assert await replay(settings, "appraisal", [first], None) == (0, 1)
    assert len(await appraisal.dead_letters()) == 3
    assert await discard(settings, "appraisal", [second], None, "test records") == 1
    assert [letter["id"] for letter in await appraisal.dead_letters()] == [first, third]
    assert await discard(settings, "appraisal", [], "not_json", "test records") == 2
    assert await discard(settings, "appraisal", [], "not_json", "test records") == 0
    topic = settings.topic_prefix + SHARES
    assert await audit(appraisal) == [
        ("dlq.discard", {"records": [[topic, 0, 2]], "because": "test records"}),
        ("dlq.discard", {"records": [[topic, 0, 0], [topic, 0, 4]], "because": "test records"}),
        ("dlq.discard", {"records": [], "because": "test records"}),
    ]


async def test_sealed_bytes_are_erased_after_thirty_days(appraisal: Tables) -> None:
    await appraisal.pool.executemany(
        """insert into dead_letter (topic, "partition", "offset", value, headers, sealed, reason, detail, arrived_at)
           values ('t', 0, $1, 'bytes', '[]', $2, 'not_json', '', now() - make_interval(days => $3))""",
        [(1, True, 31), (2, True, 29), (3, False, 31)],
    )
    async with appraisal.transaction() as connection:
        assert await erase_old(connection) == 1
    assert [letter["value"] for letter in await appraisal.dead_letters()] == [None, b"bytes", b"bytes"]
