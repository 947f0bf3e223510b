-- migrate:up

-- Who a volunteer is: sealed under a key of the person's own, the key wrapped (services/roster/personal.py). Erasing a
-- person deletes the row and with it the key.
create table contact (
    volunteer_id uuid primary key references volunteer,
    wrapped_key  bytea not null,
    sealed       bytea not null,
    changed_at   timestamptz not null default now()
);

-- Keyed hashes of phone and e-mail, so that the same person is noticed without reading anybody's.
create table contact_hash (
    volunteer_id uuid not null references volunteer,
    kind         text not null check (kind in ('phone', 'email')),
    hash         bytea not null,
    primary key (volunteer_id, kind)
);
create index on contact_hash (hash);

-- The waiting list is the nominated of a unit and team in the order of their ids, which are made at nomination.
alter table volunteer
    add column nominated_on date not null default current_date,
    add column erased_at    timestamptz;
create index on volunteer (unit_id, team, volunteer_id) where state = 'nominated';
create index on volunteer (state, volunteer_id);
create index on volunteer (unit_id, volunteer_id);

-- Who saw and verified a disclosure; of those entered before it was asked, nobody knows. The address of an erased
-- person's disclosure goes with the person.
alter table account
    add column verified_by text,
    alter column disclosure_url drop not null;

-- A row of an erased person stays as taken, and means nobody.
alter table ledger_row alter column volunteer_id drop not null;

-- Ledgers that were uploaded on a page, sealed, kept for a day (shared/uploads.py).
create table upload (
    upload_id uuid primary key,
    made_by   text not null,
    made_at   timestamptz not null default now(),
    subject   text not null,
    file_name text not null,
    content   bytea not null,
    dry_run   boolean not null,
    results   jsonb not null
);

-- migrate:down
drop table upload, contact_hash, contact;
delete from ledger_row where volunteer_id is null;
alter table ledger_row alter column volunteer_id set not null;
update account set disclosure_url = '' where disclosure_url is null;
alter table account drop column verified_by, alter column disclosure_url set not null;
drop index volunteer_state_volunteer_id_idx, volunteer_unit_id_volunteer_id_idx, volunteer_unit_id_team_volunteer_id_idx;
alter table volunteer drop column nominated_on, drop column erased_at;
