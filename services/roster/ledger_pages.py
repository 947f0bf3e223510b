"""Ledgers on a page: uploaded, tried row by row, then taken; however long it is, the page tells how far it is."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.roster import importing, ledger, ledger_runs, queries
from services.roster.ledger_runs import LedgerRuns
from services.roster.pages import PAGE, common
from shared.access.guard import Operator
from shared.access.roles import Principal
from shared.clock import Clock
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web import uploads
from shared.web.forms import errors, named, with_file
from shared.web.pages import after_post, render, words_of
from shared.web.reads import reading, snapshot
from shared.web.writes import submit

router = APIRouter(include_in_schema=False, prefix="/ledgers")
SHOWN = 200
"""Rows to look at on the page; the copy has them all."""


@router.api_route("", methods=PAGE)
async def form(request: Request, who: Operator, unit_id: str = "") -> Response:
    return await _form(request, who, {"unit_id": unit_id})


@router.post("")
async def upload(request: Request, who: Operator) -> Response:
    """Tries a ledger: nothing is recorded yet."""
    runs: LedgerRuns = request.app.state.ledger_runs
    told: dict[str, str] = {}
    try:
        told, _, content = await with_file(request, "file")
        unit_id = told.get("unit_id", "")
        read = await asyncio.to_thread(ledger.read, content, request.app.state.clock.zone, unit_id or None)

        async def work(connection: Connection, clock: Clock) -> UUID:
            if unit_id:
                who.must_serve((await queries.unit(connection, unit_id))["county"])
            return await runs.keep(connection, who, unit_id, content, read)

        upload_id = await submit(request, work)
    except Refusal as problem:
        wrong = errors(problem, words_of(request))
        # Whatever is wrong with a list as a whole is said beside its file.
        place = next((field for field in wrong if field), "")
        return await _form(request, who, told, {"": wrong[""], "file": wrong[place]})
    await runs.start(who, upload_id, dry_run=True)
    return after_post(request, f"/roster/ledgers/{upload_id}")


@router.api_route("/{upload_id}", methods=PAGE)
async def show(request: Request, who: Operator, upload_id: UUID) -> Response:
    """How far it is, then what became of the rows: those first that are to be looked at."""
    async with snapshot(request) as connection:
        kept = await ledger_runs.seen(connection, who, upload_id)
        run = await ledger_runs.run_of(connection, upload_id)
    wrong = [(row, text) for row in kept.results if (text := importing.advice(row))]
    count = {status: sum(row["status"] == status for row in kept.results) for status in ledger.STATUSES}
    response = render(
        request,
        "ledger_run.html",
        tab="ledgers",
        tried=kept.dry_run,
        run=run,
        count=count,
        kept=sum(bool(row.get("contact_kept")) for row in kept.results),
        wrong=wrong[:SHOWN],
        more=max(0, len(wrong) - SHOWN),
        path=f"/roster/ledgers/{upload_id}",
        columns=ledger.COLUMNS,
        **common(request, who),
    )
    if run.going:
        response.headers["Refresh"] = "1"
    return response


@router.post("/{upload_id}/record")
async def record(request: Request, who: Operator, upload_id: UUID) -> Response:
    """Takes a ledger that was tried; pressed twice, it is taken once."""
    return await _start(request, who, upload_id, dry_run=False)


@router.post("/{upload_id}/try")
async def again(request: Request, who: Operator, upload_id: UUID) -> Response:
    """Tries it again, where a run was interrupted."""
    return await _start(request, who, upload_id, dry_run=True)


@router.get("/{upload_id}/copy.xlsx")
async def copy(request: Request, who: Operator, upload_id: UUID) -> Response:
    """The ledger with the errors in it."""
    runs: LedgerRuns = request.app.state.ledger_runs
    async with reading(request) as connection:
        kept = await ledger_runs.seen(connection, who, upload_id)
    read = await asyncio.to_thread(runs.read, kept)
    response = uploads.workbook(
        await asyncio.to_thread(importing.copy, read.table, kept.results), "ledger-checked.xlsx"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _start(request: Request, who: Principal, upload_id: UUID, *, dry_run: bool) -> Response:
    runs: LedgerRuns = request.app.state.ledger_runs

    async def look(connection: Connection, clock: Clock) -> None:
        await ledger_runs.seen(connection, who, upload_id)

    await submit(request, look)  # refused while events cannot be sent
    await runs.start(who, upload_id, dry_run=dry_run)
    return after_post(request, f"/roster/ledgers/{upload_id}")


async def _form(
    request: Request, who: Principal, values: dict[str, str], wrong: dict[str, str] | None = None
) -> Response:
    words = words_of(request)
    async with reading(request) as connection:
        names = await queries.unit_names(connection, who.county)
    return render(
        request,
        "ledgers.html",
        status=422 if wrong else 200,
        tab="ledgers",
        units=[(each, f"{named(words, name)} {each}") for each, name in names.items()],
        columns=ledger.COLUMNS,
        most=ledger.MAX_ROWS,
        values=values,
        errors=wrong or {},
        **common(request, who),
    )
