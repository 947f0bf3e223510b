"""A year of made-up facts with the tallies that they make, by SQL on the server: for benches of reading, not of taking in.

Per 100 facts about 70 shares (2 % voided), 15 of tips, 8 attendances, 4 of corrections, 1 post, and registrations; told day by
day, in the order in which they would have been recorded, so that the tables are laid out as after a year of work.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from services.appraisal.measures import HIGHEST_CAP, Measure

YEAR = 2014
_TOPICS = ("roster", "training", "opinion", "campaign")


@dataclass(frozen=True)
class Size:
    """``facts``: about how many in all; ``counties``: how many beside the city level."""

    facts: int
    counties: int

    @property
    def volunteers(self) -> int:
        return max(self.counties * 3, min(self.facts // 50, 100_000))

    @property
    def daily(self) -> float:
        return self.facts / 365


def code(number: int, counties: int) -> str:
    """Codes of Ningde's counties for nine; made-up ones for more."""
    if counties == 9:
        return ("350902", "350921", "350922", "350923", "350924", "350925", "350926", "350981", "350982")[number]
    return f"{400_000 + number}"


async def fill(connection: Any, size: Size, told: Any = lambda _: None) -> None:
    """``connection``: in schema appraisal, with every right; the tables are empty."""
    codes = [code(number, size.counties) for number in range(size.counties)]
    await connection.execute("set synchronous_commit = off; set work_mem = '256MB'; set maintenance_work_mem = '512MB'")
    await _units(connection, codes, size)
    await connection.execute(
        """create temp table person as
               select n, uuidv7() as id, ($2::text[])[1 + n % $3] as county from generate_series(0, $1::int - 1) n;
        """.replace("$1", str(size.volunteers))
        .replace("$3", str(len(codes)))
        .replace("$2", _array(codes))
    )
    await connection.execute(
        """create temp table tip (n int, subject uuid, county text, at timestamptz, day date);
           create temp table opened (n int, subject uuid, county text, at timestamptz, day date);
           create temp table wrong (subject uuid, county text, volunteer uuid, at timestamptz, day date, n bigint);
           create index on wrong (day); create index on tip (day); create index on opened (day); create index on person (n);
           analyze person"""
    )
    await connection.execute(
        f"""insert into fact ({_COLUMNS})
            select uuidv7(), 1, id, county, null, id, at, at::date, at, 1, 0, 0, n
            from (select *, timestamptz '2013-12-01 04:00+00' as at from person) p"""
    )
    counts: dict[str, int] = dict.fromkeys(("share", "tip", "attendance", "case", "post"), 0)
    for number in range(365):
        today = date.fromordinal(date(YEAR, 1, 1).toordinal() + number)
        share, tip, present = size.daily * 0.70, size.daily * 0.056, size.daily * 0.08
        per_day = {
            "share": share,
            "tip": tip,
            "attendance": present,
            "case": size.daily * 0.02,
            "post": size.daily * 0.01,
        }
        made = {name: (counts[name], int((number + 1) * n)) for name, n in per_day.items()}
        for name, statement in _DAY.items():
            first, end = made[name]
            if end > first:
                sql = statement.format(first=first, last=end - 1, step=86_000 / (end - first), people=size.volunteers)
                await connection.execute(sql, today)
        for statement in _LATER:
            await connection.execute(statement, today)
        counts = {name: end for name, (_, end) in made.items()}
        if number % 30 == 29:
            told(f"day {number + 1} of 365")
    told("tallies")
    for statement in _TALLIES:
        await connection.execute(statement)
    await connection.executemany(
        """insert into consumer_offset (topic, "partition", next_offset, recorded_until, caught_up_at)
           values ($1, $2, 1000000000, now(), now())""",
        [(f"qingsheng.{name}.events", number) for name in _TOPICS for number in range(6)],
    )
    for table in ("fact", "tally", "tally_span", "person_count", "unit_definition", "quota_setting"):
        await connection.execute(f"vacuum (analyze) {table}")


