-- Erasure. Of a case that is gone there remains that it was, when, and by whose hand: ids, versions, times and actors. Its
-- content leaves the history and the days of the outbox too; nothing else may ever change a row of either.

set local role distributary_owner;
set local search_path = canonical;

create index on audit_log (transaction) where change = 'deleted';

-- Cases whose traces were looked for everywhere, and are gone.
create table erasures (
  case_id uuid primary key,
  erased_at timestamptz not null default clock_timestamp()
);

create function is_gone(of_id uuid) returns boolean
language plpgsql stable set search_path = canonical, pg_temp as $$
begin
  return exists (select from audit_log where aggregate_id = of_id and change = 'deleted');
end $$;

-- A row of the outbox changes once: into the tombstone of what is gone. A replay of it then says so.
create function check_outbox_change() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  content constant text[] := '{payload,deleted,digest}';
begin
  if tg_op = 'UPDATE' and new.payload is null and new.deleted and new.digest = 0
    and to_jsonb(new) - content = to_jsonb(old) - content and is_gone(old.aggregate_id) then
    return new;
  end if;
  raise exception '% of outbox is refused: it is append-only; canonical.maintain_outbox drops old days', lower(tg_op)
    using errcode = 'restrict_violation';
end $$;
drop trigger refuse_change on outbox;
create trigger check_change before update or delete on outbox for each row execute function check_outbox_change();

-- A transition loses its reason once its case is gone.
create function check_history_change() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  if new.reason is null and to_jsonb(new) - 'reason' = to_jsonb(old) - 'reason' and is_gone(old.case_id) then
    return new;
  end if;
  raise exception 'update of case_transitions is refused: history is append-only' using errcode = 'restrict_violation';
end $$;
drop trigger refuse_change on case_transitions;
create trigger refuse_change before delete or truncate on case_transitions
  execute function refuse('history is append-only');
create trigger check_change before update on case_transitions for each row execute function check_history_change();

-- What an erasure of these would do, and why not: `erasable` and `gone` go on; `held`, `retained`, `open` and `unknown` do
-- not. In which statuses a case is over, its contract says.
create function erasure_plan(of_cases uuid[], over text[])
returns table (id uuid, tenant_id uuid, verdict text, detail text)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select asked, coalesce(alive.tenant_id, used.tenant_id),
      case when used.id is null then 'unknown'
        when alive.id is null then 'gone'
        when exists (select from legal_holds hold where hold.case_id = asked and hold.released_at is null) then 'held'
        when alive.retain_until > current_date then 'retained'
        when alive.status <> all (over) then 'open'
        else 'erasable' end,
      case when alive.id is null then null
        when exists (select from legal_holds hold where hold.case_id = asked and hold.released_at is null) then
          (select string_agg(hold.id::text, ', ' order by hold.placed_at) from legal_holds hold
            where hold.case_id = asked and hold.released_at is null)
        when alive.retain_until > current_date then alive.retain_until::text
        else alive.status end
    from unnest(of_cases) asked
      left join cases alive on alive.id = asked
      left join identifiers used on used.id = asked and used.aggregate = 'case'
    order by asked;
end $$;

-- Deletes a case with all that is only its, persons included whom no other case names. What it may not delete it leaves,
-- and says why; the triggers of the tables have the last word.
create function erase_case(of_case uuid, over text[], as_actor text) returns text
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
declare
  verdict text;
  persons uuid[];
begin
  perform from cases where id = of_case for update;
  select plan.verdict into verdict from erasure_plan(array[of_case], over) plan;
  if verdict <> 'erasable' then
    return verdict;
  end if;
  perform set_config('distributary.actor', as_actor, true);
  persons := array(
    select party.id from case_parties link join parties party on party.id = link.party_id
      where link.case_id = of_case and party.kind = 'person'
        and not exists (select from case_parties other where other.party_id = party.id and other.case_id <> of_case));
  delete from cases where id = of_case;
  delete from parties where id = any (persons);
  return verdict;
end $$;

