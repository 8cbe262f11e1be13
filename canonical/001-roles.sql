-- Who may do what. Everything belongs to a role that nobody logs in as; the three that log in get the least they need.
--   distributary_app     commands: sees one tenant, or all as the bureau's staff
--   distributary_relay   streams the outbox, beats, republishes dependants
--   distributary_reader  backfill and verification: whole states, no tables

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('distributary_owner', 'nologin'),
      ('distributary_app', 'login'),
      ('distributary_relay', 'login'),
      ('distributary_reader', 'login')) as roles (name, attributes)
  loop
    begin
      execute format('create role %I %s', wanted.name, wanted.attributes);
    exception when duplicate_object or unique_violation then
      null; -- roles belong to the whole server: another of its databases has made it
    end;
  end loop;

  -- On Aurora these memberships stand for what an attribute says elsewhere.
  if exists (select from pg_roles where rolname = 'rds_replication') then
    grant rds_replication to distributary_relay;
    grant rds_iam to distributary_app, distributary_relay, distributary_reader;
  else
    alter role distributary_relay replication;
  end if;

  if current_user <> 'distributary_owner' then
    grant distributary_owner to current_user;
  end if;
  execute format('grant create on database %I to distributary_owner', current_database());
  execute format('alter database %I set search_path = canonical', current_database());
end $$;

create extension if not exists btree_gist with schema public;
create schema canonical authorization distributary_owner;
grant usage on schema canonical to distributary_app, distributary_relay, distributary_reader;

-- A function that runs as its owner is nobody's unless it is granted.
alter default privileges for role distributary_owner revoke execute on functions from public;
