"""Facts in COPY's binary form, made by columns: no object is encoded by itself."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.appraisal.measures import Fact
from services.appraisal.shares import EPOCH

_FORMS = {
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
_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_AT_ONCE = 2_000
"""Rows that are written to the socket at once."""
_MICROSECOND = timedelta(microseconds=1)
_FIRST_DAY = EPOCH.toordinal()


async def written(columns: Mapping[str, Any], n: int) -> AsyncIterator[bytes]:
    """``n`` rows of these columns, for COPY. A value, or as many as there are rows: ids as ``V16``, moments as
    microseconds and days as days since ``EPOCH``, counties as ``S6``."""
    # A row: the number of fields, then of each its length and its bytes.
    row = np.dtype(
        [("fields", ">i2"), *((name + at, of) for name in columns for at, of in (("#", ">i4"), ("", _FORMS[name])))]
    )
    rows = np.zeros(n, row)
    rows["fields"] = len(columns)
    for name, values in columns.items():
        rows[name + "#"] = np.dtype(_FORMS[name]).itemsize
        rows[name] = values
    yield _HEAD
    for start in range(0, n, _AT_ONCE):
        yield rows[start : start + _AT_ONCE].tobytes()
    yield _END


def columns_of(facts: Sequence[Fact]) -> dict[str, Any]:
    """For ``written``: the columns of at least one fact. All have a volunteer, or all have none; no second county is told."""
    id, kind, subject, county, _, volunteer, time, day, recordedtime, sequence, flag, partition, offset = zip(
        *facts, strict=True
    )
    columns = {
        "id": _ids(id),
        "subject": _ids(subject),
        "time": _moments(time),
        "recordedtime": _moments(recordedtime),
        "sequence": sequence,
        "offset": offset,
        "day": [each.toordinal() - _FIRST_DAY for each in day],
        "partition": partition,
        "kind": kind,
        "flag": flag,
        "county": np.frombuffer("".join(county).encode(), "S6"),
    }
    return columns if volunteer[0] is None else columns | {"volunteer": _ids(volunteer)}


def _ids(ids: Iterable[UUID]) -> NDArray[Any]:
    return np.frombuffer(b"".join([id.bytes for id in ids]), "V16")


def _moments(moments: Iterable[datetime]) -> list[int]:
    return [(moment - EPOCH) // _MICROSECOND for moment in moments]
