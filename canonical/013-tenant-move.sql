-- A tenant's cases and parties go over to another tenant: a merger, or a tenant that was cut in two by mistake.
--
-- An aggregate keeps its key, its history and its holds; its tenant changes with a version of its own, so that each store
-- replaces one document and never holds two. Nobody but these functions can do it: what guards a tenant elsewhere asks
-- whether they do it in this transaction. The old tenant is suspended first: its people see nothing from then on, and those
-- of the new one see each case from the transaction on that moves it.

set local role distributary_owner;
set local search_path = canonical;

create table tenant_moves (
  id uuid primary key default gen_random_uuid(),
  from_tenant uuid not null references tenants (id),
  to_tenant uuid not null references tenants (id),
  actor text not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  -- Whether the old tenant was suspended by it: then a cancelling lifts that.
  suspends boolean not null,
  -- The transaction that moves a part now: no other may change a tenant.
  moving_in xid8,
  constraint another_tenant check (from_tenant <> to_tenant)
);
-- Where a tenant is left, nothing may arrive meanwhile.
create unique index one_move_from_a_tenant on tenant_moves (from_tenant) where finished_at is null;

create function moves_tenant(old_tenant uuid, new_tenant uuid) returns boolean
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return exists (
    select from tenant_moves where from_tenant = old_tenant and to_tenant = new_tenant and finished_at is null
      and moving_in = pg_current_xact_id_if_assigned());
end $$;

-- A case and what belongs to it go in one transaction, a table after the other: they agree at its end.
alter table case_parties alter constraint link_to_case_of_same_tenant deferrable initially immediate;
alter table assignments alter constraint assignment_to_case_of_same_tenant deferrable initially immediate;
alter table evidence alter constraint evidence_of_case_of_same_tenant deferrable initially immediate;
alter table tasks alter constraint task_of_case_of_same_tenant deferrable initially immediate;
alter table decisions alter constraint decision_on_case_of_same_tenant deferrable initially immediate;
alter table decisions alter constraint decision_supersedes_one_of_same_case deferrable initially immediate;
alter table legal_holds alter constraint hold_on_case_of_same_tenant deferrable initially immediate;

-- A party follows when the last of its cases has gone. Until then, links of those that went before it lead to a party of
-- the old tenant; no other link may, which a declared key could not tell apart. The lock is what the key takes too: a
-- party's tenant cannot change meanwhile.
alter table case_parties drop constraint link_to_party_of_same_tenant;
alter table case_parties add constraint link_to_party foreign key (party_id) references parties (id);
create function check_link_tenant() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  theirs uuid;
begin
  select tenant_id into theirs from parties where id = new.party_id for key share;
  if theirs = new.tenant_id or (tg_op = 'UPDATE' and old.party_id = new.party_id and moves_tenant(theirs, new.tenant_id)) then
    return null;
  end if;
  raise exception 'party % is none of tenant %', new.party_id, new.tenant_id
    using errcode = 'foreign_key_violation', constraint = 'link_to_party_of_same_tenant',
      hint = 'link a party of the tenant that the case is of';
end $$;
create trigger check_link_tenant after insert on case_parties for each row execute function check_link_tenant();
create trigger check_link_tenant_again after update of tenant_id, party_id on case_parties for each row
  when ((new.tenant_id, new.party_id) <> (old.tenant_id, old.party_id)) execute function check_link_tenant();

-- What is final stays so, but for whose it is; that the stamps and the keys to the case guard.
drop trigger refuse_other_decision on decisions;
create trigger refuse_other_decision before update on decisions for each row
  when (to_jsonb(old) - 'tenant_id' is distinct from to_jsonb(new) - 'tenant_id')
  execute function refuse('a decision is final; correct it by another');
drop trigger refuse_hold_again on legal_holds;
create trigger refuse_hold_again before update on legal_holds for each row
  when (new.case_id <> old.case_id or (old.released_at is not null
    and to_jsonb(old) - 'tenant_id' is distinct from to_jsonb(new) - 'tenant_id'))
  execute function refuse('a released hold is history; place another');

-- Names of the old tenant stay in history and audit, which nobody rewrites: who may read an entry, its case says.
drop policy see on case_transitions;
create policy see on case_transitions for select to distributary_app using (
  exists (select from cases where cases.id = case_id)
  or ((select may_read_all()) and (select bureau_role()) = 'supervisor'));
drop policy see on audit_log;
create policy see on audit_log for select to distributary_app using (
  ((select may_read_all()) and (select bureau_role()) = 'supervisor')
  or case aggregate
    when 'case' then exists (select from cases where cases.id = aggregate_id)
    when 'evidence' then exists (select from evidence where evidence.id = aggregate_id)
    when 'decision' then exists (select from decisions where decisions.id = aggregate_id)
    when 'assignment' then exists (select from assignments where assignments.id = aggregate_id)
    else (select may_read_all()) or tenant_id = (select session_tenant()) end);

