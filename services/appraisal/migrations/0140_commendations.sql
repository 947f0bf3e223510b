-- migrate:up
-- Volunteers who want to be considered for commendation (charter C8); the line goes when they no longer do.
create table commendation_consent (
    volunteer   uuid primary key,
    unit_id     text not null,
    county      text not null,
    opted_in_on date not null,
    recorded_at timestamptz not null,
    recorded_by text not null
);

-- What the committee awarded. By year and volunteer; no order among them.
create table commendation (
    year        int not null,
    volunteer   uuid not null,
    unit_id     text not null,
    county      text not null,
    opted_in_on date not null,
    awarded_at  timestamptz not null,
    awarded_by  text not null,
    primary key (year, volunteer)
);

do $$ declare role text := 'qingsheng_' || current_schema(); begin
    execute format('revoke update, delete, truncate on commendation from %I', role);
end $$;

-- migrate:down
drop table commendation, commendation_consent;
