-- migrate:up
-- People from the city's own directory (OpenID Connect): who they are there.
alter table account add column oidc_subject text unique;

-- migrate:down
alter table account drop column oidc_subject;
