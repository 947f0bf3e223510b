-- migrate:up
-- What another service keeps of the roster's events. Rebuildable from the log at any time.

create table unit (
    unit_id   text primary key,
    sequence  bigint not null,
    kind      text not null,
    county    text not null,
    parent_id text,
    name      jsonb not null
);

-- Registrations, transfers (both as a unit entered) and departures (no unit), one row an event.
create table movement (
    volunteer_id uuid not null,
    sequence     bigint not null,
    day          date not null,
    unit_id      text,
    county       text not null,
    primary key (volunteer_id, sequence)
);

-- Disclosures (open) and withdrawals of accounts, one row an event.
create table account_movement (
    account_id   uuid not null,
    sequence     bigint not null,
    volunteer_id uuid not null,
    platform     text,
    opens        boolean not null,
    since        timestamptz not null,
    primary key (account_id, sequence)
);
create index on account_movement (volunteer_id);

-- migrate:down
drop table account_movement, movement, unit;
