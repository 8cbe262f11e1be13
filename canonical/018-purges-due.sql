-- A case that is gone leaves traces in what keeps former states: until somebody has looked for them everywhere, they are due.
-- Whoever deleted it, a command of the API or psql, its deletion itself says so, in the same transaction.

set local role distributary_owner;
set local search_path = canonical;

create table purges_due (
  case_id uuid primary key,
  purged_at timestamptz not null default clock_timestamp(),
  -- Erasures that were begun for it, and the last of them: one that did not end clean is tried again, later each time.
  tries integer not null default 0,
  tried_at timestamptz
);

insert into purges_due (case_id, purged_at)
  select id, deleted_at from unerased_cases(1000000);

create function note_purge_due() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  insert into purges_due (case_id) select id from gone;
  return null;
end $$;
create trigger note_purge_due after delete on cases referencing old table as gone
  for each statement execute function note_purge_due();

create or replace function unerased_cases(max_rows integer) returns table (id uuid, deleted_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query select case_id, purged_at from purges_due order by purged_at, case_id limit max_rows;
end $$;

create or replace function note_erased(of_cases uuid[]) returns void
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
begin
  insert into erasures (case_id) select unnest(of_cases)
    on conflict (case_id) do update set erased_at = excluded.erased_at;
  delete from purges_due where case_id = any (of_cases);
end $$;

-- How many are due, since when the oldest is, and which to begin with now: after each try it waits twice as long, from
-- `pause` to a day.
create function look_for_purges(pause interval, max_rows integer, out waiting bigint, out oldest timestamptz, out now_due uuid[])
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  select count(*), min(purged_at) into waiting, oldest from purges_due;
  now_due := array(
    select case_id from purges_due
      where tried_at is null
        or tried_at + least(pause * (2 ^ least(tries - 1, 20)), interval '1 day') <= clock_timestamp()
      order by purged_at, case_id limit max_rows);
end $$;

create function note_purges_tried(of_cases uuid[]) returns void
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
begin
  update purges_due set tries = tries + 1, tried_at = clock_timestamp() where case_id = any (of_cases);
end $$;

grant execute on function look_for_purges(interval, integer), note_purges_tried(uuid[]) to distributary_operator;
