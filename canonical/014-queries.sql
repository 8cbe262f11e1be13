-- Queries of the API log in as a role of their own, which sees what distributary_app sees and changes nothing: all that it
-- writes is the record of who read a restricted case.

do $$
begin
  create role distributary_query login;
exception when duplicate_object or unique_violation then
  null; -- roles belong to the whole server: another of its databases has made it
end $$;

do $$
begin
  if exists (select from pg_roles where rolname = 'rds_iam') then
    grant rds_iam to distributary_query;
  end if;
end $$;

set local role distributary_owner;
set local search_path = canonical;

-- The very same policies: what is seen cannot differ between a query and a command.
do $$
declare
  found record;
begin
  for found in
    select tablename, policyname from pg_policies
      where schemaname = 'canonical' and cmd = 'SELECT' and roles = '{distributary_app}'
  loop
    execute format('alter policy %I on %I to distributary_app, distributary_query', found.policyname, found.tablename);
  end loop;
end $$;
alter policy add on reading_log to distributary_app, distributary_query;

grant usage on schema canonical to distributary_query;
grant select on tenants, users, memberships, parties, cases, case_parties, case_statuses, case_lifecycle, case_transitions,
  assignments, evidence, tasks, decisions, legal_holds, policy_periods, audit_log, reading_log to distributary_query;
grant insert (tenant_id, case_id, operation, version) on reading_log to distributary_query;
grant execute on function current_tenant(), bureau_role(), may_read_all(), may_write_all(), act_as(uuid, uuid), actor(),
  session_tenant(), assigned_cases(), memberships_of(uuid), version_on_the_wire(bigint), iso(timestamptz)
  to distributary_query;
