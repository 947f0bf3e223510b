"""Cursor pages: ``?cursor=&limit=`` gives ``{items, next_cursor}``; a cursor is the last row's sort key, opaque to callers."""

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query

from shared.contracts.refusals import Refusal

Cursor = Annotated[str | None, Query(max_length=500)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def after(cursor: str | None, parts: int) -> list[Any] | None:
    """The sort key that a cursor stands for, None for the first page; raises ``schema`` for one that is not ours."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if not isinstance(key, list) or len(key) != parts:  # pyright: ignore[reportUnknownArgumentType]
            raise ValueError
        return key  # pyright: ignore[reportUnknownVariableType]
    except ValueError:
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None


def page(items: Sequence[Any], limit: int, key: Sequence[str]) -> dict[str, Any]:
    """A page of rows (mappings) fetched with ``limit + 1``; ``key`` names the columns they are sorted by."""
    shown = items[:limit]
    more = len(items) > limit
    return {"items": shown, "next_cursor": cursor([str(shown[-1][k]) for k in key]) if more else None}


def cursor(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode()
