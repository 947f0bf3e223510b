-- migrate:up
-- Answers that stand beside those of remembered reports: to other content under a used id, and to reports under another one's
-- name. source: of the producer that they were given to. Kept 400 days.
create table intake_aside (
    source      text not null,
    answer_id   uuid not null,
    answer      bytea not null,
    answer_no   bigint not null,
    answered_in xid8 not null,
    at          timestamptz not null default now(),
    primary key (source, answer_id)
);
create index on intake_aside (source, answered_in, answer_no);
create index on intake_aside (at);

-- migrate:down
drop table intake_aside;
