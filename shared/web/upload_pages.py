"""Pages of uploaded lists: tried out, looked at with what is wrong, recorded with a second press, given back as a copy."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from shared import uploads
from shared.access.guard import Operator
from shared.access.roles import Principal
from shared.clock import Clock
from shared.postgres import Connection, in_transaction
from shared.tables import Column, Table
from shared.uploads import Result
from shared.web import uploads as lists
from shared.web.forms import with_file
from shared.web.pages import after_post, render
from shared.web.writes import submit

SHOWN = 200
"""Refused rows shown on the page; the copy has them all."""
Run = Callable[[Connection, Clock, Principal, str, Table, bool], Awaitable[list[Result]]]


@dataclass(frozen=True)
class Kind:
    """One kind of list. ``run`` gets what the list is about (such as a session's id), the rows, and whether it is tried
    out only. ``back`` gives the page that the list belongs to, from what it is about."""

    columns: Sequence[Column]
    most: int
    run: Run
    back: Callable[[str], str]


class _Tried(Exception):
    """Takes everything back."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results


class UploadPages:
    """The pages below ``/<service>/uploads``. An upload's subject is ``<kind>/<what it is about>``."""

    def __init__(self, service: str, kinds: Mapping[str, Kind]) -> None:
        self._path = f"/{service}/uploads"
        self._kinds = kinds
        self.router = APIRouter(include_in_schema=False, prefix="/uploads")
        self.router.add_api_route("/{upload_id}", self.show, methods=["GET", "HEAD"])
        self.router.add_api_route("/{upload_id}/copy.xlsx", self.copy, methods=["GET"])
        self.router.add_api_route("/{upload_id}/record", self.record, methods=["POST"])

    async def take(self, request: Request, who: Principal, kind: str, about: str) -> Response:
        """Takes a form with a ``file``: tries it out, or records it at once where ``now`` was pressed. Raises Refusal,
        at ``/file`` for a list that cannot be read."""
        told, name, content = await with_file(request, "file")
        table = await self._read(kind, content)
        tried = "now" not in told

        async def work(connection: Connection, clock: Clock) -> UUID:
            results = await self._kinds[kind].run(connection, clock, who, about, table, tried)
            if tried:
                raise _Tried(results)
            subject = f"{kind}/{about}"
            return await uploads.keep(connection, who, subject, name, content, results, dry_run=False)

        try:
            upload_id = await submit(request, work)
        except _Tried as done:
            results = done.results

            async def keep(connection: Connection) -> UUID:
                subject = f"{kind}/{about}"
                return await uploads.keep(connection, who, subject, name, content, results, dry_run=True)

            upload_id = await in_transaction(request.app.state.pool, keep)
        return after_post(request, f"{self._path}/{upload_id}")

    async def show(self, request: Request, who: Operator, upload_id: UUID) -> Response:
        """What became of each row, those first that were refused."""
        upload = await self._kept(request, who, upload_id)
        kind, _, about = upload.subject.partition("/")
        wrong = [row for row in upload.results if row["status"] == "refused"]
        return render(
            request,
            "upload.html",
            upload=upload,
            kind=kind,
            headings={column.name: column.zh for column in self._kinds[kind].columns},
            wrong=wrong[:SHOWN],
            more=max(0, len(wrong) - SHOWN),
            good=len(upload.results) - len(wrong),
            bad=len(wrong),
            path=f"{self._path}/{upload_id}",
            back=self._kinds[kind].back(about),
        )

    async def copy(self, request: Request, who: Operator, upload_id: UUID) -> Response:
        """The list with the errors in it."""
        upload = await self._kept(request, who, upload_id)
        table = await self._read(upload.subject.partition("/")[0], upload.content)
        return lists.workbook(await asyncio.to_thread(lists.copy, table, upload.results), "list-checked.xlsx")

    async def record(self, request: Request, who: Operator, upload_id: UUID) -> Response:
        """Records a list that was tried out."""

        async def work(connection: Connection, clock: Clock) -> None:
            upload = await uploads.kept(connection, who, upload_id)
            if not upload.dry_run:
                return
            kind, _, about = upload.subject.partition("/")
            table = await self._read(kind, upload.content)
            results = await self._kinds[kind].run(connection, clock, who, about, table, False)
            await uploads.recorded(connection, upload_id, results)

        await submit(request, work)
        return after_post(request, f"{self._path}/{upload_id}")

    async def _read(self, kind: str, content: bytes) -> Table:
        return await lists.read(content, self._kinds[kind].columns, self._kinds[kind].most)

    async def _kept(self, request: Request, who: Principal, upload_id: UUID) -> uploads.Upload:
        async def work(connection: Connection) -> Any:
            return await uploads.kept(connection, who, upload_id)

        return await in_transaction(request.app.state.pool, work)
