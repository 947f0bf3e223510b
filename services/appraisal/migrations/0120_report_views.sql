-- migrate:up

-- What the committee's own tools may read: views in a schema of their own, for one role alone, without any id of a
-- volunteer. What stands here and what does not: docs/reading-reports.md.
-- Names are whole and statements repeatable: these views are of the appraisal's own tables wherever this is run.
do $$ begin
    create role qingsheng_committee nologin;
exception when duplicate_object or unique_violation then null; end $$;
create schema if not exists report;
grant usage on schema report to qingsheng_committee;

-- The appraised bodies, as named now: counties, and the city level.
create or replace view report.county as
select distinct on (u.county)
       u.county, u.kind = 'city' as is_city, u.name ->> 'zh' as name_zh, u.name ->> 'en' as name_en
from (select distinct on (d.unit_id) d.* from appraisal.unit_definition d
      order by d.unit_id, d.sequence desc, d.event_id desc) as u
where u.kind in ('county', 'city')
order by u.county, u.unit_id <> u.county, u.unit_id;

-- Every period that can be asked for, with its first and last day.
create or replace view report.period as
select to_char(s.first_day, 'FMYYYY') || case m.months
           when 12 then ''
           when 6 then '-H' || (extract(month from s.first_day)::int + 5) / 6
           when 3 then '-Q' || (extract(month from s.first_day)::int + 2) / 3
           else to_char(s.first_day, '-MM') end as period,
       s.first_day, (s.first_day + make_interval(months => m.months) - interval '1 day')::date as last_day, m.months
from (values (12), (6), (3), (1)) as m (months)
cross join lateral (
    select g::date as first_day
    from generate_series(timestamp '2000-01-01', timestamp '2100-12-31', make_interval(months => m.months)) as g
) as s;

-- The counts that reports are made of. day: when it was reported (opened) for what waited; the first of the month (of the
-- period) for shares (trainings); else when it happened. bucket: days waited; for shares k: volunteers with k or more.
create or replace view report.tally as
select m.name as measure, t.county, t.day, t.bucket, t.n
from appraisal.tally t
join (values
    (1, 'stock'), (2, 'tip_reported'), (3, 'tip_triaged'), (4, 'tip_resolved_in_time'), (5, 'tip_resolved'),
    (6, 'tip_answered'), (7, 'need_acted'), (8, 'case_opened'), (9, 'case_closed'), (10, 'case_no_action'), (11, 'post'),
    (12, 'share'), (13, 'trained_month'), (14, 'trained_quarter'), (15, 'trained_half'), (16, 'trained_year')
) as m (measure, name) on m.measure = t.measure
where t.n <> 0;

-- The same summed by period, for what needs no parameter of a scheme. trained: volunteers with an attendance.
create or replace view report.period_count as
select p.period, t.county, m.name as measure, sum(t.n)::bigint as n
from report.period p
join (values
    (2, 'tip_reported', null), (5, 'tip_resolved', null), (6, 'tip_answered', null), (7, 'need_acted', null),
    (11, 'post', null), (13, 'trained', 1), (14, 'trained', 3), (15, 'trained', 6), (16, 'trained', 12)
) as m (measure, name, months) on m.months is null or m.months = p.months
join appraisal.tally t on t.measure = m.measure
    and t.day between p.first_day and case when m.months is null then p.last_day else p.first_day end
group by p.period, t.county, m.name;

-- Volunteers of a county at the end of every day on which their number changed.
create or replace view report.stock as
select s.county, s.day, greatest(0, sum(s.change) over (partition by s.county order by s.day))::bigint as volunteers
from (select county, day, sum(n) as change from appraisal.tally where measure = 1 group by county, day) as s;

-- The quotas in force now. counted: whether it is added up; a unit below one with a quota of its own is a part of it.
create or replace view report.quota as
with recursive unit as (
    select distinct on (unit_id) unit_id, parent_id, county, name from appraisal.unit_definition where time <= now()
    order by unit_id, sequence desc, event_id desc
), setting as (
    select distinct on (unit_id, team, year) unit_id, team, year, quota, time from appraisal.quota_setting
    where time <= now()
    order by unit_id, team, year, sequence desc, time desc, quota desc
), above as (
    select u.unit_id, u.county, u.parent_id as ancestor from unit u where u.parent_id is not null
    union
    select a.unit_id, a.county, u.parent_id from above a join unit u on u.unit_id = a.ancestor
    where u.parent_id is not null
)
select u.county, s.unit_id, u.name ->> 'zh' as name_zh, u.name ->> 'en' as name_en, s.team, s.year, s.quota,
       s.time as set_at,
       not exists (
           select from above a
           join unit v on v.unit_id = a.ancestor and v.county = a.county
           join setting o on o.unit_id = a.ancestor and o.team = s.team and o.year = s.year
           where a.unit_id = s.unit_id and a.ancestor <> s.unit_id
       ) as counted
