-- migrate:up

-- How many more contacts a county's operators may have compared with those that are kept (services/roster/comparing.py).
create table comparison_bucket (
    county text primary key,
    tokens float8 not null,
    at     timestamptz not null
);

-- Whose volunteers an uploaded ledger names; null: not known, as of those uploaded before this was asked. Somebody's
-- erasure removes the lists of that county, and no other's.
alter table ledger_run add column counties text[];

-- migrate:down
drop table comparison_bucket;
alter table ledger_run drop column counties;
