-- migrate:up
-- A subject is somebody at one issuer only. Rows of before get their issuer when the person signs in the next time.
alter table account add column oidc_issuer text;
alter table account drop constraint account_oidc_subject_key;
create unique index account_of_directory on account (oidc_subject, oidc_issuer) nulls not distinct
    where oidc_subject is not null;

-- migrate:down
drop index account_of_directory;
alter table account add constraint account_oidc_subject_key unique (oidc_subject);
alter table account drop column oidc_issuer;
