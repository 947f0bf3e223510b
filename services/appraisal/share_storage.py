"""Stores shares that were read by columns: no object is made of any of them."""

import asyncpg
import numpy as np

from services.appraisal.fact_rows import written
from services.appraisal.measures import Kind
from services.appraisal.shares import Shares
from shared.postgres import Connection


async def save(connection: Connection, shares: Shares) -> bool:
    """Stores the shares as facts. False, and nothing is stored, when one of them is a copy or a second telling."""
    columns = {name: getattr(shares, name).view("V16").ravel() for name in ("id", "subject", "volunteer")}
    columns |= {
        name: getattr(shares, name) for name in ("time", "recordedtime", "sequence", "offset", "day", "partition")
    }
    columns |= {
        "kind": int(Kind.REPOST_LOGGED),
        "flag": 0,
        "county": np.char.zfill(shares.county.astype("S6"), 6),
    }
    try:
        async with connection.transaction():
            await connection.copy_to_table(
                "fact", source=written(columns, len(shares)), columns=list(columns), format="binary"
            )
        return True
    except asyncpg.UniqueViolationError:
        return False
