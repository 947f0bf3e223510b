"""Closed reports proved from the log, whatever became of the tables; and tables made anew while the old ones serve."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import asyncpg
import httpx
import pytest

from qingsheng.deployment import environment_of
from qingsheng.operate import rebuilding, replaying
from qingsheng.operate.rebuilding import rebuild
from qingsheng.operate.verifying import NothingClosed, verify
from services.appraisal.storage import PROJECTED
from shared.postgres import connect
from shared.settings import Settings
from tests.appraisal.test_closing import A, half_a_year, tip
from tests.appraisal.test_spans import SPANS_THAT_DIFFER
from tests.support.appraisal import API, taken_in, tell
from tests.support.kafka import Put, put
from tests.support.services import client, settings_for, workers
from tests.support.waiting import eventually


@dataclass
class Place:
    """A running appraisal with an API, and a connection with every right."""

    settings: Settings
    http: httpx.AsyncClient
    database: Any
    events: list[dict[str, Any]]

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.http.post(API + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        answer = await self.http.get(API + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def tell(self, events: list[dict[str, Any]]) -> None:
        await tell(self.settings, events)
        self.events += events
        await taken_in(self.settings, self.events)

    async def proved(self) -> list[bool]:
        return [each.proved for each in await verify(self.settings, "2014-H1")]

    async def problems(self) -> str:
        return "; ".join(problem for each in await verify(self.settings, "2014-H1") for problem in each.problems)


@asynccontextmanager
async def appraisal(settings: Settings) -> AsyncIterator[Place]:
    database: Any = await connect(settings, search_path="appraisal")
    try:
        async with workers(settings, "appraisal"), client(settings, ["appraisal"]) as http:
            yield Place(settings, http, database, [])
    finally:
        await database.close()


@pytest.fixture
async def place(database_url: str, stack, topic_prefix: str) -> AsyncIterator[Place]:
    async with appraisal(settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)) as made:
        yield made


def late_tips(log: Any) -> list[dict[str, Any]]:
    early = len(log.events)
    for day in range(6):
        tip(log, A, date(2014, 5, 2) + timedelta(days=day))
    return log.events[early:]


async def test_each_revision_is_proved_after_all_projections_were_dropped(place: Place) -> None:
    log = half_a_year()
    await place.tell(list(log.events))
    first = await place.post("/periods/2014-H1/close")
    await place.tell(late_tips(log))
    await place.post("/periods/2014-H1/reopen", {"reason": "late tips"})
    second = await place.post("/periods/2014-H1/close")
    verdicts = await verify(place.settings, "2014-H1")
    assert [(each.revision, each.digest, each.problems) for each in verdicts] == [
        (1, first["digest"], []),
        (2, second["digest"], []),
    ]
    assert verdicts[1].events - verdicts[0].events == 18

    await place.database.execute(f"truncate {', '.join(PROJECTED)}")
    assert "stored in fact otherwise" in await place.problems()
    made = await rebuild(place.settings)
    assert made.records == len(place.events)
    assert await place.proved() == [True, True]
    assert (await place.get("/reports/2014-H1"))["restated"] is None
    assert not await place.database.fetchval("select count(*) from pg_namespace where nspname ~ 'verify|rebuild'")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("update closing set record = replace(record, '\"score\":', '\"score\":1')", "not the one that the digest"),
        ("update closing set record = replace(record, 'indicator', 'indicatos')", "not the one that the digest"),
        ("update closing set digest = repeat('0', 64)", "not the one that the digest"),
        ("update closing set previous_digest = repeat('0', 64)", "closed before it"),
        ("update fact set day = day + 1 where id = (select id from fact limit 1)", "stored in fact otherwise"),
        ("update fact set flag = flag # 2 where kind = 8 and flag > 0", "stored in fact otherwise"),
        ("delete from fact where id = (select id from fact limit 1)", "stored in fact otherwise"),
        ("update quota_setting set quota = quota + 1", "stored in quota_setting otherwise"),
        (
            "insert into fact select gen_random_uuid(), gen_random_uuid(), volunteer, time, recordedtime, sequence, 0, day, "
            '9, "partition", kind, flag, county from fact where kind = 6 limit 1',
            "though not in the log",
        ),
    ],
)
async def test_whatever_is_altered_is_found(place: Place, harm: str, said: str) -> None:
    await place.tell(list(half_a_year().events))
    await place.post("/periods/2014-H1/close")
    assert await place.proved() == [True]
    await place.database.execute(harm)
    assert said in await place.problems()


FLIPS = {
    "day": "day = day + 1",
    "time": "time = time + interval '1 microsecond'",
    "recordedtime": "recordedtime = recordedtime + interval '1 microsecond'",
    "sequence": "sequence = sequence # 1",
    "flag": "flag = flag # 1::smallint",
    "county": "county = overlay(county placing chr(ascii(right(county, 1)) # 1) from length(county))",
    "subject": "subject = overlay(subject::text placing case left(subject::text, 1) when 'f' then 'e' else 'f' end "
    "from 1)::uuid",
}
"""The least that a column can differ by."""


async def test_one_flipped_byte_of_a_record_or_a_fact_is_found_by_the_command(place: Place) -> None:
    await place.tell(list(half_a_year().events))
    await place.post("/periods/2014-H1/close")
    assert await commanded(place.settings) == (0, "")
    length = await place.database.fetchval("select length(record) from closing")
    rng = Random(length)
    for at in (1, length, *(rng.randrange(2, length) for _ in range(3))):
        await place.database.execute("create table kept as table closing")
        flipped = "overlay(record placing chr(ascii(substr(record, $1, 1)) # 1) from $1)"
        await place.database.execute(f"update closing set record = {flipped}", at)
        code, said = await commanded(place.settings)
        assert code == 1, at
        assert "not the one that the digest" in said or "can no longer be read" in said, (at, said)
        await place.database.execute("update closing set record = kept.record from kept; drop table kept")
    ids = await place.database.fetch("select id from fact order by id")
    for column, change in FLIPS.items():
        chosen = rng.choice(ids)["id"]
        await place.database.execute(f"create table kept as select * from fact where id = '{chosen}'")
        await place.database.execute(f"update fact set {change} where id = '{chosen}'")
        code, said = await commanded(place.settings)
        assert (code, "stored in fact otherwise" in said) == (1, True), (column, chosen, said)
        await place.database.execute(
            f"delete from fact where id = '{chosen}'; insert into fact table kept; drop table kept"
        )
    assert await commanded(place.settings) == (0, "")


async def commanded(settings: Settings) -> tuple[int | None, str]:
    """The exit code of ``qingsheng verify``, and the problems that it tells."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "qingsheng", "verify", "2014-H1", "--json"),
        env={**os.environ, **environment_of(settings)},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, "; ".join(problem for each in json.loads(told) for problem in each["problems"])


