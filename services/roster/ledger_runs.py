"""Ledgers uploaded on a page, taken in the background: each tells how far it is, whichever process is asked.

A run is one transaction: interrupted, nothing of it stays, and it can be started again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder

from services.roster import comparing, importing, ledger, storage
from services.roster.personal import Vault
from shared import uploads
from shared.access.roles import Principal
from shared.contracts.refusals import Refusal
from shared.postgres import Connection, in_transaction
from shared.security import Sealer

log = logging.getLogger(__name__)
BEAT = 0.5
STALE = timedelta(seconds=15)
AT_FIRST = 2.0
"""Seconds that a form waits for its ledger: most are done by then."""


class Run(NamedTuple):
    """``going``: some process is at it now; ``ended``: there are results, or a refusal of the whole."""

    total: int
    done: int
    going: bool
    ended: bool
    refusal: Any


class _Tried(Exception):
    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows


class LedgerRuns:
    """Those of one process. Uploads are kept sealed: they may hold names and numbers."""

    def __init__(self, app: FastAPI, secret: str) -> None:
        self._app, self._vault = app, Vault(secret)
        self._sealer = Sealer(secret, "uploaded ledgers")
        self._going: set[asyncio.Task[None]] = set()

    async def keep(
        self, connection: Connection, who: Principal, unit_id: str, content: bytes, read: ledger.Ledger
    ) -> UUID:
        """Keeps an uploaded ledger, to be tried first."""
        sealed = self._sealer.seal(content)
        upload_id = await uploads.keep(connection, who, unit_id, "ledger.xlsx", sealed, [], dry_run=True)
        await connection.execute(
            "insert into ledger_run (upload_id, total, beat_at, counties) values ($1, $2, '-infinity', $3)",
            upload_id,
            len(read.lines),
            await _counties(connection, who, unit_id, read),
        )
        return upload_id

    def read(self, upload: uploads.Upload) -> ledger.Ledger:
        """Raises Refusal."""
        return ledger.read(self._sealer.open(upload.content), self._app.state.clock.zone, upload.subject or None)

    async def start(self, who: Principal, upload_id: UUID, *, dry_run: bool) -> None:
        """Goes on in the background, unless some process is at it; waits a moment, as most are done by then."""

        async def claim(connection: Connection) -> bool:
            if not (await seen(connection, who, upload_id)).dry_run:
                return False
            return await connection.fetchval(
                """update ledger_run set done = 0, beat_at = now(), ended_at = null, refusal = null
                   where upload_id = $1 and (ended_at is not null or beat_at < now() - $2::interval) returning true""",
                upload_id,
                STALE,
            )

        if not await in_transaction(self._app.state.pool, claim):
            return
        task = asyncio.create_task(self._run(who, upload_id, dry_run=dry_run))
        self._going.add(task)
        task.add_done_callback(self._going.discard)
        await asyncio.wait({task}, timeout=AT_FIRST)

    async def _run(self, who: Principal, upload_id: UUID, *, dry_run: bool) -> None:
        done = 0

        def told(rows: int) -> None:
            nonlocal done
            done = rows

        beating = asyncio.create_task(self._beat(upload_id, lambda: done))
        refusal: Any = None
        try:
            await self._take(who, upload_id, dry_run, told)
        except Refusal as whole:
            refusal = {"code": whole.code, "message": whole.message}
        except Exception as error:
            log.exception("ledger %s", upload_id, exc_info=error)
            refusal = {"code": "internal", "message": Refusal("internal").message}
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating
        async with self._app.state.pool.acquire() as connection:
            await connection.execute(
                "update ledger_run set done = $2, ended_at = now(), refusal = $3 where upload_id = $1",
                upload_id,
                done,
                refusal,
            )

    async def _take(self, who: Principal, upload_id: UUID, dry_run: bool, told: Callable[[int], None]) -> None:
        pool = self._app.state.pool
        async with pool.acquire() as connection:
            kept = await seen(connection, who, upload_id)
        lines = (await asyncio.to_thread(self.read, kept)).lines
        # A list that was tried is the same one when it is recorded: its budget was taken then.
        await comparing.noted(pool, who, importing.contacts_of(lines), charged=dry_run or not kept.results)

        async def work(connection: Connection) -> None:
            upload = await uploads.kept(connection, who, upload_id)
            if not upload.dry_run:
                return
            clock = self._app.state.clock
            answer = await importing.import_lines(
                connection, clock, who, self._vault, lines, dry_run=dry_run, done=told
            )
            rows = jsonable_encoder(answer["rows"])
            if dry_run:
                raise _Tried(rows)
            await uploads.recorded(connection, upload_id, rows)

        try:
            await in_transaction(pool, work)
        except _Tried as tried:
            async with pool.acquire() as connection:
                await connection.execute("update upload set results = $2 where upload_id = $1", upload_id, tried.rows)

    async def _beat(self, upload_id: UUID, done: Callable[[], int]) -> None:
        while True:
            await asyncio.sleep(BEAT)
            async with self._app.state.pool.acquire() as connection:
                await connection.execute(
                    "update ledger_run set done = $2, beat_at = now() where upload_id = $1", upload_id, done()
                )


async def _counties(connection: Connection, who: Principal, unit_id: str, read: ledger.Ledger) -> list[str] | None:
    """Whose volunteers the list may name: a county's operator's those of the county; else those of the rows' units, or None
    where a row could not be read."""
    if who.county is not None:
        return [who.county]
    if any(isinstance(line.content, Refusal) for line in read.lines):
        return None
    unit_ids = {line.content.unit_id for line in read.lines if not isinstance(line.content, Refusal)}
    return sorted({*(await storage.counties(connection, unit_ids | ({unit_id} if unit_id else set()))).values()})


async def seen(connection: Connection, who: Principal, upload_id: UUID) -> uploads.Upload:
    """One's own upload, which may be on its way. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select upload_id, subject, file_name, content, dry_run, results from upload
           where upload_id = $1 and made_by = $2""",
        upload_id,
        who.name,
    )
    if row is None:
        raise Refusal("not_found")
    return uploads.Upload(*row)


async def run_of(connection: Connection, upload_id: UUID) -> Run:
    row = await connection.fetchrow(
        """select total, done, ended_at is null and beat_at > now() - $2::interval as going, ended_at is not null as ended,
                  refusal
           from ledger_run where upload_id = $1""",
        upload_id,
        STALE,
    )
    if row is None:
        raise Refusal("not_found")
    return Run(*row)
