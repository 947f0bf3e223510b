"""A unit's ledger from a file, taken by whoever runs the deployment; told row by row how far it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.roster import comparing, importing, ledger
from services.roster.personal import Vault
from shared.access.roles import Principal, Role
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction, open_pool
from shared.settings import Settings

BY = Principal("qingsheng import", frozenset({Role.CITY_OPERATOR}))
"""The actor in the audit log, and who verified the disclosures that a ledger tells."""


class NotReadable(Exception):
    """The file as a whole is refused; carries why, in English."""


class _Tried(Exception):
    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer


def read(file: Path, settings: Settings, unit_id: str | None) -> ledger.Ledger:
    """Raises NotReadable, OSError."""
    try:
        return ledger.read(file.read_bytes(), settings.zone, unit_id)
    except Refusal as refusal:
        raise NotReadable(refusal.message["en"]) from None


async def take(
    settings: Settings, read: ledger.Ledger, *, dry_run: bool, done: Callable[[int], None]
) -> dict[str, Any]:
    """What became of the rows, as ``POST /roster/api/v1/ledgers`` answers; ``done`` is told how many are decided."""
    pool = await open_pool(settings, "roster", size=1)
    clock, vault = Clock(settings.zone, settings.story_mode), Vault(settings.secret_key.get_secret_value())

    async def work(connection: Connection) -> dict[str, Any]:
        answer = await importing.import_lines(connection, clock, BY, vault, read.lines, dry_run=dry_run, done=done)
        if dry_run:
            raise _Tried(answer)
        return answer

    try:
        await comparing.noted(pool, BY, importing.contacts_of(read.lines))
        return await in_transaction(pool, work, timeout=settings.database_timeout)
    except _Tried as tried:
        return tried.answer
    finally:
        await pool.close()