async def test_a_record_forged_with_its_digest_is_found_by_what_is_in_the_log(place: Place) -> None:
    await place.tell(list(half_a_year().events))
    closed = await place.post("/periods/2014-H1/close")
    score = closed["counties"][0]["score"]
    await place.database.execute(
        """update closing set record = replace(record, $1, $2);
        """.strip().rstrip(";"),
        f'"score":{score}',
        f'"score":{score - 1}',
    )
    await place.database.execute("update closing set digest = encode(sha256(convert_to(record, 'UTF8')), 'hex')")
    problems = await place.problems()
    assert "recomputed from the log it differs: counties" in problems

    async def published() -> bool:
        return "the event period_closed says another digest" in await place.problems()

    await eventually(published)


async def test_dead_letters_of_then_stay_out_though_they_are_good_now(place: Place) -> None:
    log = half_a_year()
    await place.tell(list(log.events))
    bad = {"value": b"{}", "key": b"x"}
    await put(place.settings, "qingsheng.opinion.events", [Put(**bad)])
    place.events.append({})
    await taken_in(place.settings, place.events)
    await place.post("/periods/2014-H1/close")
    record = (await place.http.get(f"{API}/reports/2014-H1/record")).json()
    assert [each["topic"] for each in record["pending_dead_letters"]] == ["qingsheng.opinion.events"]
    assert await place.proved() == [True]


