-- migrate:up
-- People who may sign in. Each service reads who a session belongs to; the roster alone, where people sign in, reads
-- passwords and writes.

create table account (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9._@-]{1,63}$'),
    roles      text[] not null,
    county     text,               -- of a county operator
    made_by    text not null,
    created_at timestamptz not null default now(),
    disabled_at timestamptz,
    check (('county_operator' = any (roles)) = (county is not null))
);

create table credential (
    name          text primary key references account on delete cascade,
    password_hash text not null,   -- argon2id
    failures      int not null default 0,
    locked_until  timestamptz
);

-- Links that let a new or forgetful person choose a password, once.
create table invitation (
    token_hash bytea primary key,
    name       text not null references account on delete cascade,
    expires_at timestamptz not null
);

create table session (
    token_hash bytea primary key,
    name       text not null references account on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index on session (name);

grant usage on schema access to qingsheng_roster, qingsheng_training, qingsheng_opinion, qingsheng_campaign, qingsheng_appraisal;
grant select on account, session to qingsheng_roster, qingsheng_training, qingsheng_opinion, qingsheng_campaign, qingsheng_appraisal;
grant insert, delete on session to qingsheng_roster;
grant select, insert, update on credential to qingsheng_roster;
grant select, delete on invitation to qingsheng_roster;
grant insert, update on account to qingsheng_roster;

-- migrate:down
drop table session, invitation, credential, account;