-- Begins it, or goes on with the one that was begun. From its commit on the old tenant is suspended.
create function start_tenant_move(of_tenant uuid, new_tenant uuid, as_actor text) returns uuid
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  begun uuid;
begin
  perform set_config('distributary.actor', as_actor, true);
  if (select count(*) from tenants where id in (of_tenant, new_tenant) and kind = 'company') < 2 then
    raise exception 'tenant % and tenant % are not two companies', of_tenant, new_tenant
      using errcode = 'check_violation', constraint = 'moves_between_companies';
  end if;
  perform from tenants where id in (of_tenant, new_tenant) order by id for no key update;
  select id into begun from tenant_moves
    where from_tenant = of_tenant and to_tenant = new_tenant and finished_at is null;
  if found then
    return begun;
  end if;
  if exists (select from tenant_moves
      where finished_at is null and (of_tenant in (from_tenant, to_tenant) or new_tenant = from_tenant)) then
    raise exception 'tenant % or tenant % has part in another move', of_tenant, new_tenant
      using errcode = 'check_violation', constraint = 'one_move_at_a_time', hint = 'let that one end first';
  end if;
  update tenants set suspended = true where id = of_tenant and not suspended;
  insert into tenant_moves (from_tenant, to_tenant, actor, suspends) values (of_tenant, new_tenant, as_actor, found)
    returning id into begun;
  return begun;
end $$;

-- Moves the next cases with all that is theirs, and when there are none left the parties; both counts are 0 when it is over.
create function move_tenant_part(of_move uuid, max_rows integer, out moved_cases integer, out moved_parties integer)
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  move tenant_moves;
  keys uuid[];
begin
  update tenant_moves set moving_in = pg_current_xact_id() where id = of_move and finished_at is null returning * into move;
  moved_cases := 0;
  moved_parties := 0;
  if not found then
    return;
  end if;
  perform set_config('distributary.actor', move.actor, true);
  set constraints link_to_case_of_same_tenant, assignment_to_case_of_same_tenant, evidence_of_case_of_same_tenant,
    task_of_case_of_same_tenant, decision_on_case_of_same_tenant, decision_supersedes_one_of_same_case,
    hold_on_case_of_same_tenant deferred;

  -- Locked before anything of them is read: whoever works on one of them is waited for, and then waits.
  keys := array(select id from cases where tenant_id = move.from_tenant order by id limit max_rows for update);
  if cardinality(keys) > 0 then
    update cases set tenant_id = move.to_tenant where id = any (keys);
    update case_parties set tenant_id = move.to_tenant where case_id = any (keys);
    update assignments set tenant_id = move.to_tenant where case_id = any (keys);
    update evidence set tenant_id = move.to_tenant where case_id = any (keys);
    update tasks set tenant_id = move.to_tenant where case_id = any (keys);
    update decisions set tenant_id = move.to_tenant where case_id = any (keys);
    update legal_holds set tenant_id = move.to_tenant where case_id = any (keys);
    moved_cases := cardinality(keys);
    return;
  end if;

  keys := array(select id from parties where tenant_id = move.from_tenant order by id limit max_rows for update);
  update parties set tenant_id = move.to_tenant where id = any (keys);
  moved_parties := cardinality(keys);
  if moved_parties = 0 then
    update tenant_moves set finished_at = clock_timestamp(), moving_in = null where id = of_move;
  end if;
end $$;

-- Takes a move back of which no part was done; any other goes on to its end.
create function cancel_tenant_move(of_move uuid) returns boolean
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  move tenant_moves;
begin
  delete from tenant_moves where id = of_move and finished_at is null and moving_in is null returning * into move;
  if not found then
    return false;
  end if;
  perform set_config('distributary.actor', move.actor, true);
  update tenants set suspended = false where id = move.from_tenant and move.suspends;
  return true;
end $$;

-- What is left to move.
create function tenant_move_left(of_move uuid, out cases bigint, out parties bigint, out finished_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  select (select count(*) from cases which where which.tenant_id = move.from_tenant),
      (select count(*) from parties which where which.tenant_id = move.from_tenant), move.finished_at
    into cases, parties, finished_at from tenant_moves move where move.id = of_move;
end $$;

create index on cases (tenant_id, id);
create index on parties (tenant_id, id);

grant execute on function start_tenant_move(uuid, uuid, text), move_tenant_part(uuid, integer), tenant_move_left(uuid),
  cancel_tenant_move(uuid)
  to distributary_reader;
-- Asked by the stamps of whoever writes.
grant execute on function moves_tenant(uuid, uuid) to distributary_app;
