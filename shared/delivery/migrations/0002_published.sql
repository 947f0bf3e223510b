-- migrate:up
-- How far the relay's acknowledged events reach on each topic: written with the removal of their outbox rows. What lies
-- behind it on the service's own topic may be copies of events still in the outbox, or tell that this database is older
-- than what was published.
create table published (
    topic       text not null,   -- full name, with the deployment's prefix
    "partition" int not null,
    next_offset bigint not null,
    primary key (topic, "partition")
);

-- Stands here while this database lacks events that are on the service's own topic: commands are refused, nothing is sent.
create table behind (
    only_one boolean primary key default true check (only_one),
    since    timestamptz not null default now(),
    events   bigint not null      -- how many were seen when it was found
);

-- migrate:down
drop table behind, published;
