-- Who works on a case, with what, and what is decided.

set local role distributary_owner;
set local search_path = canonical;

create table assignments (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  investigator_id uuid not null references users (id),
  role text not null default 'primary' check (role in ('primary', 'support')),
  assigned_at timestamptz not null default now(),
  ended_at timestamptz check (ended_at >= assigned_at),

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, id),
  constraint assignment_to_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade
);
create unique index one_active_primary_investigator on assignments (case_id) where role = 'primary' and ended_at is null;
create index on assignments (case_id);
create index on assignments (investigator_id, case_id);
create index on assignments (investigator_id, id);

-- Metadata only: the content lies in object storage, under its hash.
create table evidence (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  sha256 bytea not null check (length(sha256) = 32),
  media_type text not null,
  size_bytes bigint not null check (size_bytes >= 0),
  title text not null check (title <> ''),
  description text,
  restricted boolean not null default false,
  received_at timestamptz not null default now(),
  received_from text,

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, id),
  constraint evidence_once_per_case unique (case_id, sha256),
  constraint evidence_of_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade
);

create table tasks (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  title text not null check (title <> ''),
  assigned_to uuid references users (id),
  due_on date,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  constraint task_of_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade
);
create index on tasks (case_id);

create table decisions (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  kind text not null check (kind in ('finding', 'relief', 'dismissal', 'reopening', 'correction')),
  summary text not null check (summary <> ''),
  decided_by uuid references users (id),
  decided_at timestamptz not null default now(),
  supersedes uuid,

  version bigint not null default 1,
  change text not null default 'created',
  changed_in xid8 not null default pg_current_xact_id(),
  unique (tenant_id, case_id, id),
  constraint decision_on_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade,
  constraint decision_supersedes_one_of_same_case foreign key (tenant_id, case_id, supersedes) references decisions (tenant_id, case_id, id),
  constraint correction_supersedes check ((kind = 'correction') = (supersedes is not null))
);
create index on decisions (case_id);

create table legal_holds (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  case_id uuid not null,
  reason text not null check (reason <> ''),
  placed_at timestamptz not null default now(),
  released_at timestamptz check (released_at >= placed_at),
  constraint hold_on_case_of_same_tenant foreign key (tenant_id, case_id) references cases (tenant_id, id) on delete cascade
);
create index on legal_holds (case_id);

-- Which rules apply in a jurisdiction, and when. Two never apply at once.
create table policy_periods (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  policy text not null,
  jurisdiction text not null,
  valid daterange not null check (not isempty(valid)),
  response_days integer not null check (response_days > 0),
  retention_days integer not null check (retention_days > 0),
  constraint policy_periods_do_not_overlap exclude using gist
    (tenant_id with =, policy with =, jurisdiction with =, valid with &&)
);

-- A closed case takes no task. The case is locked first, so that a closing at the same time waits or is seen. The lock is
-- the one that the task's change of the case takes anyway: a weaker one would have to be raised, and two could deadlock.
create function check_case_takes_task() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  perform from cases where id = new.case_id for no key update;
  if exists (select from cases join case_statuses using (status) where id = new.case_id and closed) then
    raise exception 'case % is closed and takes no task', new.case_id
      using errcode = 'check_violation', constraint = 'closed_case_takes_no_task', hint = 'reopen the case first';
  end if;
  return new;
end $$;

create trigger check_case_takes_task before insert on tasks for each row
  when (new.done_at is null) execute function check_case_takes_task();
create trigger check_case_takes_task_again before update of case_id, done_at on tasks for each row
  when (new.done_at is null) execute function check_case_takes_task();

-- A legal hold forbids purge. Placing a hold changes its case, so the lock on the case decides which of the two came first.
create function check_purge() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  held uuid := case tg_table_name when 'cases' then old.id else (to_jsonb(old) ->> 'case_id')::uuid end;
begin
  if tg_table_name <> 'cases' then
    perform from cases where id = held for no key update;
  end if;
  if exists (select from legal_holds where case_id = held and released_at is null) then
    raise exception 'case % is under a legal hold: nothing of it may be purged', held
      using errcode = 'restrict_violation', constraint = 'legal_hold_forbids_purge', hint = 'release the hold first';
  end if;
  return old;
end $$;

create trigger check_purge before delete on cases for each row execute function check_purge();
create trigger check_purge before delete on case_parties for each row execute function check_purge();
create trigger check_purge before delete on assignments for each row execute function check_purge();
create trigger check_purge before delete on evidence for each row execute function check_purge();
create trigger check_purge before delete on tasks for each row execute function check_purge();
create trigger check_purge before delete on decisions for each row execute function check_purge();

create function refuse() returns trigger
language plpgsql set search_path = canonical, pg_temp as $$
begin
  raise exception '% of % is refused: %', lower(tg_op), tg_table_name, tg_argv[0] using errcode = 'restrict_violation';
end $$;

create trigger refuse_unhold before delete on legal_holds for each row
  when (old.released_at is null) execute function refuse('a hold ends by being released');
create trigger refuse_hold_again before update on legal_holds for each row
  when (old.released_at is not null or (new.tenant_id, new.case_id) <> (old.tenant_id, old.case_id))
  execute function refuse('a released hold is history; place another');
create trigger refuse_other_content before update on evidence for each row
  when ((new.case_id, new.sha256, new.size_bytes) <> (old.case_id, old.sha256, old.size_bytes))
  execute function refuse('the content of evidence and its case are final');
create trigger refuse_other_decision before update on decisions for each row
  -- An update that changes nothing publishes it again.
  when (old is distinct from new)
  execute function refuse('a decision is final; correct it by another');

-- History is written by the case itself, and never again.
create trigger refuse_change before update or delete or truncate on case_transitions
  execute function refuse('history is append-only');
create trigger refuse_forgery before insert on case_transitions
  when (pg_trigger_depth() = 0) execute function refuse('history is written by changing the status of a case');
