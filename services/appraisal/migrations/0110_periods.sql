-- migrate:up
-- Closed reports. Each line is bound to the one closed before it, whichever period it was of.
create table closing (
    number          bigint primary key,
    period          text not null,
    revision        int not null,
    closed_at       timestamptz not null,
    record          text not null,      -- in RFC 8785 form: its SHA-256 is the digest
    digest          text not null,
    previous_digest text,
    reason          text,               -- why open objections were passed by
    sensitivity     jsonb not null,     -- by county: see sensitivity.py
    reopened_at     timestamptz,
    reopened_by     text,
    reopened_reason text,
    unique (period, revision)
);

-- What counties say of their preliminary figures, for the revision that is being prepared.
create table confirmation (
    period   text not null,
    revision int not null,
    county   text not null,
    at       timestamptz not null,
    by       text not null,
    figures  text not null,             -- SHA-256 of the county's row that was confirmed
    primary key (period, revision, county)
);
create table objection (
    objection_id uuid primary key,
    period       text not null,
    revision     int not null,
    county       text not null,
    indicator    text,
    event_id     uuid,
    text         text not null,
    at           timestamptz not null,
    by           text not null,
    outcome      text,
    answer       text,
    resolved_at  timestamptz,
    resolved_by  text
);
create index on objection (period, revision);

-- Schemes as they were proposed; those with adopted_at apply from valid_from on.
create table scheme (
    scheme_id   text not null,
    version     int not null,
    data        jsonb not null,
    digest      text not null,
    valid_from  date not null,
    proposed_at timestamptz not null,
    proposed_by text not null,
    adopted_at  timestamptz,
    adopted_by  text,
    primary key (scheme_id, version)
);

-- What a county plans to reach of an indicator's value in a period.
create table plan (
    period    text not null,
    county    text not null,
    indicator text not null,
    value     numeric not null,
    version   int not null,
    set_at    timestamptz not null,
    set_by    text not null,
    primary key (period, county, indicator)
);

-- Where definitions and quotas were read; unknown of those taken in before.
alter table unit_definition add column "partition" int, add column "offset" bigint;
alter table quota_setting add column "partition" int, add column "offset" bigint;

do $$ declare role text := 'qingsheng_' || current_schema(); begin
    execute format('revoke update, delete, truncate on closing, scheme from %I', role);
    execute format('grant update (reopened_at, reopened_by, reopened_reason) on closing to %I', role);
    execute format('grant update (adopted_at, adopted_by) on scheme to %I', role);
end $$;

-- migrate:down
alter table quota_setting drop column "partition", drop column "offset";
alter table unit_definition drop column "partition", drop column "offset";
drop table plan, scheme, objection, confirmation, closing;