async def _units(connection: Any, codes: list[str], size: Size) -> None:
    everybody = ["350900", *codes]
    await connection.executemany(
        """insert into unit_definition (event_id, unit_id, sequence, kind, county, parent_id, name, time, recordedtime)
           values (uuidv7(), $1, 1, $2, $1, null, $3, '2013-11-01', '2013-11-01')""",
        [(unit, "city" if unit == "350900" else "county", {"zh": unit, "en": unit}) for unit in everybody],
    )
    await connection.executemany(
        """insert into quota_setting (event_id, unit_id, team, year, quota, sequence, time, recordedtime)
           values (uuidv7(), $1, 'county', 2014, $2, 1, '2013-11-01', '2013-11-01')""",
        [(unit, size.volunteers // len(codes) + 5) for unit in everybody],
    )


def _array(codes: list[str]) -> str:
    return "array[" + ", ".join(f"'{each}'" for each in codes) + "]"


_COLUMNS = (
    'id, kind, subject, county, other_county, volunteer, time, day, recordedtime, sequence, flag, "partition", "offset"'
)
_AT = "($1::date::timestamp at time zone 'Asia/Shanghai') + make_interval(secs => 60 + (n - {first}) * {step})"
_DAY = {
    "share": f"""with made as (
            insert into fact ({_COLUMNS})
            select uuidv7(), 14, uuidv7(), p.county, null, p.id, at, $1, at + interval '3 s', 1, 0, 0, s.n
            from (select n, {_AT} as at from generate_series({{first}}, {{last}}) n) s
            join person p on p.n = (s.n::bigint * 7919 % {{people}}) order by s.n
            returning subject, county, volunteer, time, day, "offset" as n)
        insert into wrong select * from made where n % 50 = 0""",
    "attendance": f"""insert into fact ({_COLUMNS})
        select uuidv7(), 4, uuidv7(), p.county, null, p.id, at, $1, at + interval '3 s', 1, 0, 0, s.n
        from (select n, {_AT} as at from generate_series({{first}}, {{last}}) n) s
        join person p on p.n = (s.n::bigint * 104729 % {{people}})""",
    "post": f"""insert into fact ({_COLUMNS})
        select uuidv7(), 12, uuidv7(), p.county, null, null, at, $1, at + interval '3 s', 1, 0, 0, s.n
        from (select n, {_AT} as at from generate_series({{first}}, {{last}}) n) s
        join person p on p.n = (s.n % {{people}})""",
    "tip": f"""with made as (
            insert into tip select s.n, uuidv7(), p.county, at, $1
            from (select n, {_AT} as at from generate_series({{first}}, {{last}}) n) s
            join person p on p.n = (s.n % {{people}}) returning *)
        insert into fact ({_COLUMNS})
        select uuidv7(), 6, subject, county, null, null, at, $1, at + interval '3 s', 1, 0, 0, n from made""",
    "case": f"""with made as (
            insert into opened select s.n, uuidv7(), p.county, at, $1
            from (select n, {_AT} as at from generate_series({{first}}, {{last}}) n) s
            join person p on p.n = (s.n % {{people}}) returning *)
        insert into fact ({_COLUMNS})
        select uuidv7(), 10, subject, county, null, null, at, $1, at + interval '3 s', 1, 0, 0, n from made""",
}
_LATER = (
    f"""insert into fact ({_COLUMNS})
        select uuidv7(), 7, subject, county, null, null, at + interval '49 h', (at + interval '57 h')::date,
               at + interval '50 h', 2, 0, 0, n
        from tip where day = $1::date - 2 and n % 10 < 9""",
    f"""insert into fact ({_COLUMNS})
        select uuidv7(), 8, subject, county, null, null, at + interval '480 h', (at + interval '488 h')::date,
               at + interval '481 h', 3, (array[2, 3, 4])[1 + n % 3], 0, n
        from tip where day = $1::date - 20 and n % 10 < 8""",
    f"""insert into fact ({_COLUMNS})
        select uuidv7(), 11, subject, county, null, null, at + interval '120 h', (at + interval '128 h')::date,
               at + interval '121 h', 2, case when n % 9 = 0 then 8 else 0 end, 0, n
        from opened where day = $1::date - 5 and n % 10 < 9""",
    f"""insert into fact ({_COLUMNS})
        select uuidv7(), 15, subject, county, null, volunteer, at + interval '24 h', day + 1,
               at + interval '25 h', 2, 0, 0, n
        from wrong where day = $1::date - 1""",
)
_GRAINS = {Measure.TRAINED_MONTH: "month", Measure.TRAINED_QUARTER: "quarter", Measure.TRAINED_YEAR: "year"}
_TALLIES = (
    "insert into tally select 1, county, day, 0, count(*) from fact where kind = 1 group by county, day",
    *(
        f"insert into tally select {measure}, county, day, 0, count(*) from fact where kind = {kind} group by county, day"
        for measure, kind in (
            (Measure.TIP_REPORTED, 6),
            (Measure.CASE_OPENED, 10),
            (Measure.POST, 12),
            (Measure.TIP_RESOLVED, 8),
        )
    ),
    *(
        f"""insert into tally select {measure}, o.county, o.day, e.day - o.day, count(*)
            from fact e join fact o on o.subject = e.subject and o.kind = {opens}
            where e.kind = {ends} and {which} group by o.county, o.day, e.day - o.day"""
        for measure, opens, ends, which in (
            (Measure.TIP_TRIAGED, 6, 7, "true"),
            (Measure.TIP_RESOLVED_IN_TIME, 6, 8, "(e.flag & 2 > 0 or e.flag & 4 = 0)"),
            (Measure.CASE_CLOSED, 10, 11, "e.flag & 8 = 0"),
            (Measure.CASE_NO_ACTION, 10, 11, "e.flag & 8 > 0"),
        )
    ),
    *(
        f"""insert into tally select {measure}, county, day, 0, count(*) from fact where kind = 8 and flag & {flag} > 0
            group by county, day"""
        for measure, flag in ((Measure.TIP_ANSWERED, 2), (Measure.NEED_ACTED, 1))
    ),
    """insert into person_count (volunteer, start, grain, county, n)
       select volunteer, date_trunc('month', day)::date, 12, county, count(*) from fact f
       where kind = 14 and not exists (select from fact v where v.subject = f.subject and v.kind = 15) group by 1, 2, 4""",
    *(
        f"""insert into person_count (volunteer, start, grain, county, n)
            select volunteer, date_trunc('{unit}', day)::date, {grain}, county, count(*) from fact
            where kind = 4 group by 1, 2, 4"""
        for grain, unit in _GRAINS.items()
    ),
    f"""insert into person_count (volunteer, start, grain, county, n)
        select volunteer, make_date({YEAR}, case when extract(month from day) < 7 then 1 else 7 end, 1),
               {Measure.TRAINED_HALF}, county, count(*) from fact where kind = 4 group by 1, 2, 4""",
    f"""insert into tally select 12, county, start, b, count(*) from person_count
        cross join lateral generate_series(1, least(n, {HIGHEST_CAP})) b where grain = 12 group by county, start, b""",
    "insert into tally select grain, county, start, 0, count(*) from person_count where grain > 12 group by grain, county, start",
)
