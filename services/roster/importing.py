"""What became of a ledger's rows, as it is answered; and the ledger with it in a copy."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from services.roster import enlisting, ledger
from services.roster.enlisting import Enlisted, Entry
from services.roster.personal import Contact, Vault
from shared import tables
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection

Row = dict[str, Any]
SAME_PERSON = {
    "zh": "联系方式与另一名志愿者相同，可能是同一个人，请核对。",
    "en": "Another volunteer has the same contact and may be the same person: check it.",
}


async def import_lines(
    connection: Connection,
    clock: Clock,
    who: Principal,
    vault: Vault,
    lines: Sequence[ledger.Line],
    *,
    dry_run: bool,
    done: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Takes the rows and answers ``{dry_run, registered, already_registered, refused, contacts_kept, rows}``. With
    ``dry_run`` the caller rolls back; ``done`` is told how many rows are decided."""
    entries = [line.content for line in lines if isinstance(line.content, Entry)]
    results = iter(await enlisting.enlist_all(connection, clock, who, vault, entries, done))
    rows = [
        _row(line.row, line.content if isinstance(line.content, Refusal) else next(results), dry_run) for line in lines
    ]
    count = Counter(row["status"] for row in rows)
    counts = {status: count[status] for status in ledger.STATUSES}
    kept = sum(row.get("contact_kept", False) for row in rows)
    return {"dry_run": dry_run} | counts | {"contacts_kept": kept, "rows": rows}


def contacts_of(lines: Sequence[ledger.Line]) -> list[Contact | None]:
    """What the rows that can be read tell of contacts."""
    return [line.content.contact for line in lines if isinstance(line.content, Entry)]


def copy(table: tables.Table, rows: Sequence[Row]) -> bytes:
    """The ledger as it was sent, with a result and what to do behind each row, in Chinese and English."""
    told = {row["row"]: (ledger.STATUSES[row["status"]], "\n".join(advice(row).values())) for row in rows}
    return tables.copy_with_results(table, told)


def advice(row: Row) -> dict[str, str]:
    """What is to be done about a row, {zh, en}; empty where nothing is."""
    if row["status"] == "refused":
        return row["message"]
    return SAME_PERSON if "possible_duplicate_of" in row else {}


def refused(refusal: Refusal) -> Row:
    return {"status": "refused", "code": refusal.code, "pointer": refusal.pointer, "message": refusal.message}


def _row(number: int, result: Enlisted | Refusal, dry_run: bool) -> Row:
    if isinstance(result, Refusal):
        return {"row": number} | refused(result)
    volunteer_id = None if dry_run else result.volunteer_id  # the ids of a dry run name nobody
    kept = {"contact_kept": True} if result.contact_kept else {}
    if result.before:
        told = refused(Refusal("already_registered", pointer="/row_ref"))
        return {"row": number} | told | {"status": "already_registered", "volunteer_id": volunteer_id} | kept
    same = {"possible_duplicate_of": result.duplicates} if result.duplicates else {}
    account_id = None if dry_run else result.account_id
    told = {"row": number, "status": "registered", "volunteer_id": volunteer_id, "account_id": account_id}
    return told | kept | same
