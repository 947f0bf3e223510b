"""Brings the database to the present schema: a schema and a role per service, then plain SQL migrations by dbmate."""

import asyncio
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from qingsheng.registry import ACCESS, SERVICES
from shared.locks import Single, wait_for_single
from shared.postgres import role_of

ROOT = Path(__file__).parent.parent


class MigrationFailed(Exception):
    """A migration did not apply; carries what dbmate printed."""


def migrate(database_url: str) -> None:
    """Migrates every schema. Safe to run again, and by several hosts at once. Raises MigrationFailed."""
    asyncio.run(amigrate(database_url))


async def amigrate(database_url: str) -> None:
    connection = await asyncpg.connect(database_url, timeout=30)
    try:
        await wait_for_single(connection, Single.MIGRATION)
        schemas = {service.name: service.migrations for service in SERVICES.values()} | dict([ACCESS])
        for schema in schemas:
            await _make_schema(connection, schema)
        for schema, folders in schemas.items():
            await asyncio.to_thread(_apply, database_url, schema, folders)
    finally:
        await connection.close()


async def _make_schema(connection: Any, service: str) -> None:
    """The role owns nothing: it reads and writes its own schema's tables, and can change no table's shape."""
    role = role_of(service)
    await connection.execute(
        f"""
        do $$ begin
            create role {role} nologin;
        exception when duplicate_object or unique_violation then null; end $$;
        do $$ begin
            execute format('grant {role} to %I', current_user);
        exception when others then null; end $$;
        create schema if not exists {service};
        grant usage on schema {service} to {role};
        alter default privileges in schema {service} grant select, insert, update, delete on tables to {role};
        alter default privileges in schema {service} grant usage, select on sequences to {role};
        """
    )


def _apply(database_url: str, schema: str, folders: Sequence[str]) -> None:
    command = [
        str(Path(sysconfig.get_path("scripts")) / "dbmate"),
        "--url",
        _with_search_path(database_url, schema),
        *(part for folder in folders if (ROOT / folder).is_dir() for part in ("--migrations-dir", str(ROOT / folder))),
        "--migrations-table",
        f"{schema}.schema_migration",
        "--no-dump-schema",
        "migrate",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MigrationFailed(f"schema {schema}: {done.stderr.strip() or done.stdout.strip()}")


def _with_search_path(database_url: str, service: str) -> str:
    parts = urlsplit(database_url)
    query = dict(parse_qsl(parts.query))
    query.setdefault("sslmode", "disable" if parts.hostname in ("127.0.0.1", "localhost", "::1") else "prefer")
    return urlunsplit(parts._replace(query=urlencode(query | {"search_path": service})))
