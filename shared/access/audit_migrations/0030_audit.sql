-- migrate:up
-- Every look at personal data, every change of a scheme, a period or a permission. Its readers cannot alter it: the
-- service's role may only add, no one may change or remove, and each line carries the hash of the one before.

create table audit (
    number   bigint primary key,
    at       timestamptz not null,
    actor    text not null,
    action   text not null,
    subject  text not null,
    details  jsonb not null,
    hash     bytea not null      -- SHA-256 of the line before's hash and this line, see shared/access/audit.py
);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit log is append-only';
end $$;
create trigger append_only before update or delete or truncate on audit
    for each statement execute function audit_is_append_only();

do $$ begin
    execute format('revoke update, delete, truncate on audit from %I', 'qingsheng_' || current_schema());
end $$;

-- migrate:down
drop table audit;
drop function audit_is_append_only();
