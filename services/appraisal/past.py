"""Read SQL of ``as_of``: the sums that a report needs, from the facts recorded by then. The same rules as in ``measures``,
told to PostgreSQL; the independent oracle holds both to the same figures.
"""
# ruff: noqa: S608  # the pieces of the statements are constants of this file

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.appraisal.figures import Window
from services.appraisal.measures import HIGHEST_CAP, LONGEST_WAIT, TRAINED, Flag, Kind, Measure
from services.appraisal.periods import Evaluation
from shared.postgres import Connection

PATIENCE = 300.0
"""Seconds: of tens of millions of facts it takes longer than other questions may."""


async def sums_as_of(
    connection: Connection, asked: Sequence[Window], seen: Evaluation, cut: datetime
) -> dict[Window, dict[str, int]]:
    """``cut``: the end of a local day; what was recorded before it is known. Facts with a later time do not count, nor
    does what depends on them; undoings do."""
    measures = sorted({window.measure for window in asked})
    tallies = " union all ".join(_TALLY[Measure(measure)] for measure in measures)
    # All volunteers' months are counted in memory; the shares are worth being read by several processes; and a plan that
    # knows no dates takes twice as long.
    await connection.execute(
        """set local work_mem = '64MB'; set local parallel_tuple_cost = 0.01;
           set local plan_cache_mode = 'force_custom_plan'"""
    )
    reader: Any = connection  # what is known of connections leaves the timeout out
    # Told as a list, for what reads a part of a statement cannot be shared among several processes.
    repeated = await connection.fetch(_SECOND_TELLINGS, cut)
    rows = await reader.fetch(
        f"""with {_TOLD}, tally as materialized ({tallies})
            select w.place, t.county, sum(t.n)::bigint
            from unnest($3::smallint[], $4::date[], $5::date[], $6::int[])
                 with ordinality as w (measure, first, last, bucket, place)
            join tally t on t.measure = w.measure and t.day between w.first and w.last and t.bucket <= w.bucket
            where $7::date <= $8::date  -- both are only read where shares or trainings are asked about
            group by w.place, t.county""",
        cut,
        cut - timedelta(microseconds=1),
        [window.measure for window in asked],
        [window.first for window in asked],
        [window.last for window in asked],
        [window.bucket for window in asked],
        seen.period.start,
        seen.period.end,
        [row["id"] for row in repeated],
        timeout=PATIENCE,
    )
    sums: dict[Window, dict[str, int]] = {window: {} for window in asked}
    for place, county, n in rows:
        sums[asked[place - 1]][county] = n
    return sums


def _standing(kind: Kind, undoing: Kind | None = None, also: str = "") -> str:
    """The facts of a kind that are taken: known then, of several tellings the first, not of a later time, not undone."""
    undone = f"""and not exists (select from fact u where u.subject = f.subject and u.kind = {int(undoing)}
                                 and u.recordedtime < $1)""" if undoing else ""  # fmt: skip
    return f"""fact f where f.kind = {int(kind)} and f.recordedtime < $1 and f.time <= $2 {also}
               and f.id <> all($9::uuid[]) {undone}"""


_SECOND_TELLINGS = """
    select id from (
        select id, row_number() over (partition by subject, kind order by sequence, id) as place
        from fact where recordedtime < $1 and (subject, kind) in (
            select subject, kind from fact where telling > 0 and kind > 3)
    ) as telling where place > 1"""
_TOLD = f"""
    tip as materialized (
        select subject, county, day from {_standing(Kind.TIP_REPORTED, Kind.TIP_VOIDED)}
    ),
    triage as (select subject, day from {_standing(Kind.TIP_TRIAGED)}),
    resolution as materialized (select subject, day, flag from {_standing(Kind.TIP_RESOLVED)}),
    opened as materialized (select subject, county, day from {_standing(Kind.CORRECTION_OPENED)}),
    closed as materialized (select subject, day, flag from {_standing(Kind.CORRECTION_CLOSED)}),
    movement as (
        select kind, subject, county, other_county, day, time, lag(kind) over (
                   partition by subject, kind = {Kind.VOLUNTEER_TRANSFERRED:d} order by sequence, id) as before
        from fact where kind in ({Kind.VOLUNTEER_REGISTERED:d}, {Kind.VOLUNTEER_TRANSFERRED:d}, {Kind.VOLUNTEER_LEFT:d})
             and recordedtime < $1
    ),
    moved as (
        select county, day, case when kind = {Kind.VOLUNTEER_LEFT:d} then -1 else 1 end as n from movement
        where time <= $2 and (kind = {Kind.VOLUNTEER_TRANSFERRED:d} or before is distinct from kind)
        union all
        select other_county, day, -1 from movement
        where time <= $2 and kind = {Kind.VOLUNTEER_TRANSFERRED:d} and other_county is not null
    )"""
