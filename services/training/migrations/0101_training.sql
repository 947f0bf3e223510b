-- migrate:up

create table session (
    session_id    uuid primary key,
    kind          text not null,
    title         jsonb not null,
    starts_at     timestamptz not null,
    hours         double precision not null,
    venue_count   int not null,
    organisers    text[] not null,
    joint_with    text,
    county        text not null,      -- the first organiser's
    cancelled_at  timestamptz,
    cancel_reason text
);

-- One row an attendance. No foreign key to session: sessions are never deleted, and who records holds the session anyway.
create table attendance (
    attendance_id uuid primary key,
    session_id    uuid not null,
    volunteer_id  uuid not null,
    venue_no      int not null,
    hours         double precision not null,
    held_on       date not null,
    county        text not null,      -- of the volunteer's unit on that day
    voided_at     timestamptz,
    void_reason   text
);
-- The rule that a volunteer attends a session once, also between transactions. A voided attendance may be recorded again.
create unique index attendance_counted on attendance (session_id, volunteer_id) where voided_at is null;
create index on attendance (session_id, attendance_id);
create index on attendance (volunteer_id, attendance_id);

-- migrate:down
drop table attendance, session;
