-- migrate:up
-- The tallies summed by month, quarter, half and year: a report of a year reads a few rows of a county, not one of each day.
-- Kept by triggers, so that it is true whatever program writes tallies, an older one during an upgrade too.
create table tally_span (
    measure smallint not null,
    county  text not null,
    start   date not null,              -- its first day
    bucket  int not null,
    months  smallint not null,          -- how long it is: 1, 3, 6 or 12
    n       bigint not null,
    primary key (measure, months, start, county, bucket)
);

-- The span that a day lies in. Measures from 13 on count whole periods already.
create function span_of(day date, months int) returns date immutable parallel safe language sql
    return make_date(extract(year from day)::int, (extract(month from day)::int - 1) / months * months + 1, 1);

insert into tally_span (measure, county, start, bucket, months, n)
select measure, county, span_of(day, months), bucket, months, sum(n) from tally cross join (values (1), (3), (6), (12)) as s (months)
where measure <= 12 group by measure, county, span_of(day, months), bucket, months;

-- Reports ask for some days of all counties.
alter table tally drop constraint tally_pkey, add primary key (measure, day, county, bucket);

-- The schema is that of the table, for a rebuild fills tables in a schema of its own.
create function tally_into_spans() returns trigger language plpgsql as $$
declare
    changed text := case tg_op
        when 'INSERT' then 'select measure, county, day, bucket, n from after'
        when 'DELETE' then 'select measure, county, day, bucket, -n from before'
        else 'select measure, county, day, bucket, n from after union all
              select measure, county, day, bucket, -n from before' end;
begin
    execute format(
        'insert into %I.tally_span as t (measure, county, start, bucket, months, n)
         select measure, county, appraisal.span_of(day, months) as start, bucket, months, sum(n)
         from (%s) as changed (measure, county, day, bucket, n) cross join (values (1), (3), (6), (12)) as s (months)
         where measure <= 12
         group by measure, county, appraisal.span_of(day, months), bucket, months having sum(n) <> 0
         order by measure, months, start, county, bucket
         on conflict (measure, months, start, county, bucket) do update set n = t.n + excluded.n', tg_table_schema, changed);
    return null;
end $$;
create trigger tally_inserted after insert on tally
    referencing new table as after for each statement execute function tally_into_spans();
create trigger tally_updated after update on tally
    referencing old table as before new table as after for each statement execute function tally_into_spans();
create trigger tally_deleted after delete on tally
    referencing old table as before for each statement execute function tally_into_spans();

-- migrate:down
alter table tally drop constraint tally_pkey, add primary key (measure, county, day, bucket);
drop trigger tally_deleted on tally;
drop trigger tally_updated on tally;
drop trigger tally_inserted on tally;
drop function tally_into_spans();
drop function span_of(date, int);
drop table tally_span;
