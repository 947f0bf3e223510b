-- migrate:up
-- The tallies that count by day, summed by month: a report of a year reads a few thousand rows, not one of each day. Kept by
-- triggers, so that it is true whatever program writes tallies, an older one during an upgrade too.
create table tally_month (
    measure smallint not null,
    county  text not null,
    month   date not null,              -- its first day
    bucket  int not null,
    n       bigint not null,
    primary key (measure, month, county, bucket)
);
-- Measures from 12 on count by month or longer already.
insert into tally_month
select measure, county, date_trunc('month', day)::date, bucket, sum(n) from tally where measure < 12
group by measure, county, date_trunc('month', day)::date, bucket;

-- Reports ask for some days of all counties.
alter table tally drop constraint tally_pkey, add primary key (measure, day, county, bucket);

-- The schema is that of the table, for a rebuild fills tables in a schema of its own.
create function tally_into_months() returns trigger language plpgsql as $$
declare
    changed text := case tg_op
        when 'INSERT' then 'select measure, county, day, bucket, n from after'
        when 'DELETE' then 'select measure, county, day, bucket, -n from before'
        else 'select measure, county, day, bucket, n from after union all
              select measure, county, day, bucket, -n from before' end;
begin
    execute format(
        'insert into %I.tally_month as m (measure, county, month, bucket, n)
         select measure, county, date_trunc(''month'', day)::date as month, bucket, sum(n)
         from (%s) as changed (measure, county, day, bucket, n) where measure < 12
         group by measure, county, date_trunc(''month'', day)::date, bucket having sum(n) <> 0
         order by measure, month, county, bucket
         on conflict (measure, month, county, bucket) do update set n = m.n + excluded.n', tg_table_schema, changed);
    return null;
end $$;
create trigger tally_inserted after insert on tally
    referencing new table as after for each statement execute function tally_into_months();
create trigger tally_updated after update on tally
    referencing old table as before new table as after for each statement execute function tally_into_months();
create trigger tally_deleted after delete on tally
    referencing old table as before for each statement execute function tally_into_months();

-- migrate:down
alter table tally drop constraint tally_pkey, add primary key (measure, county, day, bucket);
drop trigger tally_deleted on tally;
drop trigger tally_updated on tally;
drop trigger tally_inserted on tally;
drop function tally_into_months();
drop table tally_month;
