-- migrate:up

create table unit (
    unit_id   text primary key,
    kind      text not null,
    parent_id text references unit,
    county    text not null,
    name      jsonb not null,
    version   int not null default 1
);

create table quota (
    unit_id text not null references unit,
    team    text not null,
    year    int not null,
    quota   int not null,
    primary key (unit_id, team, year)
);

-- No name, no phone, no handle: who a volunteer is does not stand here.
create table volunteer (
    volunteer_id  uuid primary key,
    unit_id       text not null references unit,
    team          text not null,
    category      text not null,
    state         text not null check (state in ('nominated', 'registered', 'declined', 'left')),
    row_ref       text,           -- the unit's own reference in its ledger, so that a row is not taken twice
    registered_on date,
    consented_on  date,
    moved_on      date,           -- day of the last movement: none may be dated before it
    version       int not null default 1
);
create unique index volunteer_row_ref on volunteer (unit_id, row_ref) where row_ref is not null;
create index on volunteer (unit_id, team) where state = 'registered';

-- Registrations, transfers and departures in order, for people to read.
create table movement (
    id           bigint generated always as identity primary key,
    volunteer_id uuid not null references volunteer,
    kind         text not null check (kind in ('registered', 'transferred', 'left')),
    unit_id      text not null,
    day          date not null
);
create index on movement (volunteer_id);

create table account (
    account_id     uuid primary key,
    volunteer_id   uuid not null references volunteer,
    platform       text not null,
    disclosed_at   timestamptz not null,
    verified_at    timestamptz not null,
    disclosure_url text not null,  -- where the disclosure can be seen; stored, never fetched
    withdrawn_at   timestamptz
);
create index on account (volunteer_id);

-- migrate:down
drop table account, movement, volunteer, quota, unit;
