-- What erases cases and moves tenants has a login of its own: that of the pipeline's operations function. Whoever only reads
-- whole states, such as the function of a team's own store, can do neither.

do $$
begin
  create role distributary_operator login;
exception when duplicate_object or unique_violation then
  null; -- roles belong to the whole server: another of its databases has made it
end $$;

do $$
begin
  if exists (select from pg_roles where rolname = 'rds_iam') then
    grant rds_iam to distributary_operator;
  end if;
end $$;

set local role distributary_owner;
set local search_path = canonical;

grant usage on schema canonical to distributary_operator;

-- No membership of one in the other: only who made both roles could grant it.
do $$
declare
  function regprocedure;
begin
  for function in
    select oid from pg_proc where pronamespace = 'canonical'::regnamespace
      and has_function_privilege('distributary_reader', oid, 'execute')
  loop
    execute format('grant execute on function %s to distributary_operator', function);
  end loop;
  foreach function in array array[
    'erasure_plan(uuid[], text[])', 'erase_case(uuid, text[], text)', 'erased_with(uuid[])', 'outbox_days()',
    'scrub_outbox(date, uuid[], uuid[])', 'scrub_history(uuid[])', 'erasure_traces(uuid[], uuid[])', 'note_erased(uuid[])',
    'expired_cases(text[], integer)', 'unerased_cases(integer)', 'erased_since(timestamptz, integer)',
    'tenants_of(uuid[])', 'holds_since(timestamptz, integer)',
    'start_tenant_move(uuid, uuid, text)', 'move_tenant_part(uuid, integer)', 'tenant_move_left(uuid)',
    'cancel_tenant_move(uuid)']::regprocedure[]
  loop
    execute format('revoke execute on function %s from distributary_reader', function);
  end loop;
end $$;
