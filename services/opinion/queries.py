"""Reads for the API. Lists are in the order of their ids, which is that of entering."""

from typing import Any
from uuid import UUID

from services.opinion.rules import State
from shared.contracts.refusals import Refusal
from shared.postgres import Connection
from shared.web.paging import after, page


async def tips(
    connection: Connection,
    cursor: str | None,
    limit: int,
    *,
    state: State | None,
    unit_id: str | None,
    responsible_unit_id: str | None,
) -> dict[str, Any]:
    """Tips, without their texts."""
    rows = await connection.fetch(
        """select * from (
               select tip_id, channel, kind, topic, unit_id, county, relayed_by, reported_at, responsible_unit_id,
                      triaged_at, resolved_at, outcome, answered, action, voided_at, void_reason, merged_into,
                      case when voided_at is not null then 'voided' when resolved_at is not null then 'resolved'
                           when triaged_at is not null then 'triaged' else 'reported' end as state
               from tip
           ) t
           where ($1::uuid is null or tip_id > $1) and ($2::text is null or state = $2)
                 and ($3::text is null or unit_id = $3) and ($4::text is null or responsible_unit_id = $4)
           order by tip_id limit $5""",
        _last_id(cursor),
        state,
        unit_id,
        responsible_unit_id,
        limit + 1,
    )
    return page([_tip(row) for row in rows], limit, ["tip_id"])


async def tip(connection: Connection, tip_id: UUID) -> dict[str, Any]:
    """A tip with its text and ``version``. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select t.*, v.sequence as version,
                  case when voided_at is not null then 'voided' when resolved_at is not null then 'resolved'
                       when triaged_at is not null then 'triaged' else 'reported' end as state
           from tip t join stream v on v.key = t.tip_id::text where tip_id = $1""",
        tip_id,
    )
    return _tip(_found(row))


async def corrections(
    connection: Connection, cursor: str | None, limit: int, *, closed: bool | None, unit_id: str | None
) -> dict[str, Any]:
    rows = await connection.fetch(
        """select * from correction
           where ($1::uuid is null or case_id > $1) and ($2::bool is null or (closed_at is not null) = $2)
                 and ($3::text is null or unit_id = $3)
           order by case_id limit $4""",
        _last_id(cursor),
        closed,
        unit_id,
        limit + 1,
    )
    return page([_correction(row) for row in rows], limit, ["case_id"])


async def correction(connection: Connection, case_id: UUID) -> dict[str, Any]:
    """A correction with its ``version``. Raises ``not_found``."""
    row = await connection.fetchrow(
        """select c.*, v.sequence as version from correction c join stream v on v.key = c.case_id::text
           where case_id = $1""",
        case_id,
    )
    return _correction(_found(row))


def _tip(row: Any) -> dict[str, Any]:
    triaged = row["triaged_at"] and {"at": row["triaged_at"], "responsible_unit_id": row["responsible_unit_id"]}
    resolved = row["resolved_at"] and {
        "at": row["resolved_at"],
        "outcome": row["outcome"],
        "answered": row["answered"],
        "action": row["action"],
    }
    voided = row["voided_at"] and {
        "at": row["voided_at"],
        "reason": row["void_reason"],
        "merged_into": row["merged_into"],
    }
    return dict(row) | {"triaged": triaged, "resolved": resolved, "voided": voided}


def _correction(row: Any) -> dict[str, Any]:
    closed = row["closed_at"] and {
        "at": row["closed_at"],
        "outcome": row["outcome"],
        "evidence": row["evidence"],
        "official_source": row["official_source"],
        "media_met": row["media_met"],
    }
    return dict(row) | {"closed": closed}


def _found(row: Any) -> Any:
    if row is None:
        raise Refusal("not_found")
    return row


def _last_id(cursor: str | None) -> UUID | None:
    key = after(cursor, 1)
    if key is None:
        return None
    try:
        return UUID(key[0])
    except (ValueError, AttributeError, TypeError):
        raise Refusal("schema", pointer="query:cursor", reason="take the next_cursor of the page before") from None
