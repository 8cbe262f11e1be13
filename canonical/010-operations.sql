-- What backfill, comparison and replay read besides the states of capture.<aggregate>_rows.

set local role distributary_owner;
set local search_path = canonical;

create index on audit_log (aggregate, aggregate_id) where change = 'deleted';

-- When a row's present version was committed, as near as the audit log knows: an update for a reference's sake is not in
-- it. Now, for a row from before there was a log.
create function committed_at(of_id uuid, stored_version bigint) returns timestamptz
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return coalesce(
    (select at from audit_log where aggregate_id = of_id and version <= (stored_version & ((1::bigint << 40) - 1))
       order by version desc limit 1),
    now());
end $$;

-- What was deleted, after a key and up to another. Who never heard of a deletion would take an older state that comes late.
create function deleted_rows(of_aggregate text, after uuid, up_to uuid, max_rows integer)
returns table (tenant_id uuid, id uuid, version bigint, committed_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp set enable_seqscan = off as $$
begin
  return query
    select entry.tenant_id, entry.aggregate_id, stored_version(entry.version), entry.at from audit_log entry
      where entry.aggregate = of_aggregate and entry.change = 'deleted'
        and entry.aggregate_id > coalesce(after, '00000000-0000-0000-0000-000000000000')
        and (up_to is null or entry.aggregate_id <= up_to)
      order by entry.aggregate_id limit max_rows;
end $$;

-- How many aggregates there were or are, as the planner guesses: for progress, not for proof.
create function estimated_rows(of_aggregate text) returns bigint
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return (
    select count(*) from (select from identifiers where aggregate = of_aggregate limit 1000000) counted);
end $$;

-- The outbox in its order, from a time on: what was committed as it was, for as many days as are kept.
create function outbox_rows(of_aggregates text[], since timestamptz, after_day date, after_id bigint, max_rows integer)
returns table (day date, row_id bigint, tenant_id uuid, aggregate text, id uuid, version bigint, change text,
               schema_version integer, digest bigint, recorded_at timestamptz, state json)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select entry.day, entry.id, entry.tenant_id, entry.aggregate, entry.aggregate_id, entry.version, entry.change,
           entry.schema_version, entry.digest, entry.recorded_at, entry.payload
      from outbox entry
      where entry.day >= (since at time zone 'utc')::date
        and (entry.day, entry.id) > (coalesce(after_day, '-infinity'), coalesce(after_id, 0))
        and entry.recorded_at >= since and entry.aggregate = any (of_aggregates)
      order by entry.day, entry.id limit max_rows;
end $$;

-- The clock that commit times are of.
create function clock() returns timestamptz language sql volatile return clock_timestamp();

grant execute on function committed_at(uuid, bigint), deleted_rows(text, uuid, uuid, integer), estimated_rows(text),
  outbox_rows(text[], timestamptz, date, bigint, integer), clock() to distributary_reader;
