-- migrate:up
-- The tables of delivery: every service has its own copy, in its own schema.

-- Version and last recording time of each thing named by a partition key; its row lock orders the thing's events.
create table stream (
    key          text primary key,
    sequence     bigint not null,
    recordedtime timestamptz not null
);

-- Events that are committed but not yet acknowledged by Kafka. The relay deletes a row after the acknowledgement.
create table outbox (
    id         bigint generated always as identity primary key,
    topic      text not null,
    key        text not null,
    value      bytea not null,
    created_at timestamptz not null default clock_timestamp()
);

-- How far each partition has been applied: written in the transaction of the effects, compare-and-set on next_offset.
create table consumer_offset (
    topic          text not null,
    "partition"    int not null,
    next_offset    bigint not null,
    recorded_until timestamptz,  -- latest recordedtime applied
    caught_up_at   timestamptz,  -- last moment at which nothing was left to read
    primary key (topic, "partition")
);

-- A topic whose invalid share passed the bound: read no further until an operator says so.
create table consumer_pause (
    topic  text primary key,
    since  timestamptz not null default now(),
    reason text not null
);

-- One row a running worker: what readiness is answered from.
create table worker_state (
    worker   uuid primary key,
    at       timestamptz not null,
    problems text[] not null,
    lag      bigint not null
);

-- Events a reaction has already answered.
create table inbox (
    event_id   uuid primary key,
    handled_at timestamptz not null default now()
);

-- Records that could not be applied, as they were.
create table dead_letter (
    id          bigint generated always as identity primary key,
    topic       text not null,
    "partition" int not null,
    "offset"    bigint not null,
    key         bytea,
    value       bytea,
    headers     jsonb not null,
    sealed      boolean not null,  -- key and value are encrypted, and erased after 30 days
    reason      text not null,
    detail      text not null,
    arrived_at  timestamptz not null default now(),
    unique (topic, "partition", "offset")
);
create index on dead_letter (reason, id);

-- What operators did by hand. Append-only for the service's role.
create table audit_line (
    id     bigint generated always as identity primary key,
    at     timestamptz not null default now(),
    actor  text not null,
    action text not null,
    detail jsonb not null
);

-- A write that was answered once under this key is answered the same again.
create table idempotency_key (
    key      text primary key,
    digest   bytea not null,
    status   int,
    headers  jsonb,
    body     bytea,
    at       timestamptz not null default now()
);
create index on idempotency_key (at);

do $$ begin
    if exists (select from pg_roles where rolname = 'qingsheng_' || current_schema) then
        execute format('revoke update, delete, truncate on audit_line from %I', 'qingsheng_' || current_schema);
    end if;
end $$;

-- migrate:down
drop table idempotency_key, audit_line, dead_letter, inbox, worker_state, consumer_pause, consumer_offset, outbox, stream;
