-- migrate:up
-- The front door: for services that take reports from other systems.

-- Systems that may report here. A key is stored hashed.
create table producer (
    name       text primary key,
    key_hash   bytea not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

-- Every report by its producer's own id: what was said, and the one answer it got. Kept 400 days.
create table intake_request (
    source      text not null,
    id          text not null,
    digest      bytea not null,
    answer      bytea,          -- the answer event; null while the report waits
    answer_no   bigint,
    answered_in xid8,           -- lists of answers stop before transactions that may still commit
    at          timestamptz not null default now(),
    primary key (source, id)
);
create index on intake_request (source, answered_in, answer_no) where answered_in is not null;
create index on intake_request (at);
create sequence intake_answer_no;

-- Reports that need something not yet seen. The report itself is sealed.
create table parked (
    source      text not null,
    id          text not null,
    type        text not null,
    request     bytea not null,
    thing       text not null,      -- what is missing, e.g. volunteer/0198…
    awaits      text,               -- the topic it would come on; null when it comes by HTTP only
    read_to     jsonb,              -- {topic: {partition: end}} at parking
    clock_from  timestamptz,        -- when the topic had been read up to there: the waiting time runs from here
    arrived     boolean not null default false,
    parked_at   timestamptz not null default now(),
    primary key (source, id)
);
create index on parked (thing);

-- migrate:down
drop table parked, intake_request, producer;
drop sequence intake_answer_no;
