"""Charter C11: audit lines cannot be altered, by their readers or unseen."""

import asyncio

import asyncpg
import pytest

from qingsheng import users
from shared.access import audit
from shared.access.roles import Principal, Role
from shared.postgres import in_transaction, open_pool
from tests.support.services import settings_for

WHO = Principal("chen.wei", frozenset({Role.CITY_OPERATOR}))


async def filled(database_url: str, lines: int) -> None:
    pool = await open_pool(settings_for(database_url), "roster")
    try:
        for number in range(lines):
            work = {"n": number, "zh": "查看"}
            await in_transaction(pool, lambda c, told=work: audit.record(c, WHO, "contact.read", "volunteer/1", told))
    finally:
        await pool.close()


async def test_c11_a_service_may_neither_change_nor_remove_a_line(database_url: str) -> None:
    await filled(database_url, 2)
    pool = await open_pool(settings_for(database_url), "roster")
    async with pool.acquire() as connection:
        for change in ("update audit set actor = 'someone'", "delete from audit", "truncate audit"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    await pool.close()


async def test_c11_not_even_the_owner_changes_a_line_by_mistake(database_url: str) -> None:
    await filled(database_url, 2)
    connection = await asyncpg.connect(database_url)
    for change in ("update roster.audit set actor = 'someone'", "delete from roster.audit", "truncate roster.audit"):
        with pytest.raises(asyncpg.RaiseError, match="append-only"):
            await connection.execute(change)
    await connection.close()


@pytest.mark.parametrize(
    "tampering",
    [
        "update roster.audit set actor = 'someone' where number = 3",
        "update roster.audit set details = '{}' where number = 3",
        "update roster.audit set at = at + interval '1 hour' where number = 3",
        "delete from roster.audit where number = 3",
    ],
)
async def test_c11_whoever_gets_around_that_breaks_the_chain(database_url: str, tampering: str) -> None:
    await filled(database_url, 5)
    connection = await asyncpg.connect(database_url)
    assert await audit.first_broken_line(connection, "roster.audit") is None
    await connection.execute("alter table roster.audit disable trigger append_only")
    await connection.execute(tampering)
    assert await audit.first_broken_line(connection, "roster.audit") == 3
    await connection.close()


async def test_c11_whoever_recomputes_the_hash_of_a_line_breaks_the_next(database_url: str) -> None:
    await filled(database_url, 5)
    connection = await asyncpg.connect(database_url)
    await connection.execute("alter table roster.audit disable trigger append_only")
    await connection.execute("update roster.audit set actor = 'someone' where number = 3")
    rows = await connection.fetch(
        "select *, details::text as text from roster.audit where number in (2, 3) order by number"
    )
    line = {name: rows[1][name] for name in ("number", "at", "actor", "action", "subject")} | {
        "details": rows[1]["text"]
    }
    forged = audit.hash_of_line(rows[0]["hash"], line)
    await connection.execute("update roster.audit set hash = $1 where number = 3", forged)
    assert await audit.first_broken_line(connection, "roster.audit") == 4
    await connection.close()


async def test_lines_written_at_once_follow_one_another(database_url: str) -> None:
    await asyncio.gather(*(filled(database_url, 5) for _ in range(6)))
    connection = await asyncpg.connect(database_url)
    assert await audit.first_broken_line(connection, "roster.audit") is None
    assert await connection.fetchval("select count(*) from roster.audit") == 30
    await connection.close()


async def test_c11_every_change_of_a_permission_leaves_a_line(database_url: str) -> None:
    settings = settings_for(database_url)
    await users.add(settings, "chen.wei", [Role.CITY_OPERATOR], None)
    await users.set_roles(settings, "chen.wei", [Role.COMMITTEE], None)
    await users.disable(settings, "chen.wei")
    connection = await asyncpg.connect(database_url)
    told = [(line["action"], line["subject"]) for line in await audit.lines(connection, None, 10, "access.audit")]
    await connection.close()
    assert {subject for _, subject in told} == {"account/chen.wei"}
    assert [action for action, _ in told] == [
        "account.disabled",
        "account.roles_set",
        "account.invited",
        "account.added",
    ]
