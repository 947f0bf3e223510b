-- migrate:up

-- Columns under which posts appear. ("column" alone is a word of SQL.)
create table post_column (
    column_id uuid primary key,
    unit_id   text not null,
    county    text not null,
    title     jsonb not null,
    opened_on date not null
);

create table post (
    post_id          uuid primary key,
    column_id        uuid references post_column,
    channel          text not null,
    unit_id          text not null,
    county           text not null,
    title            text not null,
    url              text not null,
    url_digest       bytea not null,  -- SHA-256 of url: an index cannot hold 2,000 characters
    published_at     timestamptz not null,
    withdrawn_at     timestamptz,
    withdrawn_reason text
);
-- One standing post a link. A withdrawn one may be entered again, corrected.
create unique index post_standing on post (url_digest) where withdrawn_at is null;
create index on post (url_digest);
create index on post (column_id, post_id);

-- One row a share. No foreign key to post: posts are never deleted, and the check would lock the few posts that all
-- shares of a day are of.
create table repost (
    repost_id     uuid primary key,
    post_id       uuid not null,
    volunteer_id  uuid not null,
    account_id    uuid not null,
    shared_at     timestamptz not null,
    voided_at     timestamptz,
    platform      text not null,
    county        text not null,      -- of the volunteer's unit on the day of the share
    link          text,               -- public; stored, never fetched
    report_source text,               -- the intake report it came by
    report_id     text,
    void_reason   text
);
-- The rule that an account shares a post once, also between transactions.
create unique index repost_counted on repost (account_id, post_id) where voided_at is null;
create unique index repost_report on repost (report_source, report_id) where report_id is not null;
create index on repost (volunteer_id, repost_id);
create index on repost (post_id, repost_id) include (voided_at);

-- migrate:down
drop table repost, post, post_column;
