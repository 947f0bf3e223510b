-- migrate:up
-- Once a day how far the audit log reached, under a key that is not in the database: whoever cuts the log, or makes its
-- chain anew, cannot make seals that fit. And what the last look at the whole chain showed.

create table audit_seal (
    sealed_on date primary key,   -- local date
    lines     bigint not null,    -- the number of the last line then
    head      bytea not null,     -- HMAC-SHA-256, see shared/access/sealing.py
    sealed_at timestamptz not null default now()
);
create trigger append_only before update or delete or truncate on audit_seal
    for each statement execute function audit_is_append_only();

create table audit_check (
    only_one   boolean primary key default true check (only_one),
    checked_at timestamptz not null,
    lines      bigint not null,   -- how many lines were looked at
    topic_read boolean not null,  -- whether the seals on the topic were held against them
    faults     jsonb not null     -- an array, empty where the chain is whole
);

do $$ begin
    execute format('revoke update, delete, truncate on audit_seal from %I', 'qingsheng_' || current_schema());
    -- Accounts are administered with the roster, whose worker seals their log as well.
    if current_schema() = 'access' then
        grant select, insert on audit_seal to qingsheng_roster;
        grant select, insert, update on audit_check to qingsheng_roster;
    end if;
end $$;

-- migrate:down
drop table audit_check;
drop table audit_seal;
