"""An administrator of the database changes the audit log past the services: each way shows (charter C11)."""

import asyncio
import html
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from qingsheng.operate.diagnosis import diagnose
from qingsheng.topics import ensure_topics
from services.roster import audit_seals
from shared.access import audit
from shared.clock import Clock
from shared.contracts.decoding import Decoder
from shared.contracts.roster import AuditSealed
from shared.delivery.relay import Relay
from shared.postgres import connect, in_transaction, open_pool
from shared.settings import Settings
from shared.web.i18n import catalogue
from tests.operate.asking import qingsheng
from tests.support.kafka import read
from tests.support.running import running
from tests.support.services import client, settings_for
from tests.support.stack import Servers
from tests.support.waiting import eventually

EVENTS = "qingsheng.roster.events"
TODAY = datetime.now(UTC).replace(hour=2, minute=0)
DAYS = [TODAY - timedelta(days=1), TODAY]


@dataclass
class Log:
    """The roster's log of ten lines, sealed yesterday at the fourth and today at the eighth. ``pool``: as the service;
    ``attacker``: as a superuser, the log's trigger off."""

    settings: Settings
    pool: Any
    attacker: Any

    async def write(self, lines: int) -> None:
        for number in range(lines):
            await in_transaction(
                self.pool, lambda c, n=number: audit.record(c, "chen.wei", "contact.read", "volunteer/1", {"n": n})
            )

    async def work(self, moment: datetime) -> None:
        """What the roster's worker does at that time: seals, and looks."""
        clock = Clock(self.settings.zone, story=True)
        with clock.told(moment):
            for job in audit_seals.jobs(self.settings, clock):
                await in_transaction(self.pool, job)

    async def look(self, moment: datetime) -> None:
        """The worker's look at the whole chain alone."""
        clock = Clock(self.settings.zone, story=True)
        with clock.told(moment):
            await in_transaction(self.pool, audit_seals.jobs(self.settings, clock)[1])

    async def page(self, language: str) -> str:
        async with client(self.settings, ["roster"]) as http:
            answer = await http.get("/roster/audit", headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    async def published(self) -> list[Any]:
        decode = Decoder("roster", [AuditSealed], self.settings.zone)
        return [event for record in await read(self.settings, EVENTS) if (event := decode(record.value))]

    async def rewrite(self, first: int, count: int) -> None:
        """Lines from ``first`` on that tell of somebody else, each with the hash that fits the one before."""
        await self.attacker.execute("delete from roster.audit where number >= $1", first)
        previous = await self.attacker.fetchval("select hash from roster.audit where number = $1", first - 1)
        for number in range(first, first + count):
            line = {
                "number": number,
                "at": datetime.now(UTC),
                "actor": "nobody",
                "action": "contact.read",
                "subject": "volunteer/2",
                "details": json.dumps({}),
            }
            previous = audit.hash_of_line(previous or bytes(32), line)
            await self.attacker.execute(
                """insert into roster.audit (number, at, actor, action, subject, details, hash)
                   values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)""",
                *line.values(),
                previous,
            )


@pytest.fixture
async def log(stack: Servers, database_url: str, topic_prefix: str) -> AsyncIterator[Log]:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    await ensure_topics(settings)
    pool = await open_pool(settings, "roster")
    attacker: Any = await connect(settings)
    await attacker.execute(
        """insert into roster.unit (unit_id, kind, county, name) values ('350900', 'city', '350900', '{"zh": "宁德"}')"""
    )
    made = Log(settings, pool, attacker)
    try:
        for day in DAYS:
            await made.write(4)
            await made.work(day)
        await made.write(2)
        async with running(Relay(settings, "roster")):
            await eventually(lambda: _sent(pool))
        await attacker.execute(
            """alter table roster.audit disable trigger append_only;
               alter table roster.audit_seal disable trigger append_only"""
        )
        yield made
    finally:
        attacker.terminate()
        await pool.close()


async def _sent(pool: Any) -> bool:
    return not await pool.fetchval("select exists (select from outbox)")


Attack = Callable[[Log], Awaitable[object]]


def sql(statement: str) -> Attack:
    return lambda log: log.attacker.execute(statement)


async def cut_with_its_seal(log: Log) -> None:
    """As a database that was put back to yesterday evening, with all that it knew of what it published."""
    await log.attacker.execute(
        f"""delete from roster.audit where number > 4; delete from roster.audit_seal where lines > 4;
            delete from roster.audit_check; delete from roster.stream where key = '{_local(log, DAYS[1])}'"""
    )


async def cut_and_written_on(log: Log) -> None:
    await cut_with_its_seal(log)
    await log.write(6)


async def made_anew(log: Log) -> None:
    await log.rewrite(1, 10)


async def made_anew_behind_the_first_seal(log: Log) -> None:
    await log.rewrite(6, 5)


async def made_anew_without_seals(log: Log) -> None:
    await log.rewrite(1, 10)
    await log.attacker.execute(
        "delete from roster.audit_seal; delete from roster.audit_check; delete from roster.stream"
    )


ATTACKS: dict[str, tuple[Attack, set[str]]] = {
    "a line is changed": (sql("update roster.audit set actor = 'nobody' where number = 3"), {"changed"}),
    "lines are removed from the middle": (sql("delete from roster.audit where number in (5, 6)"), {"missing"}),
    "the tail is cut": (sql("delete from roster.audit where number > 6"), {"cut"}),
    "all is cut": (sql("delete from roster.audit"), {"cut"}),
    "the tail is cut, and its seal": (cut_with_its_seal, {"cut", "seal_lost"}),
    "the tail is cut, its seal too, and written on": (cut_and_written_on, {"made_anew", "seal_lost"}),
    "the chain is made anew": (made_anew, {"made_anew"}),
    "the chain is made anew behind a seal": (made_anew_behind_the_first_seal, {"made_anew"}),
    "the chain is made anew, and no seal left": (made_anew_without_seals, {"made_anew", "seal_lost"}),
    "the seals are removed": (sql("delete from roster.audit_seal"), {"seal_lost"}),
    "a seal is made up": (
        sql("update roster.audit_seal set lines = 10, head = sha256('') where lines = 8"),
        {"made_anew", "seal_lost"},
    ),
}


def _local(log: Log, moment: datetime) -> date:
    return moment.astimezone(log.settings.zone).date()


async def test_an_unharmed_log_is_whole(log: Log) -> None:
    said = await qingsheng(log.settings, "audit", "verify", "--json")
    assert (said.code, said.json["whole"], said.json["published_seals"]) == (0, True, 2)
    [roster] = [each for each in said.json["logs"] if each["log"] == "roster.audit"]
    assert roster == {"log": "roster.audit", "lines": 10, "last_seal": str(_local(log, DAYS[1])), "faults": []}
    assert [each.check for each in await diagnose(log.settings, Path("/proc")) if "audit" in each.check] == []
    assert "unbroken; lines looked at from the last seal on: 3" in await log.page("en")
    assert "链条完整；自上次封存起检查了 3 行" in await log.page("zh")
    assert "unbroken" in (await qingsheng(log.settings, "audit", "verify")).out


@pytest.mark.parametrize("attack", ATTACKS)
async def test_whatever_is_done_to_the_log_is_found(log: Log, attack: str) -> None:
    harm, kinds = ATTACKS[attack]
    await harm(log)
    said = await qingsheng(log.settings, "audit", "verify", "--json")
    [roster] = [each for each in said.json["logs"] if each["log"] == "roster.audit"]
    assert (said.code, {fault["kind"] for fault in roster["faults"]}) == (1, kinds)
    in_words = await qingsheng(log.settings, "audit", "verify")
    assert (in_words.code, "older backup" in in_words.err) == (1, True)
    assert all(fault["what"] in in_words.out.replace("\n", "") for fault in roster["faults"])
    found = {each.check for each in await diagnose(log.settings, Path("/proc"))}
    assert {f"audit-{kind.replace('_', '-')}" for kind in kinds} <= found
    # The page says it at once where the database can show it, and all of it behind the worker's daily look.
    await log.attacker.execute("delete from roster.audit_check")
    await log.look(DAYS[1] + timedelta(hours=1))
    for language in ("zh", "en"):
        text = await log.page(language)
        assert "qingsheng audit verify" in text
        words = catalogue(language)
        for fault in roster["faults"]:
            day = fault["sealed_on"] or ""
            told = words(f"roster.audit.fault.{fault['kind']}", line=fault["line"], to=fault["to"], day=day)
            assert told in text, (told, text)


@pytest.mark.parametrize("attack", ["the tail is cut", "all is cut", "the chain is made anew"])
async def test_the_page_says_at_once_what_happened_since_the_last_look(log: Log, attack: str) -> None:
    harm, kinds = ATTACKS[attack]
    await harm(log)
    text = await log.page("en")
    assert [kind for kind in kinds if PAGE_SAYS[kind] not in text] == []


PAGE_SAYS = {"cut": "The end was cut off", "made_anew": "The chain was made anew"}


async def test_what_is_wrong_is_told_where_it_begins(log: Log) -> None:
    await log.rewrite(6, 5)
    said = await qingsheng(log.settings, "audit", "verify", "--json")
    [[fault]] = [each["faults"] for each in said.json["logs"] if each["faults"]]
    assert (fault["line"], fault["to"], fault["sealed_on"]) == (5, 8, str(_local(log, DAYS[1])))


async def test_without_kafka_it_says_that_the_database_alone_was_looked_at(log: Log) -> None:
    await cut_with_its_seal(log)
    alone = log.settings.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    said = await qingsheng(alone, "audit", "verify")
    assert (said.code, "only the database was looked at" in said.err) == (0, True)


async def test_a_seal_is_an_event_once_a_day_whoever_tries(log: Log) -> None:
    first, second = sorted(await log.published(), key=lambda event: event.data.sealed_on)
    assert [(event.data.lines, event.sequence, event.county) for event in (first, second)] == [
        (4, 1, "350900"),
        (8, 1, "350900"),
    ]
    assert (first.subject, first.partitionkey) == (f"audit/{_local(log, DAYS[0])}", str(_local(log, DAYS[0])))
    last = await log.attacker.fetchval("select hash from roster.audit where number = 8")
    assert second.data.head != last.hex()
    tomorrow = TODAY + timedelta(days=1)
    await log.write(1)
    await asyncio.gather(*(log.work(tomorrow + timedelta(hours=hour)) for hour in (0, 0, 1, 2)))
    rows = await log.pool.fetch("select value from outbox")
    sealed = [json.loads(row["value"]) for row in rows if b"audit_sealed" in row["value"]]
    assert [(event["sequence"], event["data"]["lines"]) for event in sealed] == [("1", 11)]


async def test_an_empty_log_is_not_sealed(stack: Servers, database_url: str, topic_prefix: str) -> None:
    settings = settings_for(database_url, stack.kafka_bootstrap_servers, topic_prefix)
    pool: Any = await open_pool(settings, "roster")
    try:
        await Log(settings, pool, None).work(TODAY)
        assert await pool.fetchval("select count(*) from audit_seal") == 0
        assert await _sent(pool)
    finally:
        await pool.close()
