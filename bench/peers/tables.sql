-- What a peer fills: the appraisal's own tables for shares, with the same keys and indexes, empty.
drop schema if exists peer cascade;
create schema peer;
create table peer.fact (like appraisal.fact including all);
create table peer.person_count (like appraisal.person_count including all);
create table peer.tally (like appraisal.tally including all);
