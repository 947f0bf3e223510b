"""What somebody who told a tip may read of it by the private link: no text, no contact, nobody's name."""

from datetime import date, datetime
from typing import Any, NamedTuple

from services.opinion.private_link import hash_of
from services.opinion.queries import Calendar
from services.opinion.rules import State
from shared.postgres import Connection


class Status(NamedTuple):
    """Of a tip, or of the one it was merged into (``merged``). ``unit``: its names, of the one that sees to it."""

    state: State
    topic: str
    unit: dict[str, str] | None
    reported_at: datetime
    due_on: date
    ended_at: datetime | None
    outcome: str | None
    action: dict[str, Any] | None
    void_reason: str | None
    answer: str | None
    answer_at: datetime | None
    answer_erased: bool
    merged: bool


async def status_of(connection: Connection, calendar: Calendar, token: str) -> Status | None:
    """None where the link leads to nothing."""
    row = await connection.fetchrow(
        """with recursive step as (
               select tip_id, merged_into, topic, reported_at, 0 as merges from tip where status_hash = $1
               union all
               select t.tip_id, t.merged_into, s.topic, s.reported_at, s.merges + 1
               from step s join tip t on t.tip_id = s.merged_into
           )
           select case when t.voided_at is not null then 'voided' when t.resolved_at is not null then 'resolved'
                       when t.triaged_at is not null then 'triaged' else 'reported' end as state,
                  s.topic, u.name as unit, s.reported_at,
                  coalesce(t.due_on, (t.reported_at at time zone $2)::date + $3::int) as due_on,
                  coalesce(t.voided_at, t.resolved_at) as ended_at, t.outcome, t.action, t.void_reason, t.answer,
                  t.answer_at, t.answer is null and t.answer_at is not null as answer_erased, s.merges > 0 as merged
           from step s join tip t on t.tip_id = s.tip_id
                left join unit u on u.unit_id = coalesce(t.responsible_unit_id, t.unit_id)
           where s.merged_into is null""",
        hash_of(token),
        calendar.zone.key,
        calendar.days,
    )
    return None if row is None else Status(*row)
