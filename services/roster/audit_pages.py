"""The audit log for auditors: whether it is whole, and its latest lines."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.roster.pages import LISTED, PAGE, common
from shared.access import audit
from shared.access.guard import Auditor
from shared.access.sealing import Fault, check_recent, last_look
from shared.contracts.refusals import Refusal
from shared.web.pages import asked, render
from shared.web.paging import Cursor, after, page
from shared.web.reads import snapshot

router = APIRouter(include_in_schema=False)
AT_ONCE = 1_000
"""Lines from the last seal on that are looked at each time the page is shown: some 30 ms."""
SHOWN = ("roster", "access")
"""Logs that the roster may read: its own and that of accounts."""


@dataclass(frozen=True)
class State:
    """What is known of a log. ``lines``: how many were looked at just now, from the last seal of ``sealed_on`` on.
    ``looked_at``: when a worker last looked at all of them, ``all_lines``. ``faults``: of both looks."""

    log: str
    lines: int
    sealed_on: date | None
    looked_at: datetime | None
    all_lines: int
    faults: list[Fault]


@router.api_route("/audit", methods=PAGE)
async def show_audit(request: Request, who: Auditor, cursor: Cursor = None) -> Response:
    """The state of the roster's log and that of accounts, and the lines of the roster's, the latest first."""
    last = after(cursor, 1)
    if last and not str(last[0]).isdecimal():
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before")
    async with snapshot(request) as connection:
        states = [await _state(request, connection, schema) for schema in SHOWN]
        rows = await audit.lines(connection, int(last[0]) if last else None, LISTED)
    listed = page(rows, LISTED, ["number"])
    return render(
        request,
        "audit.html",
        tab="audit",
        states=states,
        lines=listed["items"],
        next=asked(cursor=listed["next_cursor"]) if listed["next_cursor"] else None,
        **common(request, who),
    )


async def _state(request: Request, connection: Any, schema: str) -> State:
    app = request.app.state
    recent = await check_recent(connection, app.settings, schema, app.clock.now(), AT_ONCE)
    whole = await last_look(connection, schema)
    faults = list(recent.faults)
    if whole:
        # The same kind was seen by both: the look at all lines says where it begins.
        faults = [*whole.faults, *(each for each in faults if each.kind not in {fault.kind for fault in whole.faults})]
    return State(
        f"{schema}.audit",
        recent.lines,
        recent.last_seal,
        whole.checked_at if whole else None,
        whole.lines if whole else 0,
        faults,
    )
