-- migrate:up
-- Choosing a password is a change of a permission; people do that with the roster.
grant select, insert on audit to qingsheng_roster;

-- migrate:down
revoke select, insert on audit from qingsheng_roster;