from setting s join unit u on u.unit_id = s.unit_id;

-- One row per counted event: where it stands in the log, when and in which county it happened. subject: the tip, case,
-- post, share or attendance; of movements of volunteers, whose subject is the volunteer, it is left out.
create or replace view report.fact as
select f.id as event_id, k.type, f.county, f.other_county, f.time, f.day, f.recordedtime, f.sequence,
       case when f.kind > 3 then f.subject end as subject,
       case when f.kind = 8 then f.flag & 1 > 0 end as acted,
       case when f.kind = 8 then f.flag & 2 > 0 end as answered,
       case when f.kind = 8 then f.flag & 4 > 0 end as declined,
       case when f.kind = 11 then f.flag & 8 > 0 end as no_action,
       'qingsheng.' || split_part(k.type, '.', 2) || '.events' as topic, f."partition", f."offset"
from appraisal.fact f
join (values
    (1, 'qingsheng.roster.volunteer_registered.v1'), (2, 'qingsheng.roster.volunteer_transferred.v1'),
    (3, 'qingsheng.roster.volunteer_left.v1'), (4, 'qingsheng.training.attendance_recorded.v1'),
    (5, 'qingsheng.training.attendance_voided.v1'), (6, 'qingsheng.opinion.tip_reported.v1'),
    (7, 'qingsheng.opinion.tip_triaged.v1'), (8, 'qingsheng.opinion.tip_resolved.v1'),
    (9, 'qingsheng.opinion.tip_voided.v1'), (10, 'qingsheng.opinion.correction_opened.v1'),
    (11, 'qingsheng.opinion.correction_closed.v1'), (12, 'qingsheng.campaign.post_published.v1'),
    (13, 'qingsheng.campaign.post_withdrawn.v1'), (14, 'qingsheng.campaign.repost_logged.v1'),
    (15, 'qingsheng.campaign.repost_voided.v1')
) as k (kind, type) on k.kind = f.kind;

-- Closed reports, every revision, as stored. stands: the one that answers for its period now. record: the text whose
-- SHA-256 is the digest.
create or replace view report.closed_report as
select c.period, c.revision, c.closed_at, c.reopened_at, c.reopened_reason,
       c.reopened_at is null and c.revision = max(c.revision) over (partition by c.period) as stands,
       c.record::jsonb #>> '{scheme,scheme_id}' as scheme, (c.record::jsonb #>> '{scheme,version}')::int as scheme_version,
       (c.record::jsonb #>> '{events,count}')::bigint as events, c.digest, c.previous_digest, c.record
from appraisal.closing c;

create or replace view report.closed_county as
select c.period, c.revision, c.stands, b.county, b.name ->> 'zh' as name_zh, b.name ->> 'en' as name_en,
       b.score, b.rank, b.note
from report.closed_report c
cross join lateral jsonb_to_recordset(c.record::jsonb -> 'counties')
    as b (county text, name jsonb, score numeric, rank int, note text);

create or replace view report.closed_indicator as
select c.period, c.revision, c.stands, b.county, i.indicator, i.numerator, i.denominator, i.value, i.target, i.attainment,
       i.weight, i.points, i.note
from report.closed_report c
cross join lateral jsonb_to_recordset(c.record::jsonb -> 'counties') as b (county text, indicators jsonb)
cross join lateral jsonb_to_recordset(b.indicators)
    as i (indicator text, numerator numeric, denominator numeric, value numeric, target numeric, attainment numeric,
          weight numeric, points numeric, note text);

-- The sums of all bodies in a closed report.
create or replace view report.closed_sum as
select c.period, c.revision, c.stands, i.indicator, i.numerator, i.denominator, i.value
from report.closed_report c
cross join lateral jsonb_to_recordset(c.record::jsonb -> 'city')
    as i (indicator text, numerator numeric, denominator numeric, value numeric);

grant select on all tables in schema report to qingsheng_committee;

-- migrate:down
drop schema if exists report cascade;
