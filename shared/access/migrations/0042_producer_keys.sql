-- migrate:up
-- API keys of other systems. A system may have several, so that a new one can take the old one's place without a gap. A
-- key opens the front doors of the services it was issued for, and what the roster tells other systems.

create table producer_key (
    key_hash   bytea primary key,
    producer   text not null check (producer ~ '^[a-z][a-z0-9-]{1,38}[a-z0-9]$'),
    services   text[] not null,
    issued_at  timestamptz not null default now(),
    revoked_at timestamptz
);
create index on producer_key (producer);

-- Those that each service kept for itself so far. Their tables stay while processes of before may still read them.
insert into producer_key (key_hash, producer, services, issued_at, revoked_at)
select key_hash, name, array_agg(service order by service), min(created_at),
       case when bool_and(revoked_at is not null) then max(revoked_at) end
from (
    select 'training' as service, name, key_hash, created_at, revoked_at from training.producer
    union all select 'opinion', name, key_hash, created_at, revoked_at from opinion.producer
    union all select 'campaign', name, key_hash, created_at, revoked_at from campaign.producer
) as known
group by key_hash, name;

grant select on producer_key to qingsheng_roster, qingsheng_training, qingsheng_opinion, qingsheng_campaign, qingsheng_appraisal;

-- migrate:down
drop table producer_key;
