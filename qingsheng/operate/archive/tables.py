"""Tables copied out of one moment of the database, and into an empty one. PostgreSQL's own COPY: no other program, and
the same between versions."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qingsheng.operate.archive.manifest import ArchiveError, Manifest, Part, sha256_of
from qingsheng.registry import ACCESS, SERVICES

SCHEMAS = (*SERVICES, ACCESS[0])
MIGRATIONS = "schema_migration"


async def migrations_of(connection: Any) -> dict[str, list[str]]:
    """Versions applied, by schema."""
    return {
        schema: [row[0] for row in await connection.fetch(f"select version from {schema}.{MIGRATIONS} order by 1")]
        for schema in SCHEMAS
    }


async def copy_out(connection: Any, folder: Path, manifest: Manifest, progress: Callable[[str], None]) -> None:
    """All tables as they stand in the connection's transaction."""
    (folder / "tables").mkdir()
    for schema, table in await _tables(connection):
        name = f"{schema}.{table}"
        columns = await _columns(connection, schema, table)
        file = f"tables/{name}.copy.gz"
        with gzip.open(folder / file, "wb", compresslevel=3) as packed:
            # asyncpg hands over pieces to a coroutine.
            async def write(piece: bytes, into: Any = packed) -> None:
                into.write(piece)

            status = await connection.copy_from_table(table, schema_name=schema, columns=columns, output=write)
        manifest.tables[name] = Part(file, int(status.split()[-1]), sha256_of(folder / file))
        manifest.columns[name] = columns
        progress(name)
    rows = await connection.fetch(
        "select schemaname, sequencename, last_value from pg_sequences where schemaname = any($1::text[])",
        list(SCHEMAS),
    )
    manifest.sequences = {f"{row[0]}.{row[1]}": row[2] for row in rows if row[2] is not None}


async def copy_in(connection: Any, folder: Path, manifest: Manifest, progress: Callable[[str], None]) -> None:
    """Into a migrated database where nothing has happened yet, within the connection's transaction."""
    tables = [f"{schema}.{table}" for schema, table in await _tables(connection)]
    if sorted(tables) != sorted(manifest.tables):
        raise ArchiveError("the archive's tables are not this software's")
    # What migrations put there themselves comes again from the archive.
    filled = [name for name in tables if await connection.fetchval(f"select exists (select from {name})")]
    if filled:
        await connection.execute(f"truncate {', '.join(filled)} cascade")
    for name in tables:
        schema, table = name.split(".")
        # What a trigger would make of these rows stands in the archive too.
        await connection.execute(f"alter table {name} disable trigger user")
        with gzip.open(folder / manifest.tables[name].file, "rb") as packed:
            status = await connection.copy_to_table(
                table, schema_name=schema, columns=manifest.columns[name], source=packed
            )
        await connection.execute(f"alter table {name} enable trigger user")
        if int(status.split()[-1]) != manifest.tables[name].rows:
            raise ArchiveError(f"{name}: {status} rows instead of {manifest.tables[name].rows}")
        progress(name)
    for name, value in manifest.sequences.items():
        await connection.execute("select setval($1::regclass, $2)", name, value)


async def nothing_happened(connection: Any) -> bool:
    """Whether the database is that of an empty host: no event, no report, no account."""
    for schema in SERVICES:
        for table in ("stream", "outbox", "consumer_offset", "audit"):
            if await connection.fetchval(f"select exists (select from {schema}.{table})"):
                return False
    return not await connection.fetchval("select exists (select from access.account)")


async def _tables(connection: Any) -> list[tuple[str, str]]:
    """In an order in which each table stands behind those it refers to."""
    rows = await connection.fetch(
        """select n.nspname as schema, c.relname as name,
                  array(select p.relname from pg_constraint k join pg_class p on p.oid = k.confrelid
                        where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as refers
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = any($1::text[]) and c.relkind = 'r' and c.relname <> $2 order by 1, 2""",
        list(SCHEMAS),
        MIGRATIONS,
    )
    ordered: list[tuple[str, str]] = []
    waiting = [(row["schema"], row["name"], set(row["refers"])) for row in rows]
    while waiting:
        ready = [each for each in waiting if all((each[0], other) in ordered for other in each[2])]
        if not ready:
            raise ArchiveError(f"tables refer to each other in a ring: {waiting[0]}")
        ordered += [(schema, name) for schema, name, _ in ready]
        waiting = [each for each in waiting if each not in ready]
    return ordered


async def _columns(connection: Any, schema: str, table: str) -> list[str]:
    """Without those that PostgreSQL computes."""
    rows = await connection.fetch(
        """select attname from pg_attribute
           where attrelid = format('%I.%I', $1::text, $2::text)::regclass and attnum > 0 and not attisdropped
                 and attgenerated = '' order by attnum""",
        schema,
        table,
    )
    return [row[0] for row in rows]
