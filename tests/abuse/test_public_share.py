"""What takes long, asked many times at once by somebody who has not signed in: it has its bound, and others are served."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from services.appraisal import queries
from services.appraisal.exports import workbook
from shared.postgres import Connection
from shared.settings import Settings
from tests.support.services import client, settings_for
from tests.support.waiting import eventually

pytestmark = pytest.mark.fault(24, "exports and past days, asked by the anonymous without end")

AT_ONCE = 20
API = "/appraisal/api/v1/reports/2014"
HTML = {"Accept": "text/html"}
LONG = (
    f"{API}?as_of=2014-06-30",
    f"{API}.xlsx?as_of=2014-06-30",
    f"{API}.csv?as_of=2014-06-30",
    f"{API}.docx?as_of=2014-06-30",
    "/appraisal/reports/2014?as_of=2014-06-30",
)
"""What reads every fact there is."""
LOCK = 190012
"""An advisory lock of this test's database alone."""


@pytest.fixture
def settings(database_url: str) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def committee(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client(settings, ["appraisal"]) as http:
        yield http


@pytest.fixture
async def public(committee: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Of the same process, not signed in."""
    async with httpx.AsyncClient(transport=committee._transport, base_url="http://test", timeout=60) as http:
        yield http


async def _seconds(http: httpx.AsyncClient, path: str) -> float:
    """Until it is answered with 200."""
    began = time.monotonic()
    answer = await http.get(path, headers=HTML)
    assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
    return time.monotonic() - began


async def test_twenty_past_days_at_once_leave_others_under_a_second(
    committee: httpx.AsyncClient,
    public: httpx.AsyncClient,
    database_url: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the database each of these waits for a lock first, as though it took a minute of its time."""
    sums_as_of = queries.sums_as_of

    async def slow(connection: Connection, *told: Any) -> Any:
        await connection.execute(f"select pg_advisory_xact_lock_shared({LOCK})")
        return await sums_as_of(connection, *told)

    monkeypatch.setattr(queries, "sums_as_of", slow)
    for path in ("/appraisal/public/2014", API):
        await _seconds(public, path)  # what is read once is read
    holder = await asyncpg.connect(database_url)
    await holder.execute(f"select pg_advisory_lock({LOCK})")
    asking = [asyncio.create_task(public.get(LONG[number % len(LONG)])) for number in range(AT_ONCE)]

    async def waiting() -> int:
        return await holder.fetchval(
            """select count(*) from pg_locks where locktype = 'advisory' and objid = $1 and not granted
               and database = (select oid from pg_database where datname = current_database())""",
            LOCK,
        )

    try:
        await eventually(waiting, 20)
        quick = {
            "the committee": await _seconds(committee, API),
            "the public's page": await _seconds(public, "/appraisal/public/2014"),
            "the public's report of today": await _seconds(public, API),
        }
        assert {name: seconds for name, seconds in quick.items() if seconds >= 1} == {}
        most = settings.database_pool_size // 4
        # Those over the share are told to come again; those within it still wait for the facts.

        async def refused() -> bool:
            return sum(task.done() for task in asking) == AT_ONCE - most

        await eventually(refused, 30)
        assert await waiting() == most
    finally:
        await holder.execute(f"select pg_advisory_unlock({LOCK})")
        await holder.close()
    answers = await asyncio.gather(*asking)
    assert sorted(answer.status_code for answer in answers) == [200] * most + [503] * (AT_ONCE - most)
    for answer in answers:
        if answer.status_code == 503:
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("busy", "5")
    for path in LONG:
        await _seconds(public, path)


async def test_twenty_exports_at_once_are_written_two_at_a_time(
    committee: httpx.AsyncClient, public: httpx.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn lasts until the file is written: threads without a connection would take the processor all the same."""
    go = threading.Event()
    written = 0
    write = workbook.workbook

    def held(*told: object) -> bytes:
        nonlocal written
        written += 1
        go.wait(60)
        return write(*told)  # type: ignore[arg-type]

    monkeypatch.setattr(workbook, "workbook", held)
    asking = [asyncio.create_task(public.get(f"{API}.xlsx")) for _ in range(AT_ONCE)]
    most = settings.database_pool_size // 4

    async def refused() -> bool:
        return sum(task.done() for task in asking) >= AT_ONCE - most

    try:
        await eventually(refused, 30)
        assert written == most
        assert await _seconds(committee, API) < 1
        signed_in = asyncio.create_task(committee.get(f"{API}.xlsx"))

        async def begun() -> bool:
            return written == most + 1

        await eventually(begun, 20)
    finally:
        go.set()
    answers = await asyncio.gather(*asking)
    assert sorted(answer.status_code for answer in answers) == [200] * most + [503] * (AT_ONCE - most)
    assert (await signed_in).status_code == 200


async def test_a_browser_is_told_as_a_page_and_what_is_left_is_given_back(
    committee: httpx.AsyncClient, public: httpx.AsyncClient
) -> None:
    share = committee._transport.app.routes[1].app.state.public_share  # type: ignore[attr-defined]
    turns = share.reads._value
    for _ in range(turns):
        await share.reads.acquire()
    refused = await public.get("/appraisal/public/2014", headers=HTML | {"Accept-Language": "en"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "Too many of the public are asking at once" in refused.text
    assert (await committee.get("/appraisal/public/2014", headers=HTML)).status_code == 200
    for _ in range(turns):
        share.reads.release()
    gone = [asyncio.create_task(public.get(LONG[0])) for _ in range(3)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)
    await _seconds(public, "/appraisal/public/2014")
    assert share.reads._value == turns
