-- migrate:up

-- How far an uploaded ledger is, told by the process that takes it; without a beat for a while, it was interrupted, and
-- nothing of it stayed.
create table ledger_run (
    upload_id uuid primary key references upload on delete cascade,
    total     int not null,
    done      int not null default 0,
    beat_at   timestamptz not null default now(),
    ended_at  timestamptz,
    refusal   jsonb            -- why the whole was refused: {code, message {zh, en}}
);

-- migrate:down
drop table ledger_run;
