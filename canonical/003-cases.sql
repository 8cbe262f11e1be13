-- Cases, their lifecycle and its history.

set local role distributary_owner;
set local search_path = canonical;

create table case_statuses (
  status text primary key,
  closed boolean not null default false
);
insert into case_statuses (status) values
  ('draft'), ('received'), ('referred'), ('under-review'), ('answered'), ('reopened');
insert into case_statuses (status, closed) values ('closed', true), ('withdrawn', true);

-- The legal transitions; no others. A case begins where `from_status` is null.
create table case_lifecycle (
  from_status text references case_statuses,
  to_status text not null references case_statuses,
  -- A decision of this kind must have been made since the case took its present status.
  decision text,
  unique nulls not distinct (from_status, to_status)
);
insert into case_lifecycle (from_status, to_status) values
  (null, 'draft'), (null, 'received'),
  ('draft', 'received'), ('draft', 'withdrawn'),
  ('received', 'referred'), ('received', 'under-review'), ('received', 'withdrawn'),
  ('referred', 'under-review'), ('referred', 'answered'), ('referred', 'closed'), ('referred', 'withdrawn'),
  ('under-review', 'referred'), ('under-review', 'answered'), ('under-review', 'closed'), ('under-review', 'withdrawn'),
  ('answered', 'under-review'), ('answered', 'closed'),
  ('reopened', 'under-review'), ('reopened', 'referred'), ('reopened', 'answered'), ('reopened', 'closed');
insert into case_lifecycle (from_status, to_status, decision) values ('closed', 'reopened', 'reopening');

create table cases (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  -- Number of the complaint at the bureau; drafts have none yet.
  reference text constraint case_reference_unique unique,
  title text not null check (title <> ''),
  product text not null,
  sub_product text,
  issue text not null,
  sub_issue text,
  narrative text,
  tags text[] not null default '{}',
  us_state text,
  zip text,
  consent text,
  submitted_via text,
  company_response text,
  company_public_response text,
  timely boolean,
  disputed boolean,

  status text not null default 'draft' references case_statuses,
  -- When and why it took that status. A command may tell; otherwise it is now, and no reason.
  status_since timestamptz not null default now(),
  status_reason text,
  outcome text check (outcome in ('explanation', 'monetary-relief', 'non-monetary-relief', 'no-relief', 'untimely-response')),
  priority text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
  restricted boolean not null default false,
  received_on date,
  sent_on date,
  due_on date,
  retain_until date,
  created_at timestamptz not null default now(),

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, id),
  constraint closed_with_an_outcome check ((status = 'closed') = (outcome is not null))
) with (fillfactor = 85);

create table case_parties (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  party_id uuid not null,
  role text not null check (role in ('respondent', 'complainant', 'representative', 'witness')),
  constraint link_to_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade,
  constraint link_to_party_of_same_tenant foreign key (tenant_id, party_id) references parties (tenant_id, id),
  unique (case_id, party_id, role)
);
create index on case_parties (party_id, case_id);

-- History outlives the case, so it has no foreign key to it.
create table case_transitions (
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  case_id uuid not null,
  from_status text,
  to_status text not null,
  at timestamptz not null,
  reason text,
  actor text not null,
  recorded_at timestamptz not null default clock_timestamp()
);
create index on case_transitions (case_id, id);

-- Who acts, for history and audit: what the session says, else who logged in.
create function actor() returns text language sql stable
  return coalesce(nullif(current_setting('distributary.actor', true), ''), session_user);

create function check_transition() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  before cases := case when tg_op = 'UPDATE' then old end;
  step case_lifecycle;
begin
  select * into step from case_lifecycle
    where from_status is not distinct from before.status and to_status = new.status;
  if not found then
    raise exception 'case % cannot go from % to %', new.id, coalesce(before.status, 'nothing'), new.status
      using errcode = 'check_violation', constraint = 'legal_transition', hint = 'from there: ' || coalesce(
        (select string_agg(to_status, ', ' order by to_status) from case_lifecycle
          where from_status is not distinct from before.status), 'nowhere');
  end if;
  if tg_op = 'INSERT' then
    return new;
  end if;

  if step.decision is not null and not exists (
    select from decisions decision
      where decision.case_id = new.id and decision.kind = step.decision and decision.decided_at >= old.status_since) then
    raise exception 'case % cannot go from % to % without a decision', new.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'transition_needs_decision',
        hint = format('record a decision of kind %s first', step.decision);
  end if;
  if exists (select from case_statuses status where status.status = new.status and status.closed)
    and exists (select from tasks task where task.case_id = new.id and task.done_at is null) then
    raise exception 'case % still has open tasks', new.id
      using errcode = 'check_violation', constraint = 'closed_case_has_no_open_task', hint = 'finish or remove them first';
  end if;
  -- What was told of the status before is not true of the new one.
  if new.status_since = old.status_since then new.status_since := now(); end if;
  if new.status_reason = old.status_reason then new.status_reason := null; end if;
  return new;
end $$;

create trigger check_transition before insert on cases for each row execute function check_transition();
create trigger check_transition_update before update of status on cases for each row
  when (new.status <> old.status) execute function check_transition();

create function write_transition() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  insert into case_transitions (tenant_id, case_id, from_status, to_status, at, reason, actor)
    values (new.tenant_id, new.id, case when tg_op = 'UPDATE' then old.status end, new.status, new.status_since,
            new.status_reason, actor());
  return null;
end $$;

create trigger write_transition after insert on cases for each row execute function write_transition();
create trigger write_transition_update after update of status on cases for each row
  when (new.status <> old.status) execute function write_transition();
