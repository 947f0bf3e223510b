"""Databases for tests: copies of a template that was migrated once, kept in a pool and emptied in place between tests.

To create and drop a copy of some 900 relations costs PostgreSQL 157 ms of processor time; to empty one costs 10 ms.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

Result = TypeVar("Result")

CATALOG = """
select md5(string_agg(entry, ',' order by entry)) from (
    select 'class:' || c.oid || ':' || c.xmin from pg_class c where c.relnamespace = any($1::oid[])
    union all select 'column:' || a.attrelid || ':' || a.attnum || ':' || a.xmin
        from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = any($1::oid[])
    union all select 'trigger:' || t.oid || ':' || t.xmin from pg_trigger t
    union all select 'constraint:' || o.oid || ':' || o.xmin from pg_constraint o where o.connamespace = any($1::oid[])
    union all select 'function:' || p.oid || ':' || p.xmin from pg_proc p where p.pronamespace = any($1::oid[])
    union all select 'schema:' || n.oid || ':' || n.xmin from pg_namespace n
    union all select 'setting:' || s.setrole || ':' || array_to_string(s.setconfig, ' ')
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = current_database()
) as entries (entry)
"""
"""A digest of what a database is made of, its rows apart: another one after a test means that the test changed that."""

MIGRATED = "select schemaname from pg_tables where tablename = 'schema_migration' order by schemaname"

SCHEMAS = "select array_agg(oid) from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"

LARGE = "select exists (select from pg_class where relnamespace = any($1::oid[]) and pg_relation_size(oid) > 4 << 20)"
"""What was deleted of a large table is still read by the next test's statements."""

EMPTY = """
do $$
declare name text; filled boolean;
begin
    set local session_replication_role = replica;  -- triggers that forbid deleting, and foreign keys
    for name in select format('%I.%I', schemaname, tablename) from pg_tables
                where schemaname !~ '^pg_' and schemaname <> 'information_schema' and tablename <> 'schema_migration'
    loop
        execute format('select exists (select from %s)', name) into filled;
        if filled then execute format('delete from %s', name); end if;
    end loop;
    perform setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
        from pg_sequences where last_value is not null;
end $$
"""


def database_at(database_url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))


def create_template(database_url: str) -> str:
    """Make a migrated database that new ones are copied from; gives its name."""
    from qingsheng.migrations import migrate

    name = f"qingsheng_template_{secrets.token_hex(4)}"
    execute(database_url, f'create database "{name}"')
    migrate(database_at(database_url, name))
    # A database can be copied only while nobody is connected to it.
    execute(database_url, f'alter database "{name}" allow_connections false')
    return name


def create_database(database_url: str, template: str) -> str:
    """Make a copy of the template; gives its name."""
    name = f"qingsheng_test_{secrets.token_hex(6)}"
    execute(database_url, f'create database "{name}" template "{template}"')
    return name


def drop_database(database_url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    execute(database_url, f'drop database if exists "{name}" with (force)')


class DatabasePool:
    """Migrated, empty databases of one server, for tests that run one after another."""

    def __init__(self, database_url: str, template: str) -> None:
        self._database_url = database_url
        self._template = template
        self._free: list[str] = []
        self._catalogs: dict[str, str] = {}
        """By name of a database, the digest of what it was made of when it was new."""

    def take(self) -> str:
        """The name of a database with no rows but those of its migrations."""
        if self._free:
            return self._free.pop()
        name = create_database(self._database_url, self._template)
        self._catalogs[name] = outside_any_loop(_catalog(database_at(self._database_url, name)))
        return name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test; drop it when the test changed or filled its tables, or it cannot be emptied."""
        import asyncpg

        try:
            catalog = outside_any_loop(_emptied(database_at(self._database_url, name)))
        except (asyncpg.PostgresError, OSError, TimeoutError):
            catalog = ""
        if catalog == self._catalogs[name]:
            self._free.append(name)
        else:
            drop_database(self._database_url, name)

    def close(self) -> None:
        """Drop the databases that are free."""
        while self._free:
            drop_database(self._database_url, self._free.pop())


async def _catalog(database_url: str) -> str:
    import asyncpg

    connection = await asyncpg.connect(database_url, timeout=20)
    try:
        return await _digest(connection)
    finally:
        await connection.close()


async def _digest(connection: Any) -> str:
    catalog = await connection.fetchval(CATALOG, await connection.fetchval(SCHEMAS))
    schemas = [row["schemaname"] for row in await connection.fetch(MIGRATED)]
    versions = [await connection.fetch(f'select * from "{schema}".schema_migration order by 1') for schema in schemas]
    return f"{catalog} {versions}"


async def _emptied(database_url: str) -> str:
    """End whoever is still connected, delete all rows, and give the digest of what is left."""
    import asyncpg

    connection = await asyncpg.connect(database_url, timeout=20, command_timeout=20)
    try:
        await connection.fetch(
            """select pg_terminate_backend(pid, 10000) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )
        await connection.execute(EMPTY)
        large = await connection.fetchval(LARGE, await connection.fetchval(SCHEMAS))
        return "large" if large else await _digest(connection)
    finally:
        await connection.close()


def execute(database_url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    import asyncpg  # here, as a run of pure tests does without it

    async def run() -> None:
        connection = await asyncpg.connect(database_url, timeout=20)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    outside_any_loop(run())


def outside_any_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, whether or not this thread has an event loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
