-- migrate:up

-- A session is planned, held or cancelled. Those entered before there was a plan were held.
alter table session
    add column held        boolean not null default true,
    add column planned_for timestamptz,                    -- its start as it was planned; null: never planned
    add column ends_on     date,                           -- last day of a session of several days
    add column counties    text[] not null default '{}',   -- that take part: of organisers and venues
    add column version     int not null default 1;
update session set counties = array[county], version = case when cancelled_at is null then 1 else 2 end;
create index on session (starts_at, session_id);

-- Venues that have a name. A session may have more than are told here (session.venue_count).
create table venue (
    session_id uuid not null references session,
    venue_no   int not null,
    name       text not null,
    unit_id    text,
    county     text,          -- of that unit
    capacity   int,
    primary key (session_id, venue_no)
);

-- The private link to a venue's page: its hash. One living link a venue.
create table venue_link (
    token_hash bytea primary key,
    session_id uuid not null references session,
    venue_no   int not null,
    county     text,          -- whose volunteers it may record; null: of all counties
    issued_by  text not null,
    issued_at  timestamptz not null,
    revoked_at timestamptz
);
create unique index venue_link_living on venue_link (session_id, venue_no) where revoked_at is null;

-- Who is expected at a venue, so that its host can tick them. list_no: the number on the host's own list, on paper.
create table expected (
    session_id   uuid not null references session,
    volunteer_id uuid not null,
    venue_no     int not null,
    list_no      int,
    primary key (session_id, volunteer_id)
);
create unique index on expected (session_id, venue_no, list_no);

-- Lists that were uploaded, kept for a day (shared/uploads.py).
create table upload (
    upload_id uuid primary key,
    made_by   text not null,
    made_at   timestamptz not null default now(),
    subject   text not null,
    file_name text not null,
    content   bytea not null,
    dry_run   boolean not null,
    results   jsonb not null
);

-- migrate:down
drop table upload, expected, venue_link, venue;
drop index session_starts_at_session_id_idx;
alter table session drop column held, drop column planned_for, drop column ends_on, drop column counties, drop column version;
