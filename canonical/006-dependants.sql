-- References: a state may repeat columns of another row, such as a party's name. When they change, the user's transaction
-- only notes it here; the states that repeat them are published again later, in chunks.

set local role distributary_owner;
set local search_path = canonical;

create table dependants_pending (
  id bigint generated always as identity primary key,
  -- Which aggregates embed which row.
  aggregate text not null,
  source text not null,
  source_id uuid not null,
  -- Keys up to this one are done; null while nothing is.
  done_to uuid,
  requested_at timestamptz not null default clock_timestamp()
);
create index on dependants_pending (aggregate, source, source_id, id);

-- Dependants that somebody else was changing when their turn came. Waiting for them would hold up everyone who waits for
-- one of the others in the chunk.
create table dependants_skipped (
  aggregate text not null,
  key uuid not null,
  tried_at timestamptz not null default clock_timestamp(),
  primary key (aggregate, key)
);

-- Publishes the next chunk of at most `batch` dependants again, in the caller's transaction; call it on its own, until
-- nothing remains. Two callers take different references, and neither waits for anyone's row lock.
create function republish_dependants(batch integer, out republished integer, out remaining boolean)
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  republished := republish_skipped(batch);
  republished := republished + republish_pending(batch - republished);
  remaining := exists (select from dependants_pending) or exists (select from dependants_skipped);
end $$;

create function republish_skipped(batch integer) returns integer
language plpgsql set search_path = canonical, pg_temp as $$
declare
  next_aggregate constant text := (select aggregate from dependants_skipped order by tried_at limit 1);
  keys constant uuid[] := array(
    select key from dependants_skipped where aggregate = next_aggregate
      order by tried_at limit batch for update skip locked);
  settled uuid[];
begin
  if cardinality(keys) = 0 then return 0; end if;
  settled := capture.touch(next_aggregate, keys);
  delete from dependants_skipped where aggregate = next_aggregate and key = any (settled);
  update dependants_skipped set tried_at = clock_timestamp()
    where aggregate = next_aggregate and key = any (keys) and key <> all (settled);
  return cardinality(settled);
end $$;

-- The oldest note of each reference is the one to work on. Those that came before it was begun are covered by it, and go;
-- those that come later make another round, so a party renamed every second still gets round to its last case.
create function republish_pending(batch integer) returns integer
language plpgsql set search_path = canonical, pg_temp as $$
declare
  note dependants_pending;
  keys uuid[];
  settled uuid[];
begin
  if batch <= 0 then return 0; end if;
  select * into note from dependants_pending pending
    where not exists (
      select from dependants_pending earlier
        where (earlier.aggregate, earlier.source, earlier.source_id) = (pending.aggregate, pending.source, pending.source_id)
          and earlier.id < pending.id)
    order by id limit 1 for update skip locked;
  if not found then return 0; end if;

  if note.done_to is null then
    delete from dependants_pending
      where (aggregate, source, source_id) = (note.aggregate, note.source, note.source_id) and id <> note.id;
  end if;
  keys := capture.dependants(note.aggregate, note.source, note.source_id,
                             coalesce(note.done_to, '00000000-0000-0000-0000-000000000000'), batch);
  settled := capture.touch(note.aggregate, keys);
  insert into dependants_skipped (aggregate, key)
    select note.aggregate, key from unnest(keys) key where key <> all (settled)
    on conflict do nothing;

  if cardinality(keys) < batch then
    delete from dependants_pending where id = note.id;
  else
    update dependants_pending set done_to = keys[batch] where id = note.id;
  end if;
  return cardinality(settled);
end $$;
