"""Uploaded lists, kept for a day in the service's table ``upload``, so that a list that was checked can be recorded
without sending it again."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from uuid_utils.compat import uuid7

from shared.access.roles import Principal
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

KEPT = timedelta(days=1)
Result = dict[str, Any]
"""Of one row: ``row`` (its number in the sheet), ``status``; of a refused one ``code``, ``pointer`` (the column),
``message`` {zh, en}."""


def refused(row: int, refusal: Refusal) -> Result:
    """For people: what is wrong with a cell is said in its own words."""
    reason: Any = refusal.detail.get("reason") if refusal.code == "schema" else None
    message = cast(Mapping[str, str], reason) if isinstance(reason, Mapping) else refusal.message
    return {
        "row": row,
        "status": "refused",
        "code": refusal.code,
        "pointer": refusal.pointer,
        "message": {"zh": message["zh"], "en": message["en"]},
    }


class Upload(NamedTuple):
    """``subject``: what the list is about, such as ``session/…``; ``dry_run``: checked and not recorded yet."""

    upload_id: UUID
    subject: str
    file_name: str
    content: bytes
    dry_run: bool
    results: list[Result]


async def keep(
    connection: Connection,
    who: Principal,
    subject: str,
    file_name: str,
    content: bytes,
    results: Sequence[Result],
    *,
    dry_run: bool,
) -> UUID:
    upload_id = uuid7()
    await connection.execute(
        """insert into upload (upload_id, made_by, subject, file_name, content, dry_run, results)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        upload_id,
        who.name,
        subject,
        file_name[:200],
        content,
        dry_run,
        list(results),
    )
    return upload_id


async def kept(connection: Connection, who: Principal, upload_id: UUID) -> Upload:
    """One's own upload, locked: a button pressed twice records once. Raises ``not_found``, also for another person's."""
    row = await connection.fetchrow(
        """select upload_id, subject, file_name, content, dry_run, results from upload
           where upload_id = $1 and made_by = $2 for update""",
        upload_id,
        who.name,
    )
    if row is None:
        raise Refusal("not_found")
    return Upload(*row)


async def recorded(connection: Connection, upload_id: UUID, results: Sequence[Result]) -> None:
    await connection.execute(
        "update upload set dry_run = false, results = $2 where upload_id = $1", upload_id, list(results)
    )


async def forget_old(connection: Connection) -> None:
    """The job: a list that was looked at is not kept."""
    await connection.execute("delete from upload where made_at < now() - $1::interval", KEPT)
