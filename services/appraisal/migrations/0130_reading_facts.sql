-- migrate:up
-- The events behind a figure, page by page in order of time; and one kind of fact without a look at all others.
create index fact_behind on fact (kind, county, time, id);
-- A volunteer's shares and attendances: how many of them came before one.
create index fact_of_volunteer on fact (volunteer, kind, day) where kind in (4, 14);
-- Former counties of transfers.
create index fact_moved_out on fact (other_county, time, id) where other_county is not null;
-- Second tellings are rare; looked for whenever facts are read.
create index fact_told_again on fact (subject, kind) where telling > 0 and kind > 3;

-- Subjects whose facts name more than one county: rare, and read whole wherever one of their counties is asked about.
create table mixed_subject (
    subject uuid primary key
);
insert into mixed_subject select subject from fact where kind > 3 group by subject having count(distinct county) > 1;

-- migrate:down
drop table mixed_subject;
drop index fact_told_again, fact_moved_out, fact_of_volunteer, fact_behind;
