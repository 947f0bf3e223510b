-- migrate:up
-- Wrong passwords are counted by the process that serves sign-in, by where they come from: see shared/access/attempts.py.
alter table credential drop column failures, drop column locked_until;

-- migrate:down
alter table credential add column failures int not null default 0, add column locked_until timestamptz;
