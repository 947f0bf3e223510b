"""Lists that operators upload: read no further than they may be long, answered row by row or as a copy with the errors in
it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from shared import tables, workbooks
from shared.contracts.refusals import Refusal
from shared.tables import Column, Table

FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in (tables.MEDIA_TYPE, "text/csv")
        },
    }
}
"""What OpenAPI says of a body that is a list."""


async def received(request: Request) -> tuple[Request, bytes]:
    """The request with its body, read no further than a list may be long; raises ``too_large``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > workbooks.MAX_BYTES:
            raise Refusal("too_large")
    content = bytes(body)

    async def again() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return Request(request.scope, again), content


async def read(content: bytes, columns: Sequence[Column], most: int) -> Table:
    """As ``tables.read``, beside what else the process does."""
    return await asyncio.to_thread(tables.read, content, columns, most)


async def answered(request: Request, response: Response, table: Table) -> Response:
    """The row-by-row answer of a write; as a copy of the list with the errors in it where the request asks for a workbook."""
    if response.status_code != 200 or tables.MEDIA_TYPE not in request.headers.get("accept", ""):
        return response
    rows = json.loads(bytes(response.body))["rows"]
    return workbook(await asyncio.to_thread(copy, table, rows), "list-checked.xlsx")


def copy(table: Table, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The list with what became of each row behind it, in Chinese and English."""
    told = {
        row["row"]: (row["status"], "\n".join(row["message"].values()) if row.get("message") else "") for row in rows
    }
    return tables.copy_with_results(table, told)


def workbook(content: bytes, name: str) -> Response:
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, media_type=tables.MEDIA_TYPE, headers={"Content-Disposition": disposition})
