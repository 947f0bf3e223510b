"""Stores shares that were read by columns, in COPY's binary form: no object is made of any of them."""

from collections.abc import AsyncIterator

import asyncpg
import numpy as np

from services.appraisal.measures import Kind
from services.appraisal.shares import Shares
from shared.postgres import Connection

_COLUMNS = {
    "id": "V16",
    "subject": "V16",
    "volunteer": "V16",
    "time": ">i8",
    "recordedtime": ">i8",
    "sequence": ">i8",
    "offset": ">i8",
    "day": ">i4",
    "partition": ">i4",
    "kind": ">i2",
    "flag": ">i2",
    "county": "S6",
}
_ROW = np.dtype(
    [("fields", ">i2"), *((name + at, of) for name, it in _COLUMNS.items() for at, of in (("#", ">i4"), ("", it)))]
)
"""A row of COPY's binary form: the number of fields, then of each its length and its bytes."""
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_AT_ONCE = 2_000
"""Rows that are written to the socket at once."""


async def save(connection: Connection, shares: Shares) -> bool:
    """Stores the shares as facts. False, and nothing is stored, when one of them is a copy or a second telling."""
    try:
        async with connection.transaction():
            await connection.copy_to_table("fact", source=_copied(shares), columns=list(_COLUMNS), format="binary")
        return True
    except asyncpg.UniqueViolationError:
        return False


async def _copied(shares: Shares) -> AsyncIterator[bytes]:
    rows = np.zeros(len(shares), _ROW)
    rows["fields"] = len(_COLUMNS)
    for name, kind in _COLUMNS.items():
        rows[name + "#"] = np.dtype(kind).itemsize
    for name in ("id", "subject", "volunteer"):
        rows[name] = getattr(shares, name).view("V16").ravel()
    for name in ("time", "recordedtime", "sequence", "offset", "day", "partition"):
        rows[name] = getattr(shares, name)
    rows["kind"] = int(Kind.REPOST_LOGGED)
    rows["county"] = np.char.zfill(shares.county.astype("S6"), 6)
    yield _HEAD
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE].tobytes()
    yield _END
