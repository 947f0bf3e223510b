"""Migrations apply from empty, apply again without change, and give each service a schema and a role of its own."""

import asyncpg
import pytest

from qingsheng.migrations import MigrationFailed, amigrate
from qingsheng.registry import SERVICES
from shared.postgres import role_of


async def test_migrations_apply_from_empty_and_again(empty_database_url: str) -> None:
    await amigrate(empty_database_url)
    first = await _tables(empty_database_url)
    await amigrate(empty_database_url)
    assert await _tables(empty_database_url) == first
    for service in SERVICES:
        assert (service, "outbox") in first
        assert (service, "consumer_offset") in first


async def test_a_service_sees_its_own_schema_only(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"set role {role_of('campaign')}")
        await connection.execute("select * from campaign.outbox")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("select * from roster.outbox")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("create table campaign.more (n int)")
    finally:
        await connection.close()


async def test_audit_lines_cannot_be_changed_by_the_service(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"set role {role_of('roster')}; set search_path to roster")
        await connection.execute("insert into audit_line (actor, action, detail) values ('a', 'b', '{}')")
        for change in ("update audit_line set actor = 'c'", "delete from audit_line", "truncate audit_line"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)
    finally:
        await connection.close()


async def test_a_broken_database_is_told(empty_database_url: str) -> None:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create schema roster; create table roster.outbox (n int)")
    await connection.close()
    with pytest.raises(MigrationFailed, match="schema roster"):
        await amigrate(empty_database_url)


async def _tables(database_url: str) -> set[tuple[str, str]]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "select table_schema, table_name from information_schema.tables where table_schema = any($1::text[])",
            list(SERVICES),
        )
        return {(row["table_schema"], row["table_name"]) for row in rows}
    finally:
        await connection.close()
