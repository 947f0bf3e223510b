-- migrate:up
-- What a tip needs from day to day: a date by which it is due, somebody who sees to it, an answer and the way back to
-- whoever told it. And what a correction shows in public.

alter table tip
    add column due_on             date,         -- null: so many days after the report as the deployment says
    add column responsible_county text,
    add column assigned_to        text,         -- the operator's name of sign-in
    add column answer             text,         -- erased with the text
    add column answer_at          timestamptz,
    add column status_hash        bytea unique, -- of the token in the private link
    add column contact            bytea;        -- sealed under a key of its own
create index tip_open on tip (reported_at) where resolved_at is null and voided_at is null;
create index tip_merged on tip (merged_into) where merged_into is not null;
create index tip_contact on tip (tip_id) where contact is not null;

-- Erasing a contact deletes its key: what backups may still hold of the sealed contact then opens nowhere.
create table contact_key (
    tip_id uuid primary key references tip,
    key    bytea not null                       -- sealed under the deployment's secret
);

-- How many reports an address may still send through the public form; the address itself is stored nowhere.
create table form_bucket (
    key    bytea primary key,                   -- keyed hash of the address
    tokens double precision not null,
    at     timestamptz not null
);

-- E-mails about overdue tips that have been sent.
create table digest (
    day     date not null,
    unit_id text not null,
    primary key (day, unit_id)
);

alter table correction
    add column claim      text,
    add column claim_link text,                 -- where it was published; stored, never fetched
    add column finding    text;

create table evidence (
    case_id  uuid not null references correction,
    number   int not null,
    link     text not null,
    title    text,
    kind     text not null,
    primary key (case_id, number),
    unique (case_id, link)
);
-- correction.evidence keeps the links that the closing counted.
insert into evidence (case_id, number, link, kind)
select case_id, number, link, 'other' from correction, unnest(evidence) with ordinality as e (link, number);

create table timeline_entry (
    case_id uuid not null references correction,
    number  int not null,
    at      timestamptz not null,
    text    text not null,
    primary key (case_id, number)
);

-- migrate:down
drop table timeline_entry, evidence, digest, form_bucket, contact_key;
alter table correction drop column finding, drop column claim_link, drop column claim;
alter table tip drop column contact, drop column status_hash, drop column answer_at, drop column answer,
    drop column assigned_to, drop column responsible_county, drop column due_on;