-- The cases and whatever was deleted in the same transactions, with the versions of their deletions.
create function erased_with(of_cases uuid[])
returns table (aggregate text, id uuid, tenant_id uuid, version bigint, erased_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select entry.aggregate, entry.aggregate_id, entry.tenant_id, stored_version(entry.version), entry.at
      from audit_log entry
      where entry.change = 'deleted' and entry.transaction in (
        select own.transaction from audit_log own
          where own.aggregate_id = any (of_cases) and own.aggregate = 'case' and own.change = 'deleted')
      order by entry.aggregate, entry.aggregate_id;
end $$;

-- The days of which rows are kept.
create function outbox_days() returns setof date
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query select generate_series(min(outbox.day), max(outbox.day), interval '1 day')::date from outbox;
end $$;

-- Makes tombstones of a day's rows: of these aggregates, and of what belonged to these cases and went before them.
create function scrub_outbox(of_day date, keys uuid[], of_cases uuid[]) returns bigint
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
declare
  scrubbed bigint;
begin
  update outbox set payload = null, deleted = true, digest = 0
    where day = of_day and payload is not null and (aggregate_id = any (keys)
      or (aggregate in ('evidence', 'decision', 'assignment') and (payload ->> 'case_id')::uuid = any (of_cases)
        and is_gone(aggregate_id)));
  get diagnostics scrubbed = row_count;
  return scrubbed;
end $$;

create function scrub_history(of_cases uuid[]) returns bigint
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
declare
  scrubbed bigint;
begin
  update case_transitions set reason = null where case_id = any (of_cases) and reason is not null and is_gone(case_id);
  get diagnostics scrubbed = row_count;
  return scrubbed;
end $$;

-- Where content of these is left.
create function erasure_traces(keys uuid[], of_cases uuid[]) returns table (place text, traces bigint)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select 'cases', count(*) from cases where cases.id = any (keys)
    union all select 'parties', count(*) from parties where parties.id = any (keys)
    union all select 'evidence', count(*) from evidence where case_id = any (of_cases)
    union all select 'decisions', count(*) from decisions where case_id = any (of_cases)
    union all select 'assignments', count(*) from assignments where case_id = any (of_cases)
    union all select 'tasks', count(*) from tasks where case_id = any (of_cases)
    union all select 'legal_holds', count(*) from legal_holds where case_id = any (of_cases)
    union all select 'case_transitions', count(*) from case_transitions
      where case_id = any (of_cases) and reason is not null
    union all select 'outbox', count(*) from outbox where payload is not null and aggregate_id = any (keys);
end $$;

create function note_erased(of_cases uuid[]) returns void
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
begin
  insert into erasures (case_id) select unnest(of_cases)
    on conflict (case_id) do update set erased_at = excluded.erased_at;
end $$;

-- What retention is over for, oldest first, held ones too: the report says why they stay.
create function expired_cases(over text[], max_rows integer)
returns table (id uuid, retain_until date, held boolean)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select expired.id, expired.retain_until,
        exists (select from legal_holds hold where hold.case_id = expired.id and hold.released_at is null)
      from cases expired
      where expired.retain_until <= current_date and expired.status = any (over)
      order by expired.retain_until, expired.id limit max_rows;
end $$;
create index on cases (retain_until, id) where retain_until is not null;

-- Cases that were deleted or purged by command, and whose traces nobody has looked for yet; the oldest first.
create function unerased_cases(max_rows integer) returns table (id uuid, deleted_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select entry.aggregate_id, entry.at from audit_log entry
      where entry.aggregate = 'case' and entry.change = 'deleted'
        and not exists (select from erasures where case_id = entry.aggregate_id)
      order by entry.at limit max_rows;
end $$;

-- Cases erased since a time: they are looked for again, for what came late.
create function erased_since(since timestamptz, max_rows integer) returns setof uuid
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query select case_id from erasures where erased_at >= since order by erased_at limit max_rows;
end $$;

grant execute on function erasure_plan(uuid[], text[]), erase_case(uuid, text[], text), erased_with(uuid[]), outbox_days(),
  scrub_outbox(date, uuid[], uuid[]), scrub_history(uuid[]), erasure_traces(uuid[], uuid[]), note_erased(uuid[]),
  expired_cases(text[], integer), unerased_cases(integer), erased_since(timestamptz, integer) to distributary_reader;
