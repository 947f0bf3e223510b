-- migrate:up

-- The private link to a volunteer's own page: its hash. One living link a volunteer.
create table volunteer_link (
    token_hash   bytea primary key,
    volunteer_id uuid not null,
    issued_by    text not null,
    issued_at    timestamptz not null,
    revoked_at   timestamptz
);
create unique index volunteer_link_living on volunteer_link (volunteer_id) where revoked_at is null;

-- Shares of known volunteers that were refused, so that their own pages can say why; for 400 days. Told again, a share
-- stands here once. No link, text or handle is kept; post_id only of a post that is known.
create table refused_share (
    refusal_id   uuid primary key,
    volunteer_id uuid not null,
    account_id   uuid,
    post_id      uuid,
    shared_at    timestamptz not null,
    code         text not null,
    refused_at   timestamptz not null,
    unique nulls not distinct (volunteer_id, account_id, post_id, shared_at, code)
);
create index on refused_share (refused_at);
create index on repost (volunteer_id, shared_at, repost_id);
create index on post (county, post_id);

-- Lists that were uploaded, kept for a day (shared/uploads.py).
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
drop table upload, refused_share, volunteer_link;
drop index repost_volunteer_id_shared_at_repost_id_idx, post_county_post_id_idx;
