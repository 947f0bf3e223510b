-- One batch of shares in one statement: facts that are new, then the counts of their volunteers, then the tallies that these change.
with new as (
    insert into peer.fact
        (id, subject, volunteer, time, recordedtime, sequence, "offset", day, "partition", kind, flag, county)
    select id, subject, volunteer, time, recordedtime, sequence, "offset", (time at time zone 'Asia/Shanghai')::date,
           "partition", 14, 0, county
    from unnest(?::uuid[], ?::uuid[], ?::uuid[], ?::timestamptz[], ?::timestamptz[], ?::bigint[], ?::text[], ?::int[], ?::bigint[])
         as told (id, subject, volunteer, time, recordedtime, sequence, county, "partition", "offset")
    on conflict (id) do nothing
    returning volunteer, date_trunc('month', day)::date as month, county
), change as (
    select volunteer, month, county, count(*)::int as n from new group by 1, 2, 3 order by 1, 2, 3
), changed as (
    insert into peer.person_count as p (volunteer, start, grain, county, n)
    select volunteer, month, 12, county, n from change
    on conflict (volunteer, start, grain, county) do update set n = p.n + excluded.n
    returning volunteer, start, county, n
), step as (
    select changed.county, changed.start, bucket, count(*) as n
    from changed
    join change on change.volunteer = changed.volunteer and change.month = changed.start and change.county = changed.county
    cross join lateral generate_series(changed.n - change.n + 1, least(changed.n, 10)) as bucket
    group by 1, 2, 3 order by 1, 2, 3
)
insert into peer.tally as t (measure, county, day, bucket, n) select 12, county, start, bucket, n from step
on conflict (measure, county, day, bucket) do update set n = t.n + excluded.n
