-- Who may see and do what, by role and by case: core/policy.ts says it for the code, this file for the database, and
-- test/policy-agreement.local.ts holds the two together.
--
--   bureau     an investigator sees every case but the restricted ones that others work on; a supervisor sees all; an
--              analyst sees what is not restricted and changes nothing
--   company    a company user sees the unrestricted cases of the tenant it acts for, and may add evidence to them
--
-- The actor's membership is looked up for each statement, for companies as for the bureau: what was revoked ends at once.

set local role distributary_owner;
set local search_path = canonical;

-- The tenant that the session acts for, if its actor is a member of that company now.
create function session_tenant() returns uuid
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
declare
  who constant text := nullif(current_setting('distributary.actor', true), '');
begin
  if who is null or not pg_input_is_valid(who, 'uuid') then
    return null;
  end if;
  return (
    select tenant.id from memberships membership join tenants tenant on tenant.id = membership.tenant_id
      where membership.user_id = who::uuid and tenant.id = current_tenant() and tenant.kind = 'company'
        and not tenant.suspended
        and membership.valid_from <= now() and (membership.valid_to > now() or membership.valid_to is null));
end $$;

-- The cases that an investigator works on now: these it sees while they are restricted.
create function assigned_cases() returns uuid[]
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  if bureau_role() is distinct from 'investigator' then
    return '{}';
  end if;
  return array(
    select case_id from assignments
      where investigator_id = current_setting('distributary.actor')::uuid and ended_at is null);
end $$;

do $$
declare
  name text;
  -- Planned once per statement, not once per row.
  reads constant text := '((select may_read_all()) or tenant_id = (select session_tenant()))';
  writes constant text := '(select may_write_all())';
  supervises constant text := '(select bureau_role()) = ''supervisor''';
  unrestricted constant text :=
    '(not restricted or (select bureau_role()) = ''supervisor'' or %s = any ((select assigned_cases())::uuid[]))';
  of_case constant text := 'exists (select from cases where cases.id = case_id)';
begin
  foreach name in array array['cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions', 'legal_holds',
                              'parties']
  loop
    execute format('drop policy see on %1$I; drop policy add on %1$I; drop policy change on %1$I; drop policy remove on %1$I',
                   name);
  end loop;

  execute format('create policy see on cases for select to distributary_app using (%s and %s)', reads, format(unrestricted, 'id'));
  execute format('create policy add on cases for insert to distributary_app with check (%s)', writes);
  execute format('create policy change on cases for update to distributary_app using (%s and %s)', writes,
                 format(unrestricted, 'id'));
  execute format('create policy remove on cases for delete to distributary_app using (%s)', supervises);

  -- What belongs to a case is seen and changed by those who see the case: its own policies decide in the subquery.
  foreach name in array array['case_parties', 'assignments', 'tasks', 'decisions', 'legal_holds']
  loop
    execute format('create policy see on %I for select to distributary_app using (%s and %s)', name, reads, of_case);
  end loop;
  foreach name in array array['case_parties', 'tasks', 'decisions']
  loop
    execute format('create policy add on %I for insert to distributary_app with check (%s and %s)', name, writes, of_case);
    execute format('create policy change on %I for update to distributary_app using (%s and %s)', name, writes, of_case);
    execute format('create policy remove on %I for delete to distributary_app using (%s and %s)', name, writes, of_case);
  end loop;
  foreach name in array array['assignments', 'legal_holds']
  loop
    execute format('create policy add on %I for insert to distributary_app with check (%s)', name, supervises);
    execute format('create policy change on %I for update to distributary_app using (%s)', name, supervises);
  end loop;

  execute format('create policy see on evidence for select to distributary_app using (%s and %s and %s)', reads, of_case,
                 format(unrestricted, 'case_id'));
  execute format('create policy add on evidence for insert to distributary_app with check
    ((%s or (tenant_id = (select session_tenant()) and not restricted)) and %s)', writes, of_case);
  execute format('create policy change on evidence for update to distributary_app using (%s and %s and %s)', writes, of_case,
                 format(unrestricted, 'case_id'));
  execute format('create policy remove on evidence for delete to distributary_app using (%s)', supervises);

  execute format('create policy see on parties for select to distributary_app using (%s)', reads);
  execute format('create policy add on parties for insert to distributary_app with check (%s)', writes);
  execute format('create policy change on parties for update to distributary_app using (%s)', writes);
  execute format('create policy remove on parties for delete to distributary_app using (%s)', supervises);
end $$;

-- History and audit outlive what they tell of; of what is gone, the supervisors read them.
drop policy see on case_transitions;
create policy see on case_transitions for select to distributary_app using (
  ((select may_read_all()) or tenant_id = (select session_tenant()))
  and (exists (select from cases where cases.id = case_id) or (select bureau_role()) = 'supervisor'));

drop policy see on audit_log;
create policy see on audit_log for select to distributary_app using (
  ((select may_read_all()) or tenant_id = (select session_tenant()))
  and ((select bureau_role()) = 'supervisor' or case aggregate
    when 'case' then exists (select from cases where cases.id = aggregate_id)
    when 'evidence' then exists (select from evidence where evidence.id = aggregate_id)
    when 'decision' then exists (select from decisions where decisions.id = aggregate_id)
    when 'assignment' then exists (select from assignments where assignments.id = aggregate_id)
    else true end));

drop policy see on memberships;
create policy see on memberships for select to distributary_app
  using ((select may_read_all()) or tenant_id = (select session_tenant()));
drop policy see on tenants;
create policy see on tenants for select to distributary_app
  using (id = (select session_tenant()) or (select may_read_all()));

-- Every membership of the actor with the tenant that it is in: what a service decides by, before it acts for one of them.
create function memberships_of(actor uuid)
returns table (tenant_id uuid, tenant_kind text, role text, valid_from timestamptz, valid_to timestamptz, suspended boolean,
               token bigint)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select tenant.id, tenant.kind, membership.role, membership.valid_from, membership.valid_to, tenant.suspended,
           membership.version + tenant.version
      from memberships membership join tenants tenant on tenant.id = membership.tenant_id
      where membership.user_id = actor order by tenant.id, membership.valid_from;
end $$;

-- Locks the case for a command and says its version as stores and callers know it; null where there is none. What the
-- caller may see of it the next statement says, which is then of the state that is locked.
create function lock_case(of_case uuid) returns bigint
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  locked bigint;
begin
  select stored_version(version) into locked from cases where id = of_case for no key update;
  return locked;
end $$;

-- The version as stores and callers know it.
create function version_on_the_wire(row_version bigint) returns bigint
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return stored_version(row_version);
end $$;

grant execute on function session_tenant(), assigned_cases(), memberships_of(uuid), lock_case(uuid),
  version_on_the_wire(bigint), iso(timestamptz) to distributary_app;

-- Who read what of a restricted case. Written in the transaction that reads it, so nothing is read unrecorded.
create table reading_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null default actor(),
  tenant_id uuid not null,
  case_id uuid not null,
  operation text not null check (operation <> ''),
  version bigint not null
);
create index on reading_log (case_id, id);
alter table reading_log enable row level security, force row level security;
create policy owner on reading_log to distributary_owner using (true);
create policy see on reading_log for select to distributary_app using ((select bureau_role()) = 'supervisor');
create policy add on reading_log for insert to distributary_app
  with check (actor = actor() and exists (select from cases where cases.id = case_id));
create trigger refuse_change before update or delete or truncate on reading_log
  execute function refuse('the log of who read what is append-only');
grant select, insert (tenant_id, case_id, operation, version) on reading_log to distributary_app;
