-- migrate:up

create table tip (
    tip_id              uuid primary key,
    channel             text not null,
    kind                text not null,
    topic               text not null,
    unit_id             text not null,
    county              text not null,      -- of the unit it is filed with
    text                text,               -- never in an event; erased when it is needed no longer (charter C5)
    text_erased_at      timestamptz,
    relayed_by          uuid,
    reported_at         timestamptz not null,
    responsible_unit_id text,
    triaged_at          timestamptz,
    resolved_at         timestamptz,
    outcome             text,
    answered            boolean,
    action              jsonb,
    voided_at           timestamptz,
    void_reason         text,
    merged_into         uuid references tip
);
create index on tip (unit_id, tip_id);
create index on tip (responsible_unit_id, tip_id);
-- Texts that will have to be erased.
create index tip_ended on tip (least(resolved_at, voided_at)) where text is not null;

create table correction (
    case_id            uuid primary key,
    unit_id            text not null,
    county             text not null,
    claim_published_at timestamptz not null,
    source_kind        text not null,
    opened_at          timestamptz not null,
    closed_at          timestamptz,
    outcome            text,
    evidence           text[],              -- public links; stored, never fetched
    official_source    text,
    media_met          boolean
);
create index on correction (unit_id, case_id);

-- migrate:down
drop table correction, tip;
