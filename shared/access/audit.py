"""The audit log: append-only, each line bound to the one before by its hash (charter C11)."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785

from shared.access.roles import Principal
from shared.locks import Family, hold_table
from shared.postgres import Connection

_FIRST = bytes(32)
_PAGE = 500
"""Lines read at once: to hash them takes 20 ms."""
_LINES = "select number, at, actor, action, subject, details::text, hash"


async def record(
    connection: Connection,
    who: Principal | str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
    *,
    log: str = "audit",
) -> None:
    """Adds a line within the caller's transaction. ``action`` such as ``contact.read``, ``subject`` such as
    ``volunteer/<id>``; ``details`` are JSON, without personal data. A text for ``who`` names a command of the operator.
    ``log``: the table, the service's own or ``access.audit``."""
    # One after the other, until the transaction ends: else two lines would follow the same one.
    await hold_table(connection, Family.AUDIT, log)
    last = await connection.fetchrow(f"select number, hash from {log} order by number desc limit 1")  # noqa: S608
    number, previous = (last["number"] + 1, last["hash"]) if last else (1, _FIRST)
    line = {
        "number": number,
        "at": datetime.now(UTC),
        "actor": who if isinstance(who, str) else who.name,
        "action": action,
        "subject": subject,
        "details": json.dumps(dict(details or {}), ensure_ascii=False),
    }
    await connection.execute(
        f"insert into {log} (number, at, actor, action, subject, details, hash) values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)",  # noqa: S608
        *line.values(),
        hash_of_line(previous, line),
    )


async def chained(
    connection: Connection, after: int = 0, until: int | None = None, log: str = "audit"
) -> AsyncIterator[tuple[int, bytes, bool]]:
    """Number, hash, and whether that follows from the line before, of all lines behind the number ``after`` up to
    ``until``, in order. A page of lines at a time is in memory; others have the loop between two pages."""
    previous = _FIRST
    if after:
        # Where that line is gone, the next one follows from nothing.
        previous = await connection.fetchval(f"select hash from {log} where number = $1", after) or _FIRST  # noqa: S608
    while True:
        rows = await connection.fetch(
            f"{_LINES} from {log} where number > $1 and ($2::bigint is null or number <= $2) order by number limit {_PAGE}",
            after,
            until,
        )
        for row in rows:
            line = {name: row[name] for name in ("number", "at", "actor", "action", "subject", "details")}
            yield row["number"], row["hash"], row["hash"] == hash_of_line(previous, line)
            previous, after = row["hash"], row["number"]
        if len(rows) < _PAGE:
            return


async def first_broken_line(connection: Connection, log: str = "audit") -> int | None:
    """The number of the first line that does not follow from the one before, None when all do."""
    expected = 1
    async for number, _, follows in chained(connection, log=log):
        if number != expected or not follows:
            return expected
        expected += 1
    return None


async def lines(connection: Connection, before: int | None, limit: int, log: str = "audit") -> list[dict[str, Any]]:
    """Up to ``limit`` + 1 lines, the latest first; ``before``: only those with a lower number."""
    rows = await connection.fetch(
        f"{_LINES} from {log} where $1::bigint is null or number < $1 order by number desc limit $2", before, limit + 1
    )
    return [dict(row) | {"details": json.loads(row["details"]), "hash": row["hash"].hex()} for row in rows]


def hash_of_line(previous: bytes, line: Mapping[str, Any]) -> bytes:
    """Of a line, ``details`` as JSON text, behind one with the hash ``previous``."""
    told = dict(line) | {"at": line["at"].astimezone(UTC).isoformat(), "details": json.loads(line["details"])}
    return hashlib.sha256(previous + rfc8785.dumps(told)).digest()