async def test_a_lane_that_fails_or_is_killed_fails_the_rebuild(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, too; nothing is switched, and the next one has the tables to itself."""
    monkeypatch.setattr(replaying, "MANY", 1)
    await place.tell(list(half_a_year().events))
    before = await place.database.fetchval("select sum(n) from appraisal.tally")
    fresh = replaying.fresh_tables

    @asynccontextmanager
    async def without_facts(settings: Settings, schema: str) -> AsyncIterator[Any]:
        async with fresh(settings, schema) as connection:
            await connection.execute("drop table fact")
            yield connection

    monkeypatch.setattr(rebuilding, "fresh_tables", without_facts)
    with pytest.raises(asyncpg.UndefinedTableError):
        await rebuild(place.settings)
    monkeypatch.undo()
    monkeypatch.setattr(replaying, "MANY", 1)
    monkeypatch.setattr(replaying, "_lane", _killed)
    with pytest.raises(ChildProcessError):
        await rebuild(place.settings)
    monkeypatch.undo()
    assert await place.database.fetchval("select sum(n) from appraisal.tally") == before
    assert (await rebuild(place.settings)).records == len(place.events)


def _killed(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def test_nothing_closed_is_said(place: Place) -> None:
    with pytest.raises(NothingClosed):
        await verify(place.settings, "2014-H1")


@pytest.mark.parametrize("many", [1, replaying.MANY])
async def test_a_rebuild_gives_the_same_tables_while_the_old_ones_serve(
    place: Place, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a log that is read by processes as of one that is not."""
    monkeypatch.setattr(replaying, "MANY", many)
    log = half_a_year()
    await place.tell(list(log.events))
    await place.database.execute(
        """create schema if not exists report;
           create or replace view report.rebuilt_tally as select county, sum(n) as n from appraisal.tally group by county;
           grant select on appraisal.tally to qingsheng_roster"""
    )
    before = await place.get("/reports/2014-H1")
    tallies = await place.database.fetch(
        "select measure, county, day, bucket, n from tally where n <> 0 order by 1, 2, 3, 4"
    )
    told = await place.database.fetch("select * from report.rebuilt_tally order by 1")
    await place.database.execute("update tally set n = n + 1; update person_count set n = n + 5")
    stop, answers = asyncio.Event(), []

    async def asking() -> None:
        while not stop.is_set():
            answers.append((await place.http.get(f"{API}/reports/2014-H1")).status_code)

    task = asyncio.create_task(asking())
    await rebuild(place.settings)
    stop.set()
    await task
    assert set(answers) == {200}
    again = await place.get("/reports/2014-H1")
    assert again["digest"] == before["digest"]
    rows = "select measure, county, day, bucket, n from appraisal.tally where n <> 0 order by 1, 2, 3, 4"
    assert await place.database.fetch(rows) == tallies
    assert await place.database.fetch("select * from report.rebuilt_tally order by 1") == told
    indices = "select count(*) from pg_indexes where schemaname = 'appraisal' and indexname = 'fact_telling'"
    assert await place.database.fetchval(indices) == 1
    settings = "select count(*) from pg_class where relnamespace = 'appraisal'::regnamespace and reloptions is not null"
    assert await place.database.fetchval(settings) == 0
    granted = "select has_table_privilege('qingsheng_roster', 'appraisal.tally', 'select')"
    assert await place.database.fetchval(granted)
    await place.tell(late_tips(log))  # and the worker goes on
    assert (await place.get("/reports/2014-H1"))["digest"] != before["digest"]
    assert await place.database.fetchval(SPANS_THAT_DIFFER) == 0
