-- migrate:up
-- How much each producer may report by HTTP just now. Not worth a disk write: after a crash every bucket is full.
create unlogged table intake_bucket (
    producer text primary key,
    tokens   float8 not null,
    at       timestamptz not null
);

-- migrate:down
drop table intake_bucket;
