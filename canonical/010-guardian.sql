-- The guardian looks at every replication slot and at the last heartbeat; it may see nothing else.

do $$
begin
  create role distributary_guardian login;
exception when duplicate_object or unique_violation then
  null; -- roles belong to the whole server: another of its databases has made it
end $$;

do $$
begin
  if exists (select from pg_roles where rolname = 'rds_iam') then
    grant rds_iam to distributary_guardian;
  end if;
end $$;

set local role distributary_owner;
grant usage on schema canonical to distributary_guardian;
grant select on canonical.heartbeat to distributary_guardian;
