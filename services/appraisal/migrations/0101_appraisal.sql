-- migrate:up

-- Every definition of a unit: the appraised bodies, and the tree that quotas hang on, as known at any moment.
create table unit_definition (
    event_id     uuid primary key,
    unit_id      text not null,
    sequence     bigint not null,
    kind         text not null,
    county       text not null,
    parent_id    text,
    name         jsonb not null,
    time         timestamptz not null,
    recordedtime timestamptz not null
);

-- Every setting of a quota; which one is in force depends on the moment that is asked about.
create table quota_setting (
    event_id     uuid primary key,
    unit_id      text not null,
    team         text not null,
    year         int not null,
    quota        int not null,
    sequence     bigint not null,
    time         timestamptz not null,
    recordedtime timestamptz not null
);

-- One narrow row per counted event: the inbox (by id) and the evidence. Columns by size, so that none is padded.
create table fact (
    id           uuid not null primary key,
    subject      uuid not null,         -- what the event speaks of: volunteer, attendance, tip, case, post, repost
    volunteer    uuid,
    time         timestamptz not null,
    recordedtime timestamptz not null,
    sequence     bigint not null,
    "offset"     bigint not null,
    day          date not null,         -- local date of time
    telling      int not null default 0, -- 0: the first told here; movements: their sequence; others: second tellings
    "partition"  int not null,
    kind         smallint not null,
    flag         smallint not null,
    county       text not null,
    other_county text                   -- a transfer's former county
);
-- Finds a subject's facts; and makes two workers that meet the same telling at once wait for each other.
create unique index fact_telling on fact (subject, kind, telling);

-- Subjects whose opening fact has not come while others have: where a new opening must look for what came before it.
create table early_subject (
    subject uuid primary key
);

-- Facts dated in the future when they arrived: reports leave them out until their time has come.
create table future_fact (
    id      uuid primary key,
    subject uuid not null,
    time    timestamptz not null
);
create index on future_fact (time);

-- What reports read: n by county, measure, local day and bucket.
create table tally (
    measure smallint not null,
    county  text not null,
    day     date not null,
    bucket  int not null,
    n       bigint not null,
    primary key (measure, county, day, bucket)
);

-- Counted shares of a volunteer in a county and month; attendances by month, quarter, half and year.
create table person_count (
    volunteer uuid not null,
    start     date not null,
    grain     smallint not null,
    county    text not null,
    n         int not null,
    primary key (volunteer, start, grain, county)
);

-- migrate:down
drop table person_count, tally, future_fact, early_subject, fact, quota_setting, unit_definition;
