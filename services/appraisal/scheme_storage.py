"""SQL of schemes: those proposed, and those adopted."""

from datetime import datetime
from typing import Any

from services.appraisal.periods import Period
from services.appraisal.schemes import DEFAULT, Scheme, scheme_of
from shared.postgres import Connection


async def find(connection: Connection, scheme_id: str, version: int) -> Scheme | None:
    """One by name, the default among them."""
    if (scheme_id, version) == (DEFAULT.scheme_id, DEFAULT.version):
        return DEFAULT
    data = await connection.fetchval(
        "select data from scheme where scheme_id = $1 and version = $2", scheme_id, version
    )
    return Scheme.of(data) if data else None


async def latest_version(connection: Connection, scheme_id: str) -> int | None:
    found = await connection.fetchval("select max(version) from scheme where scheme_id = $1", scheme_id)
    return found or (DEFAULT.version if scheme_id == DEFAULT.scheme_id else None)


async def of_period(connection: Connection, period: Period) -> Scheme:
    """The scheme that appraises a period: the adopted one with the latest date not after its first day."""
    rows = await connection.fetch(
        """select data from scheme where adopted_at is not null and valid_from <= $1
           order by valid_from desc, version desc, scheme_id desc limit 1""",
        period.start,
    )
    return scheme_of(period, [Scheme.of(row["data"]) for row in rows])


async def save(connection: Connection, scheme: Scheme, at: datetime, by: str) -> bool:
    """False when there is a scheme of this name and version already."""
    new = await connection.fetchval(
        """insert into scheme (scheme_id, version, data, digest, valid_from, proposed_at, proposed_by)
           values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning true""",
        scheme.scheme_id,
        scheme.version,
        scheme.to_data(),
        scheme.digest,
        scheme.valid_from,
        at,
        by,
    )
    return bool(new)


async def adopt(connection: Connection, scheme: Scheme, at: datetime, by: str) -> bool:
    """False when it was adopted already."""
    done = await connection.fetchval(
        """update scheme set adopted_at = $3, adopted_by = $4
           where scheme_id = $1 and version = $2 and adopted_at is null returning true""",
        scheme.scheme_id,
        scheme.version,
        at,
        by,
    )
    return bool(done)


async def listed(connection: Connection, after: tuple[str, int] | None, limit: int) -> list[dict[str, Any]]:
    """By name, then version; up to ``limit`` + 1 of those behind ``after``."""
    rows = await connection.fetch(
        """select data, digest, proposed_at, adopted_at from scheme
           where $1::text is null or (scheme_id, version) > ($1, $2::int)
           order by scheme_id, version limit $3""",
        after[0] if after else None,
        after[1] if after else None,
        limit + 1,
    )
    return [shown(row["data"], row["digest"], row["proposed_at"], row["adopted_at"]) for row in rows]


def shown(
    data: dict[str, Any], digest: str, proposed_at: datetime | None, adopted_at: datetime | None
) -> dict[str, Any]:
    """A scheme with what became of it. ``proposed_at`` of the default is null: it comes with the software."""
    return {**data, "digest": digest, "proposed_at": proposed_at, "adopted_at": adopted_at}
