-- migrate:up
-- A key is its sender's own: what another one sends under the same key is another write. Answers kept before belong to
-- nobody that is known, and are found no more: a repeat across this migration is a new write.
alter table idempotency_key add column principal text not null default '';
alter table idempotency_key drop constraint idempotency_key_pkey, add primary key (principal, key);

-- migrate:down
delete from idempotency_key a using idempotency_key b where a.key = b.key and a.principal > b.principal;
alter table idempotency_key drop constraint idempotency_key_pkey, add primary key (key);
alter table idempotency_key drop column principal;
