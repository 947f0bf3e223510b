"""A stored offset set back on purpose: read once more, counted once, audited, never beside a running worker."""

from datetime import UTC, datetime, timedelta

from shared.settings import Settings
from tests.delivery.counting import counting_worker
from tests.delivery.tables import SHARES, Counted, Tables
from tests.operate.asking import Said, qingsheng
from tests.support.events import records, shares
from tests.support.kafka import put
from tests.support.running import running
from tests.support.waiting import eventually


async def replay(settings: Settings, since: str, *more: str) -> Said:
    return await qingsheng(settings, "replay", "appraisal", "--topic", SHARES, "--from", since, *more)


async def ended(appraisal: Tables) -> None:
    """As if the worker had ended a while ago."""
    await appraisal.pool.execute("update worker_state set at = at - interval '1 minute'")


async def test_refused_beside_a_worker_then_read_again_and_counted_once(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, [*records(shares(20), partition=0), *records(shares(5), partition=1)])
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(25))
        refused = await replay(settings, "beginning")
        assert (refused.code, "worker runs" in refused.err) == (1, True)
    await ended(appraisal)
    assert await appraisal.offsets() == {0: 20, 1: 5}

    assert (await replay(settings, "7", "--partition", "0")).code == 0
    assert await appraisal.offsets() == {0: 7, 1: 5}
    await appraisal.pool.execute("delete from fact; delete from tally; delete from person_count")
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(13))
    await ended(appraisal)
    assert (await replay(settings, "beginning")).code == 0
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(25))
        assert await appraisal.count() == Counted.once(25)
    lines = await appraisal.pool.fetch("select action, subject, details from audit order by number")
    topic = f"topic/{settings.topic_prefix}{SHARES}"
    assert [tuple(line) for line in lines] == [
        ("replay", topic, {"offsets": {"0": [20, 7]}}),
        ("replay", topic, {"offsets": {"0": [20, 0], "1": [5, 0]}}),
    ]


async def test_by_time_and_never_forward(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(10), partition=0))
    await appraisal.store_offset(4)
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert (await replay(settings, later)).code == 0
    assert (await replay(settings, "9", "--partition", "0")).code == 0
    assert await appraisal.offsets() == {0: 4}
    assert (await replay(settings, (datetime.now(UTC) - timedelta(hours=1)).isoformat())).code == 0
    assert await appraisal.offsets() == {}
    assert (await replay(settings, "11", "--partition", "0")).code == 1
    assert (await replay(settings, "yesterday")).code == 2


async def test_out_of_where_nothing_can_be_read(settings: Settings, appraisal: Tables) -> None:
    await put(settings, SHARES, records(shares(3), partition=0))
    await appraisal.store_offset(10)
    assert (await replay(settings, "beginning")).code == 0
    async with running(counting_worker(settings)):
        await eventually(appraisal.counted(3))


async def test_discarding_needs_a_reason(settings: Settings) -> None:
    assert (await qingsheng(settings, "dlq", "discard", "appraisal", "1")).code == 2
    assert (await qingsheng(settings, "dlq", "discard", "appraisal", "1", "--because", " ")).code == 2
    assert (await qingsheng(settings, "dlq", "discard", "appraisal", "1", "--because", "a test's letters")).code == 0


async def test_what_waits_for_a_decision_is_listed_with_what_comes_next(settings: Settings, appraisal: Tables) -> None:
    assert "No service has dead letters." in (await qingsheng(settings, "dlq", "list")).out
    topic = settings.topic_prefix + SHARES
    await appraisal.pool.execute(
        f"""insert into dead_letter (topic, "partition", "offset", headers, sealed, reason, detail)
            values ('{topic}', 0, 0, '[]', false, 'not_json', ''), ('{topic}', 0, 1, '[]', false, 'not_json', '');
            insert into consumer_pause (topic, reason) values ('{topic}', 'too many')"""
    )
    listed = (await qingsheng(settings, "dlq", "list")).out
    assert "qingsheng dlq show SERVICE ID" in listed
    assert f"qingsheng dlq resume appraisal {topic}" in listed
    assert "not_json" in listed
    told = (await qingsheng(settings, "dlq", "list", "--json")).json
    assert [(row["reason"], row["letters"]) for row in told["appraisal"]["dead_letters"]] == [("not_json", 2)]
    assert told["roster"] == {"dead_letters": [], "paused": []}
    one = (await qingsheng(settings, "dlq", "list", "appraisal", "--json")).json
    assert one == told["appraisal"]
