-- migrate:up

-- A unit's own reference of a ledger row, so that the row is not taken twice. It stays with the unit that gave it,
-- wherever the volunteer is transferred to.
create table ledger_row (
    unit_id      text not null references unit,
    row_ref      text not null,
    volunteer_id uuid not null references volunteer,
    primary key (unit_id, row_ref)
);
create index on ledger_row (volunteer_id);

insert into ledger_row (unit_id, row_ref, volunteer_id)
select coalesce((select m.unit_id from movement m where m.volunteer_id = v.volunteer_id order by m.id limit 1), v.unit_id),
       v.row_ref, v.volunteer_id
from volunteer v where v.row_ref is not null
order by v.volunteer_id
on conflict do nothing;

drop index volunteer_row_ref;
alter table volunteer drop column row_ref;

-- migrate:down
alter table volunteer add column row_ref text;
update volunteer v set row_ref = r.row_ref from ledger_row r where r.volunteer_id = v.volunteer_id and r.unit_id = v.unit_id;
create unique index volunteer_row_ref on volunteer (unit_id, row_ref) where row_ref is not null;
drop table ledger_row;
