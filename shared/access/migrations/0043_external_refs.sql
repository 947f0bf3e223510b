-- migrate:up
-- What other systems call our volunteers and accounts: references of their own, which the roster registers for them. Codes,
-- never personal data. They go when the person is erased: a topic or a projection would still tie the id to the person.
create table external_ref (
    producer     text not null,
    kind         text not null check (kind in ('volunteer', 'account')),
    external_ref text collate "C" not null check (length(external_ref) between 1 and 128),
    volunteer_id uuid not null,
    account_id   uuid,
    primary key (producer, kind, external_ref),
    check ((kind = 'account') = (account_id is not null))
);
create index on external_ref (volunteer_id);

grant select, insert, delete on external_ref to qingsheng_roster;
grant select on external_ref to qingsheng_training, qingsheng_opinion, qingsheng_campaign;

-- migrate:down
drop table external_ref;
