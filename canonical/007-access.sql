-- Row-level security by tenant, and the least that each role needs.
--
-- A session of distributary_app says for which tenant it acts (`distributary.tenant`) and who acts
-- (`distributary.actor`); `act_as` sets both for one transaction after looking at the membership. A tenant sees its own
-- rows. All rows are seen only where the actor is a member of the bureau now, which is looked up for each statement: no
-- setting can claim it, and a revoked membership ends it at once.

set local role distributary_owner;
set local search_path = canonical;

create function current_tenant() returns uuid language sql stable
  return nullif(current_setting('distributary.tenant', true), '')::uuid;

create function bureau_role() returns text
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
declare
  who constant text := nullif(current_setting('distributary.actor', true), '');
begin
  if who is null or not pg_input_is_valid(who, 'uuid') then
    return null;
  end if;
  return (
    select role from memberships membership join tenants tenant on tenant.id = membership.tenant_id
      where membership.user_id = who::uuid and tenant.kind = 'bureau' and not tenant.suspended
        and membership.valid_from <= now() and (membership.valid_to > now() or membership.valid_to is null));
end $$;

create function may_read_all() returns boolean language sql stable
  return bureau_role() is not null;
create function may_write_all() returns boolean language sql stable
  return bureau_role() in ('investigator', 'supervisor');

-- What a service calls first in each transaction. Without a tenant the actor must be of the bureau.
create function act_as(actor uuid, tenant uuid default null) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  if tenant is not null and not exists (
    select from memberships membership join tenants t on t.id = membership.tenant_id
      where membership.user_id = actor and not t.suspended and (t.id = tenant or t.kind = 'bureau')
        and membership.valid_from <= now() and (membership.valid_to > now() or membership.valid_to is null)) then
    raise exception 'user % may not act for tenant %', actor, tenant using errcode = 'insufficient_privilege';
  end if;
  perform set_config('distributary.actor', actor::text, true), set_config('distributary.tenant', coalesce(tenant::text, ''), true);
  if tenant is null and not may_read_all() then
    raise exception 'user % is not of the bureau', actor using errcode = 'insufficient_privilege';
  end if;
end $$;

do $$
declare
  name text;
begin
  -- FORCE with a policy of its own says in the catalogue what the owner may, instead of exempting it silently.
  foreach name in array array['cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions', 'legal_holds',
                              'parties', 'case_transitions', 'audit_log', 'memberships', 'policy_periods', 'tenants', 'users']
  loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy owner on %I to distributary_owner using (true)', name);
  end loop;

  foreach name in array array['cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions', 'legal_holds',
                              'parties']
  loop
    execute format('create policy see on %I for select to distributary_app
      using (tenant_id = (select current_tenant()) or (select may_read_all()))', name);
    execute format('create policy add on %I for insert to distributary_app
      with check (tenant_id = (select current_tenant()) or (select may_write_all()))', name);
    execute format('create policy change on %I for update to distributary_app
      using (tenant_id = (select current_tenant()) or (select may_write_all()))', name);
    execute format('create policy remove on %I for delete to distributary_app
      using (tenant_id = (select current_tenant()) or (select may_write_all()))', name);
  end loop;

  foreach name in array array['case_transitions', 'audit_log', 'memberships']
  loop
    execute format('create policy see on %I for select to distributary_app
      using (tenant_id = (select current_tenant()) or (select may_read_all()))', name);
  end loop;
end $$;

-- Who is admitted, and what the rules are, is the bureau's to say.
create policy see on tenants for select to distributary_app using (id = (select current_tenant()) or (select may_read_all()));
create policy govern on tenants to distributary_app using ((select bureau_role()) = 'supervisor');
create policy govern on memberships to distributary_app using ((select bureau_role()) = 'supervisor');
create policy see on users for select to distributary_app
  using ((select may_read_all()) or exists (select from memberships where user_id = users.id));
create policy govern on users to distributary_app using ((select bureau_role()) = 'supervisor');
create policy see on policy_periods for select to distributary_app using (true);
create policy govern on policy_periods to distributary_app using ((select bureau_role()) = 'supervisor');

-- Columns that only triggers write, and keys, are never granted.
grant select on tenants, users, memberships, parties, cases, case_parties, case_statuses, case_lifecycle, case_transitions,
  assignments, evidence, tasks, decisions, legal_holds, policy_periods, audit_log to distributary_app;

grant insert (id, name, kind), update (name, suspended) on tenants to distributary_app;
grant insert (id, display_name, email), update (display_name, email) on users to distributary_app;
grant insert (id, tenant_id, tenant_kind, user_id, role, valid_from, valid_to), update (valid_to) on memberships to distributary_app;
grant insert (id, tenant_id, kind, name, email, zip, us_state), update (name, email, zip, us_state), delete on parties to distributary_app;
grant insert (id, tenant_id, reference, title, product, sub_product, issue, sub_issue, narrative, tags, us_state, zip, consent,
              submitted_via, company_response, company_public_response, timely, disputed, status, status_since, status_reason,
              outcome, priority, restricted, received_on, sent_on, due_on, retain_until),
  update (reference, title, product, sub_product, issue, sub_issue, narrative, tags, us_state, zip, consent,
          submitted_via, company_response, company_public_response, timely, disputed, status, status_since, status_reason,
          outcome, priority, restricted, received_on, sent_on, due_on, retain_until),
  delete on cases to distributary_app;
grant insert, update (role), delete on case_parties to distributary_app;
grant insert (id, tenant_id, case_id, investigator_id, role, assigned_at, ended_at), update (ended_at) on assignments to distributary_app;
grant insert (id, tenant_id, case_id, sha256, media_type, size_bytes, title, description, restricted, received_at, received_from),
  update (media_type, title, description, restricted, received_from), delete on evidence to distributary_app;
grant insert, update (title, assigned_to, due_on, done_at), delete on tasks to distributary_app;
grant insert (id, tenant_id, case_id, kind, summary, decided_by, decided_at, supersedes) on decisions to distributary_app;
grant insert (id, tenant_id, case_id, reason, placed_at), update (released_at) on legal_holds to distributary_app;
grant insert, update (valid, response_days, retention_days) on policy_periods to distributary_app;

grant execute on function current_tenant(), bureau_role(), may_read_all(), may_write_all(), act_as(uuid, uuid), actor()
  to distributary_app;

grant select on outbox, heartbeat, dependants_pending, dependants_skipped to distributary_relay;
grant execute on function beat(text, timestamptz), republish_dependants(integer), maintain_outbox(integer) to distributary_relay;
