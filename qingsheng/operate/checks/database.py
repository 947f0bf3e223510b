"""PostgreSQL: reachable, of a version we know, migrated, with roles that may do what they must and no more."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg

from qingsheng.migrations import ROOT
from qingsheng.operate.finding import Finding
from qingsheng.registry import ACCESS, SERVICES
from shared.postgres import connect, role_of
from shared.settings import Settings

OLDEST = 17
MOST_SECONDS_APART = 2.0
APPEND_ONLY = {"audit", "audit_line", "audit_seal", "closing", "scheme", "commendation"}
"""Tables whose role may add and read, but not change or remove."""


async def database(settings: Settings) -> list[Finding]:
    """All checks of the database; nothing more than that it cannot be reached, where it cannot."""
    try:
        connection: Any = await connect(settings)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        what = f"PostgreSQL cannot be reached: {type(error).__name__}: {error or 'no answer'}"
        mend = "docker compose up -d postgres; then docker compose logs postgres, and look at QINGSHENG_DATABASE_URL"
        return [Finding("postgres-unreachable", "error", what, mend)]
    try:
        return [
            *await _version(connection),
            *await _clock(connection),
            *await _connections(connection),
            *await _migrations(connection),
            *await _permissions(connection),
        ]
    finally:
        connection.terminate()


async def _version(connection: Any) -> list[Finding]:
    number = int(await connection.fetchval("show server_version_num")) // 10000
    if number >= OLDEST:
        return []
    mend = f"move to PostgreSQL {OLDEST} or later: qingsheng backup DIR, a new server, qingsheng restore DIR"
    return [Finding("postgres-version", "error", f"PostgreSQL is {number}; {OLDEST} is needed", mend)]


async def _clock(connection: Any) -> list[Finding]:
    before = time.time()
    there = float(await connection.fetchval("select extract(epoch from clock_timestamp())"))
    return clock_apart("PostgreSQL", there, before, time.time())


def clock_apart(whose: str, there: float, before: float, after: float) -> list[Finding]:
    """``there``: what the other clock said between our ``before`` and ``after``, in seconds since 1970."""
    apart = max(before - there, there - after, 0.0)
    if apart <= MOST_SECONDS_APART:
        return []
    mend = "chronyc makestep on every host (timedatectl set-ntp true where chrony is missing)"
    return [Finding("clock", "error", f"{whose}'s clock is {apart:.1f} s from this host's", mend)]


async def _connections(connection: Any) -> list[Finding]:
    used, most = await connection.fetchrow(
        "select (select count(*) from pg_stat_activity), current_setting('max_connections')::int"
    )
    if used < most * 0.9:
        return []
    mend = "alter system set max_connections = 500, restart PostgreSQL; or lower QINGSHENG_DATABASE_POOL_SIZE"
    return [Finding("postgres-connections", "warning", f"{used} of {most} connections are in use", mend)]


async def _migrations(connection: Any) -> list[Finding]:
    found: list[Finding] = []
    for schema, folders in ({name: each.migrations for name, each in SERVICES.items()} | dict([ACCESS])).items():
        known = _files(folders)
        table = f"{schema}.schema_migration"
        applied: set[str] = set()
        if await connection.fetchval("select to_regclass($1) is not null", table):
            applied = {row[0] for row in await connection.fetch(f"select version from {table}")}
        pending = sorted(known[version] for version in known.keys() - applied)
        if pending:
            what = f"schema {schema} lacks {len(pending)} migrations, from {pending[0]}"
            found.append(Finding("migrations-pending", "error", what, "qingsheng migrate"))
        unknown = sorted(applied - known.keys())
        if unknown:
            what = f"schema {schema} has migrations that this software does not know: {', '.join(unknown)}"
            mend = "run the newer version of this software that made them (QINGSHENG_VERSION in deploy/.env)"
            found.append(Finding("migrations-unknown", "error", what, mend))
    return found


def _files(folders: Sequence[str]) -> dict[str, str]:
    """Names of migration files by their version."""
    return {file.name.split("_")[0]: file.name for folder in folders for file in Path(ROOT / folder).glob("*.sql")}


async def _permissions(connection: Any) -> list[Finding]:
    found: list[Finding] = []
    for service in SERVICES:
        role = role_of(service)
        if not await connection.fetchval("select exists (select from pg_roles where rolname = $1)", role):
            found.append(Finding("role-missing", "error", f"there is no role {role}", "qingsheng migrate"))
            continue
        if not await connection.fetchval("select to_regnamespace($1) is not null", service):
            continue  # told by the migrations
        if not await connection.fetchval("select has_schema_privilege($1, $2, 'usage')", role, service):
            mend = f"qingsheng migrate (or: grant usage on schema {service} to {role})"
            found.append(Finding("role-lacks", "error", f"{role} may not use its schema", mend))
        rows = await connection.fetch(
            """select c.relname as name, p.privilege, has_table_privilege($2, c.oid, p.privilege) as has
               from pg_class c cross join unnest(array['select', 'insert', 'update', 'delete']) as p (privilege)
               where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'p') and c.relname <> 'schema_migration'
               order by 1, 2""",
            service,
            role,
        )
        for row in rows:
            name, privilege = row["name"], row["privilege"]
            may = privilege in ("select", "insert") or name not in APPEND_ONLY
            if may and not row["has"]:
                mend = f"psql -c 'grant {privilege} on {service}.{name} to {role}'"
                found.append(Finding("role-lacks", "error", f"{role} may not {privilege} {service}.{name}", mend))
            if row["has"] and not may:
                mend = f"psql -c 'revoke {privilege} on {service}.{name} from {role}'"
                found.append(
                    Finding(
                        "role-may-too-much",
                        "error",
                        f"{role} may {privilege} {service}.{name}, which is append-only",
                        mend,
                    )
                )
        others = await connection.fetch(
            """select name from unnest($2::text[]) as name
               where to_regnamespace(name) is not null and has_schema_privilege($1, name, 'usage')""",
            role,
            [other for other in SERVICES if other != service],
        )
        for (other,) in others:
            mend = f"psql -c 'revoke all on schema {other} from {role}'"
            found.append(Finding("role-may-too-much", "error", f"{role} may look into the schema {other}", mend))
    return found