"""``$1``: the cut, ``$2``: the last time that counts. Of two registrations (departures) in a row the second counts not."""


def _waited(measure: Measure, opens: str, ends: str, also: str = "true") -> str:
    return f"""select {int(measure)} as measure, county, o.day, greatest(0, e.day - o.day) as bucket, count(*) as n
               from {opens} o join {ends} e using (subject)
               where e.day - o.day <= {LONGEST_WAIT} and {also} group by county, o.day, bucket"""


def _resolved(measure: Measure, also: str = "true") -> str:
    return f"""select {int(measure)} as measure, county, e.day, 0 as bucket, count(*) as n
               from tip join resolution e using (subject) where {also} group by county, e.day"""


def _on_its_day(measure: Measure, of: str) -> str:
    return f"select {int(measure)} as measure, county, day, 0 as bucket, count(*) as n from {of} group by county, day"


def _trained(measure: Measure) -> str:
    attended = _standing(Kind.ATTENDANCE_RECORDED, Kind.ATTENDANCE_VOIDED, "and f.day between $7::date and $8::date")
    return f"""select {int(measure)} as measure, county, $7::date as day, 0 as bucket, count(distinct volunteer) as n
               from {attended} group by county"""


_TALLY: dict[Measure, str] = {
    Measure.STOCK: "select 1 as measure, county, day, 0 as bucket, sum(n) as n from moved group by county, day",
    Measure.TIP_REPORTED: _on_its_day(Measure.TIP_REPORTED, "tip"),
    Measure.TIP_TRIAGED: _waited(Measure.TIP_TRIAGED, "tip", "triage"),
    Measure.TIP_RESOLVED_IN_TIME: _waited(
        Measure.TIP_RESOLVED_IN_TIME,
        "tip",
        "resolution",
        f"(e.flag & {int(Flag.ANSWERED)} > 0 or e.flag & {int(Flag.DECLINED)} = 0)",
    ),
    Measure.TIP_RESOLVED: _resolved(Measure.TIP_RESOLVED),
    Measure.TIP_ANSWERED: _resolved(Measure.TIP_ANSWERED, f"e.flag & {int(Flag.ANSWERED)} > 0"),
    Measure.NEED_ACTED: _resolved(Measure.NEED_ACTED, f"e.flag & {int(Flag.ACTED)} > 0"),
    Measure.CASE_OPENED: _on_its_day(Measure.CASE_OPENED, "opened"),
    Measure.CASE_CLOSED: _waited(Measure.CASE_CLOSED, "opened", "closed", f"e.flag & {int(Flag.NO_ACTION)} = 0"),
    Measure.CASE_NO_ACTION: _waited(Measure.CASE_NO_ACTION, "opened", "closed", f"e.flag & {int(Flag.NO_ACTION)} > 0"),
    Measure.POST: _on_its_day(Measure.POST, _standing(Kind.POST_PUBLISHED, Kind.POST_WITHDRAWN)),
    Measure.SHARE: f"""select {int(Measure.SHARE)} as measure, county, month as day, k as bucket, sum(volunteers) as n
        from (select county, month, least(shares, {HIGHEST_CAP}) as shares, count(*) as volunteers
              from (select county, volunteer, day - (date_part('day', day)::int - 1) as month, count(*) as shares
                    from {_standing(Kind.REPOST_LOGGED, Kind.REPOST_VOIDED, "and f.day between $7::date and $8::date")}
                    group by county, volunteer, month) as of_volunteer
              group by county, month, least(shares, {HIGHEST_CAP})) as alike
        cross join lateral generate_series(1, shares) as k group by county, month, k""",
    **{measure: _trained(measure) for measure in TRAINED.values()},
}
"""By measure, as ``storage`` keeps them; of shares and trainings only what lies in the period ($7 to $8)."""
