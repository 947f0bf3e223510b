"""The audit log: append-only, each line bound to the one before by its hash (charter C11)."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import rfc8785

from shared.access.roles import Principal
from shared.locks import Family, hold_table
from shared.postgres import Connection

_FIRST = bytes(32)
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


async def first_broken_line(connection: Connection, log: str = "audit") -> int | None:
    """The number of the first line that does not follow from the one before, None when all do."""
    previous, expected = _FIRST, 1
    while True:
        rows = await connection.fetch(f"{_LINES} from {log} where number >= $1 order by number limit 1000", expected)
        for row in rows:
            line = {name: row[name] for name in ("number", "at", "actor", "action", "subject", "details")}
            if row["number"] != expected or row["hash"] != hash_of_line(previous, line):
                return expected
            previous, expected = row["hash"], expected + 1
        if not rows:
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
