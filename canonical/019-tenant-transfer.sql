-- A tenant goes over to another deployment, which has a canonical store of its own.
--
-- It departs: from then on nothing of it can be changed, while it is read as before, so that pages read one after the other
-- are one consistent state. Where it arrives, its rows are kept aside: no query, no store and no identifier knows of them.
-- Then it is closed here, for good, and only what closing answers lets it in there: at no moment do both show it. There its
-- rows go in by parts, through the same triggers as anybody's; here they are deleted, which the erasure follows.

set local role distributary_owner;
set local search_path = canonical;

create table tenant_departures (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null unique references tenants (id),
  actor text not null,
  started_at timestamptz not null default clock_timestamp(),
  started_in xid8 not null default pg_current_xact_id(),
  -- Since when no transaction is left that began to write before.
  still_since timestamptz,
  closed_at timestamptz,
  -- What closing answered; it goes when the tenant has.
  receipt jsonb,
  emptied_at timestamptz,
  -- The transaction that removes a part now.
  removing_in xid8
);

create table tenant_arrivals (
  -- Of the departure.
  id uuid primary key,
  number integer generated always as identity (maxvalue 1023) unique,
  tenant_id uuid not null unique,
  -- Name, epoch, tables with their counts and digests, as they were where it comes from.
  manifest jsonb not null,
  actor text not null,
  started_at timestamptz not null default clock_timestamp(),
  begun_at timestamptz,
  opened_at timestamptz,
  -- The transaction that takes a part in now.
  taking_in xid8
);
create table arriving_rows (
  arrival uuid not null,
  part integer not null,
  n integer not null,
  of_table text not null,
  row jsonb not null,
  -- What is not the same in both places: versions, and which entries are of one transaction.
  extra jsonb not null,
  primary key (arrival, part, n)
);
create index on arriving_rows (arrival, of_table, part, n);
create index on arriving_rows (arrival, of_table, (row ->> 'case_id')) where row ? 'case_id';

-- Every id that is or was the tenant's, in either place: history goes by it, which may have former tenants' names.
create table transfer_ids (
  tenant_id uuid not null,
  id uuid not null,
  aggregate text not null,
  primary key (tenant_id, id)
);

do $$
declare
  name text;
begin
  foreach name in array array['tenant_departures', 'tenant_arrivals', 'arriving_rows', 'transfer_ids']
  loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy owner on %I to distributary_owner using (true)', name);
  end loop;
end $$;

-- What travels ---------------------------------------------------------------------------------------------------------

-- In the order in which it goes in.
create function transfer_tables() returns text[] language sql immutable return
  '{users,parties,cases,case_parties,assignments,evidence,tasks,decisions,legal_holds,policy_periods,case_transitions,
    identifiers,audit_log,reading_log,erasures}'::text[];

-- What the columns are: rows fit only where they are the same.
create function transfer_schema() returns text
language plpgsql stable set search_path = canonical, pg_temp as $$
begin
  return (
    select md5(string_agg(format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)), ','
        order by attrelid::regclass::text, attname))
      from pg_attribute
      where attnum > 0 and not attisdropped
        and attrelid in (select name::regclass from unnest(transfer_tables() || '{tenants,memberships}') name));
end $$;

-- A query of (key, row, extra) with the parameters tenant, after, limit, and the least transaction of its audit entries.
create function transfer_query(of_table text) returns text
language plpgsql immutable set search_path = canonical, pg_temp as $$
declare
  ids constant text := '(select id from transfer_ids where tenant_id = $1)';
  key text := 'id';
  key_type text := 'uuid';
  content text := 'to_jsonb(t)';
  extra text := quote_literal('{}') || '::jsonb';
  mine text := 't.tenant_id = $1';
begin
  if of_table <> all (transfer_tables()) then
    raise exception 'table % does not travel', of_table using errcode = 'invalid_parameter_value';
  end if;
  if of_table in ('parties', 'cases', 'assignments', 'evidence', 'decisions') then
    content := 'to_jsonb(t) - ''{version,change,changed_in}''::text[]';
    extra := 'jsonb_build_object(''version'', t.version)';
  elsif of_table = 'users' then
    mine := 't.id in (select user_id from memberships where tenant_id = $1
      union select investigator_id from assignments where tenant_id = $1
      union select assigned_to from tasks where tenant_id = $1
      union select decided_by from decisions where tenant_id = $1)';
  elsif of_table in ('case_transitions', 'reading_log') then
    key_type := 'bigint';
    content := 'to_jsonb(t) - ''id''';
    mine := 't.case_id in ' || ids;
  elsif of_table = 'identifiers' then
    content := 'jsonb_build_object(''id'', t.id, ''aggregate'', t.aggregate)';
    extra := 'jsonb_build_object(''used_at'', t.used_at)';
    mine := 't.id in ' || ids;
  elsif of_table = 'audit_log' then
    key_type := 'bigint';
    content := 'to_jsonb(t) - ''{id,transaction,version}''::text[]';
    extra := 'jsonb_build_object(''version'', t.version, ''transaction'', t.transaction::text)';
    mine := 't.transaction >= $4 and t.aggregate_id in ' || ids;
  elsif of_table = 'erasures' then
    key := 'case_id';
    mine := 't.case_id in ' || ids;
  end if;
  return format(
    'select t.%1$I::text, %2$s, %3$s from %4$I t where %5$s and ($2 is null or t.%1$I > $2::%6$s) and $4 is not null
       order by t.%1$I limit $3',
    key, content, extra, of_table, mine, key_type);
end $$;

create function transfer_rows(of_tenant uuid, of_table text, after text, max_rows integer)
returns table (key text, "row" jsonb, extra jsonb)
language plpgsql stable security definer set search_path = canonical, pg_temp set timezone = 'UTC' as $$
begin
  return query execute transfer_query(of_table) using of_tenant, after, max_rows, '0'::xid8;
end $$;

create function row_digest("row" jsonb) returns numeric language sql immutable
  return ('x' || left(md5("row"::text), 15))::bit(60)::bigint::numeric;

-- How many rows a table has of the tenant, and the sum of their digests: whatever their order, in both places.
create function transfer_digest(of_tenant uuid, of_table text, since xid8 default '0', out rows bigint, out digest text)
language plpgsql stable security definer set search_path = canonical, pg_temp set timezone = 'UTC' as $$
begin
  execute format('select count(*), coalesce(sum(row_digest(content)), 0)::text from (%s) of (key, content, extra)',
                 transfer_query(of_table))
    into rows, digest using of_tenant, null::text, null::integer, since;
end $$;

-- Where it departs -----------------------------------------------------------------------------------------------------

create function is_departing(of_tenant uuid) returns boolean
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return exists (select from tenant_departures where tenant_id = of_tenant);
end $$;

create function refuse_departure_of(whose uuid) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  if exists (select from tenant_departures where tenant_id = whose and removing_in = pg_current_xact_id_if_assigned()) then
    return;
  end if;
  raise exception 'tenant % goes over to another deployment: nothing of it can be changed here', whose
    using errcode = 'restrict_violation', constraint = 'tenant_departs',
      hint = 'wait, and change it there; or take the departure back: distributary tenant stay';
end $$;

-- Nothing of it changes, but that an update without a change publishes it again, and what removes it. With each row that
-- anybody writes: as whoever writes, and without a path to set, it takes microseconds.
create function refuse_departing() returns trigger language plpgsql as $$
declare
  whose constant uuid := case tg_op when 'DELETE' then old.tenant_id else new.tenant_id end;
  stamps constant text[] := '{version,change,changed_in}';
begin
  if exists (select from canonical.tenant_departures where tenant_id = whose)
    and not (tg_op = 'UPDATE' and to_jsonb(old) - stamps = to_jsonb(new) - stamps) then
    perform canonical.refuse_departure_of(whose);
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
grant select (tenant_id) on tenant_departures to distributary_app;
grant execute on function refuse_departure_of(uuid) to distributary_app;
create policy see on tenant_departures for select to distributary_app using (true);

do $$
declare
  name text;
begin
  foreach name in array array['parties', 'cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions',
                              'legal_holds', 'policy_periods']
  loop
    -- Before the stamps, by its name.
    execute format('create trigger departing before insert or update or delete on %I for each row
      execute function refuse_departing()', name);
  end loop;
end $$;

-- What is closed here nobody sees here, whoever may see all.
create function closed_tenants() returns uuid[]
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return array(select tenant_id from tenant_departures where closed_at is not null);
end $$;
grant execute on function closed_tenants() to distributary_app, distributary_query;

do $$
declare
  name text;
begin
  foreach name in array array['parties', 'cases', 'case_parties', 'assignments', 'evidence', 'tasks', 'decisions',
                              'legal_holds', 'case_transitions']
  loop
    execute format('create policy closed on %I as restrictive for select to distributary_app, distributary_query
      using (tenant_id <> all ((select closed_tenants())::uuid[]))', name);
  end loop;
end $$;

-- Begins a departure, or goes on with the one that was begun.
create function start_departure(of_tenant uuid, as_actor text) returns uuid
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  begun uuid;
begin
  perform from tenants where id = of_tenant and kind = 'company' for no key update;
  if not found then
    raise exception 'tenant % is no company', of_tenant using errcode = 'check_violation', constraint = 'company_departs';
  end if;
  if exists (select from tenant_moves where finished_at is null and of_tenant in (from_tenant, to_tenant)) then
    raise exception 'tenant % has part in a move', of_tenant
      using errcode = 'check_violation', constraint = 'one_move_at_a_time', hint = 'let that one end first';
  end if;
  insert into tenant_departures (tenant_id, actor) values (of_tenant, as_actor) on conflict do nothing;
  select id into begun from tenant_departures where tenant_id = of_tenant;
  return begun;
end $$;

-- Whether all who wrote before it began are done; from then on its rows stay as they are.
create function departure_is_still(of_departure uuid) returns boolean
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  departure tenant_departures;
begin
  select * into strict departure from tenant_departures where id = of_departure;
  if departure.still_since is not null then
    return true;
  end if;
  if pg_snapshot_xmin(pg_current_snapshot()) <= departure.started_in then
    return false;
  end if;
  insert into transfer_ids (tenant_id, id, aggregate)
    select departure.tenant_id, last.aggregate_id, last.aggregate
      from (select distinct on (aggregate_id) aggregate_id, aggregate, tenant_id from audit_log
              where aggregate_id in (select entry.aggregate_id from audit_log entry where entry.tenant_id = departure.tenant_id)
              order by aggregate_id, version desc, id desc) last
      where last.tenant_id = departure.tenant_id
    on conflict do nothing;
  update tenant_departures set still_since = clock_timestamp() where id = of_departure;
  return true;
end $$;

create function departure_manifest(of_departure uuid) returns jsonb
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return (
    select jsonb_build_object('departure', departure.id, 'tenant', tenant.id, 'name', tenant.name,
        'epoch', (select epoch from epoch), 'schema', transfer_schema(),
        'tables', transfer_tables())
      from tenant_departures departure join tenants tenant on tenant.id = departure.tenant_id
      where departure.id = of_departure);
end $$;

create function departure_digest(of_departure uuid, of_table text, out rows bigint, out digest text)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  select found.rows, found.digest into strict rows, digest
    from tenant_departures departure, transfer_digest(departure.tenant_id, of_table) found
    where departure.id = of_departure and departure.still_since is not null;
end $$;

create function departing_rows(of_departure uuid, of_table text, after text, max_rows integer)
returns table (key text, "row" jsonb, extra jsonb)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query select found.* from tenant_departures departure,
      transfer_rows(departure.tenant_id, of_table, after, max_rows) found
    where departure.id = of_departure and departure.still_since is not null;
end $$;

-- Closes the tenant here, for good. The answer opens it there, and has who may act for it at this moment: what was revoked
-- on the way is revoked.
create function close_departure(of_departure uuid, as_actor text) returns jsonb
language plpgsql security definer set search_path = canonical, pg_temp set timezone = 'UTC' as $$
declare
  departure tenant_departures;
  answer jsonb;
begin
  perform set_config('distributary.actor', as_actor, true);
  select * into strict departure from tenant_departures where id = of_departure for update;
  if departure.closed_at is not null then
    return departure.receipt;
  end if;
  if departure.still_since is null then
    raise exception 'tenant % is not still yet', departure.tenant_id
      using errcode = 'check_violation', constraint = 'closes_what_is_exported', hint = 'export it first';
  end if;
  perform from tenants where id = departure.tenant_id for update;
  answer := (
    select jsonb_build_object('departure', departure.id, 'closed_at', clock_timestamp(),
        'tenant', to_jsonb(tenant) - '{change,changed_in}'::text[],
        'users', (select coalesce(jsonb_agg(to_jsonb(person)), '[]') from users person
                    where id in (select user_id from memberships where tenant_id = tenant.id)),
        'memberships', (select coalesce(jsonb_agg(to_jsonb(membership) - '{change,changed_in}'::text[]), '[]')
                          from memberships membership where membership.tenant_id = tenant.id))
      from tenants tenant where tenant.id = departure.tenant_id);
  update tenants set suspended = true where id = departure.tenant_id and not suspended;
  update tenant_departures set closed_at = clock_timestamp(), receipt = answer where id = of_departure;
  return answer;
end $$;

-- Takes a departure back that is not closed: everything is as it was.
create function abort_departure(of_tenant uuid) returns boolean
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  delete from tenant_departures where tenant_id = of_tenant and closed_at is null;
  if not found then
    return false;
  end if;
  delete from transfer_ids where tenant_id = of_tenant;
  return true;
end $$;

-- Ends the next holds of a closed departure, which have gone along: by a change of their own, so that those on objects are
-- lifted before the erasure comes. 0 when none is left.
create function release_departed_part(of_departure uuid, max_rows integer) returns integer
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  departure tenant_departures;
  released integer;
begin
  update tenant_departures set removing_in = pg_current_xact_id()
    where id = of_departure and closed_at is not null and emptied_at is null returning * into departure;
  if not found then
    return 0;
  end if;
  perform set_config('distributary.actor', departure.actor, true);
  update legal_holds set released_at = greatest(clock_timestamp(), placed_at)
    where id in (select id from legal_holds where tenant_id = departure.tenant_id and released_at is null
                   order by case_id limit max_rows);
  get diagnostics released = row_count;
  return released;
end $$;

-- Removes the next cases of a closed departure with all that is only theirs, and when there are none left the parties.
create function remove_departed_part(of_departure uuid, max_rows integer, out removed_cases integer, out removed_parties integer)
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  departure tenant_departures;
  keys uuid[];
  parties_of uuid[];
begin
  removed_cases := 0;
  removed_parties := 0;
  update tenant_departures set removing_in = pg_current_xact_id()
    where id = of_departure and closed_at is not null and emptied_at is null returning * into departure;
  if not found then
    return;
  end if;
  perform set_config('distributary.actor', departure.actor, true);
  keys := array(select id from cases where tenant_id = departure.tenant_id order by id limit max_rows for update);
  if cardinality(keys) > 0 then
    parties_of := array(select distinct party_id from case_parties where case_id = any (keys));
    delete from cases where id = any (keys);
    delete from parties where id = any (parties_of)
      and not exists (select from case_parties where party_id = parties.id);
    get diagnostics removed_parties = row_count;
    removed_cases := cardinality(keys);
    return;
  end if;
  keys := array(select id from parties where tenant_id = departure.tenant_id order by id limit max_rows for update);
  delete from parties where id = any (keys);
  removed_parties := cardinality(keys);
  if removed_parties = 0 then
    delete from policy_periods where tenant_id = departure.tenant_id;
    update tenant_departures set emptied_at = clock_timestamp(), removing_in = null, receipt = null where id = of_departure;
  end if;
end $$;

-- Of what was removed, how much the erasure has still before it.
create function departed_purges_due(of_departure uuid) returns bigint
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return (select count(*) from tenant_departures departure
    join transfer_ids gone on gone.tenant_id = departure.tenant_id join purges_due due on due.case_id = gone.id
    where departure.id = of_departure);
end $$;

-- Where it arrives -----------------------------------------------------------------------------------------------------

create function is_arriving() returns boolean
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return exists (select from tenant_arrivals where taking_in = pg_current_xact_id_if_assigned());
end $$;

-- Begins an arrival, or goes on with the one that was begun.
create function start_arrival(of_manifest jsonb, as_actor text) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  here constant text := transfer_schema();
begin
  if of_manifest ->> 'schema' <> here then
    raise exception 'its tables have other columns than those here'
      using errcode = 'check_violation', constraint = 'arrives_in_equal_schema', hint = 'deploy the same version in both places';
  end if;
  insert into tenant_arrivals (id, tenant_id, manifest, actor)
    values ((of_manifest ->> 'departure')::uuid, (of_manifest ->> 'tenant')::uuid, of_manifest, as_actor)
    on conflict (id) do nothing;
end $$;

-- Keeps a part of what arrives aside; the same part again changes nothing.
create function keep_arriving(of_arrival uuid, of_part integer, of_table text, rows jsonb) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  insert into arriving_rows (arrival, part, n, of_table, "row", extra)
    select arrival.id, of_part, n, keep_arriving.of_table, item -> 'row', item -> 'extra'
      from tenant_arrivals arrival, jsonb_array_elements(rows) with ordinality item (item, n)
      where arrival.id = of_arrival and arrival.begun_at is null
    on conflict do nothing;
end $$;

create function kept_parts(of_arrival uuid) returns integer[]
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return array(select distinct part from arriving_rows where arrival = of_arrival order by part);
end $$;

-- What keeps it from being let in: tables that are not as they were, and what is in use here. Nothing when all is well.
create function arrival_obstacles(of_arrival uuid, max_rows integer) returns table (what text, value text)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select 'rows of ' || named.of_table, format('%s of %s, digest %s of %s', kept.rows, told.value ->> 'rows', kept.digest, told.value ->> 'digest')
      from tenant_arrivals arrival, unnest(transfer_tables()) named (of_table),
        lateral (select arrival.manifest -> 'tables' -> named.of_table) told (value),
        lateral (select count(*) as rows, coalesce(sum(row_digest(one."row")), 0)::text as digest
          from arriving_rows one where one.arrival = arrival.id and one.of_table = named.of_table) kept
      where arrival.id = of_arrival and arrival.begun_at is null
        and (kept.rows, kept.digest) is distinct from ((told.value ->> 'rows')::bigint, told.value ->> 'digest');
  return query
    select found.what, found.value from (
      select 'identifier used here' as what, one."row" ->> 'id' as value from arriving_rows one
        join identifiers used on used.id = (one."row" ->> 'id')::uuid
        where one.arrival = of_arrival and one.of_table = 'identifiers'
      union all
      select 'reference used here', one."row" ->> 'reference' from arriving_rows one
        join cases used on used.reference = one."row" ->> 'reference'
        where one.arrival = of_arrival and one.of_table = 'cases'
      union all
      select 'e-mail of somebody else here', one."row" ->> 'email' from arriving_rows one
        join users used on used.email = one."row" ->> 'email' and used.id <> (one."row" ->> 'id')::uuid
        where one.arrival = of_arrival and one.of_table = 'users'
    ) found
    where exists (select from tenant_arrivals where id = of_arrival and begun_at is null)
    limit max_rows;
end $$;

-- Forgets what was kept aside of a tenant that is not let in.
create function drop_arrival(of_arrival uuid) returns boolean
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  delete from tenant_arrivals where id = of_arrival and begun_at is null;
  if not found then
    return false;
  end if;
  delete from arriving_rows where arrival = of_arrival;
  return true;
end $$;

-- Rows as they came, with what is different here. Columns of identity are given anew, stamps by the stamps.
create function insert_rows(of_table text, rows jsonb) returns void
language plpgsql set search_path = canonical, pg_temp set timezone = 'UTC' as $$
declare
  columns constant text := (
    select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
      where attrelid = of_table::regclass and attnum > 0 and not attisdropped and attidentity = ''
        and exists (select from jsonb_array_elements(rows) one where one ? attname::text));
begin
  if columns is not null then
    execute format('insert into %I (%s) select %2$s from jsonb_populate_recordset(null::%1$I, $1) %3$s', of_table, columns,
                   case when of_table in ('users', 'identifiers', 'erasures') then 'on conflict do nothing' end) using rows;
  end if;
end $$;

-- Lies above the version that it had, by more than it can have risen since, and above its epoch.
create function arriving_version(of_arrival tenant_arrivals, version bigint) returns bigint
language plpgsql stable set search_path = canonical, pg_temp as $$
begin
  return version + (1 << 20) + (greatest(0, (of_arrival.manifest ->> 'epoch')::bigint - (select epoch from epoch)) << 40);
end $$;

-- Lets in what closing told: the tenant itself, suspended until all of it is here, and who may act for it.
create function begin_arrival(of_arrival uuid, receipt jsonb) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  arrival tenant_arrivals;
begin
  select * into strict arrival from tenant_arrivals where id = of_arrival for update;
  if arrival.begun_at is not null then
    return;
  end if;
  if (receipt ->> 'departure')::uuid <> arrival.id or receipt ->> 'closed_at' is null then
    raise exception 'this does not close the departure of tenant %', arrival.tenant_id
      using errcode = 'check_violation', constraint = 'opens_what_is_closed', hint = 'close it where it comes from first';
  end if;
  if exists (select from arrival_obstacles(of_arrival, 1)) then
    raise exception 'tenant % cannot arrive', arrival.tenant_id
      using errcode = 'check_violation', constraint = 'arrives_whole', hint = 'import it again: that says what is in the way';
  end if;
  perform set_config('distributary.actor', arrival.actor, true);
  update tenant_arrivals set begun_at = clock_timestamp(), taking_in = pg_current_xact_id() where id = of_arrival;
  insert into transfer_ids (tenant_id, id, aggregate)
    select arrival.tenant_id, (one."row" ->> 'id')::uuid, one."row" ->> 'aggregate' from arriving_rows one
      where one.arrival = of_arrival and one.of_table = 'identifiers'
    on conflict do nothing;
  perform insert_rows('tenants', jsonb_build_array(receipt -> 'tenant' || jsonb_build_object('suspended', true,
    'version', arriving_version(arrival, (receipt -> 'tenant' ->> 'version')::bigint))));
  perform insert_rows('users', receipt -> 'users');
  perform insert_rows('memberships', (
    select coalesce(jsonb_agg(one || jsonb_build_object('version', arriving_version(arrival, (one ->> 'version')::bigint))), '[]')
      from jsonb_array_elements(receipt -> 'memberships') one));
  update tenant_arrivals set manifest = arrival.manifest || jsonb_build_object('suspended', receipt -> 'tenant' -> 'suspended')
    where id = of_arrival;
end $$;

-- Takes rows of what is kept aside, as they are to be here.
create function take_kept(of_arrival tenant_arrivals, of_table text, max_rows integer, of_cases text[] default null) returns jsonb
language plpgsql set search_path = canonical, pg_temp as $$
declare
  rows jsonb;
begin
  with taken as (
    delete from arriving_rows where (arrival, part, n) in (
      select one.arrival, one.part, one.n from arriving_rows one
        where one.arrival = of_arrival.id and one.of_table = take_kept.of_table
          and (of_cases is null or one."row" ->> 'case_id' = any (of_cases))
        order by one.part, one.n limit max_rows)
    returning *)
  select coalesce(jsonb_agg("row" || extra
      || case when extra ? 'version'
           then jsonb_build_object('version', arriving_version(of_arrival, (extra ->> 'version')::bigint)) else '{}' end
      || case when extra ? 'transaction'
           then jsonb_build_object('transaction', ((1::bigint << 62) + (of_arrival.number::bigint << 52)
             + (hashtextextended(extra ->> 'transaction', 0) & ((1::bigint << 52) - 1)))::text) else '{}' end
      || case when taken.of_table = 'identifiers' then jsonb_build_object('tenant_id', of_arrival.tenant_id) else '{}' end
      order by part, n), '[]')
    into rows from taken;
  return rows;
end $$;

-- Lets the next rows in: whole cases, each with all that is its, then what tells of them. 0 when nothing is left.
create function take_in_part(of_arrival uuid, max_rows integer) returns integer
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  arrival tenant_arrivals;
  next_table text;
  rows jsonb;
  children text[] := '{case_parties,assignments,evidence,tasks,decisions,legal_holds}';
  keys text[];
begin
  update tenant_arrivals set taking_in = pg_current_xact_id()
    where id = of_arrival and begun_at is not null and opened_at is null returning * into arrival;
  if not found then
    return 0;
  end if;
  perform set_config('distributary.actor', arrival.actor, true);
  next_table := (
    select named.of_table from unnest(transfer_tables()) with ordinality named (of_table, at)
      where exists (select from arriving_rows one where one.arrival = of_arrival and one.of_table = named.of_table)
      order by named.at limit 1);
  if next_table is null then
    return 0;
  end if;
  rows := take_kept(arrival, next_table, case when next_table in ('users', 'parties', 'cases') then max_rows else 10 * max_rows end);
  if next_table <> 'cases' then
    perform insert_rows(next_table, rows);
    return jsonb_array_length(rows);
  end if;
  keys := array(select one ->> 'id' from jsonb_array_elements(rows) one);
  perform insert_rows('case_transitions', take_kept(arrival, 'case_transitions', null, keys));
  perform insert_rows('cases', rows);
  foreach next_table in array children loop
    perform insert_rows(next_table, take_kept(arrival, next_table, null, keys));
  end loop;
  return jsonb_array_length(rows);
end $$;

-- Rows that are still to be let in.
create function arrival_left(of_arrival uuid) returns bigint
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return (select count(*) from arriving_rows where arrival = of_arrival);
end $$;

-- The tables that are not as they were where it comes from. Of people, some may have been here before, under a name of theirs.
create function arrival_differs(of_arrival uuid, of_table text) returns boolean
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return (
    select of_table <> 'users' and (found.rows, found.digest) is distinct from (
        (arrival.manifest -> 'tables' -> of_table ->> 'rows')::bigint, arrival.manifest -> 'tables' -> of_table ->> 'digest')
      from tenant_arrivals arrival,
        transfer_digest(arrival.tenant_id, of_table, ((1::bigint << 62) + (arrival.number::bigint << 52))::text::xid8) found
      where arrival.id = of_arrival);
end $$;

-- Lets the tenant's people in, unless they were shut out where it comes from.
create function open_arrival(of_arrival uuid) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  arrival tenant_arrivals;
begin
  select * into strict arrival from tenant_arrivals where id = of_arrival for update;
  if arrival.begun_at is null or exists (select from arriving_rows where arriving_rows.arrival = of_arrival) then
    raise exception 'tenant % is not all here', arrival.tenant_id
      using errcode = 'check_violation', constraint = 'opens_what_is_here', hint = 'let the rest in first';
  end if;
  perform set_config('distributary.actor', arrival.actor, true);
  if arrival.opened_at is null and not (arrival.manifest ->> 'suspended')::boolean then
    update tenants set suspended = false where id = arrival.tenant_id and suspended;
  end if;
  update tenant_arrivals set opened_at = coalesce(opened_at, clock_timestamp()), taking_in = null where id = of_arrival;
end $$;

-- What a case begins with, its history tells, of one that arrives.
create or replace function check_transition() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
declare
  before cases := case when tg_op = 'UPDATE' then old end;
  step case_lifecycle;
begin
  if tg_op = 'INSERT' and new.version > 1 and is_arriving() then
    return new;
  end if;
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

create or replace function write_transition() returns trigger
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  if tg_op = 'INSERT' and new.version > 1 and is_arriving() then
    return null;
  end if;
  insert into case_transitions (tenant_id, case_id, from_status, to_status, at, reason, actor)
    values (new.tenant_id, new.id, case when tg_op = 'UPDATE' then old.status end, new.status, new.status_since,
            new.status_reason, actor());
  return null;
end $$;

drop trigger refuse_forgery on case_transitions;
create trigger refuse_forgery before insert on case_transitions
  when (pg_trigger_depth() = 0 and not is_arriving())
  execute function refuse('history is written by changing the status of a case');

-- A row's own version may be above 2^40 where its tenant has come from a later epoch.
create or replace function committed_at(of_id uuid, stored_version bigint) returns timestamptz
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return coalesce(
    (select at from audit_log where aggregate_id = of_id and version <= stored_version - (select epoch << 40 from epoch)
       order by version desc limit 1),
    now());
end $$;

-- An erasure leaves what departs: it goes over, and is erased behind it.
create or replace function erasure_plan(of_cases uuid[], over text[])
returns table (id uuid, tenant_id uuid, verdict text, detail text)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select asked, coalesce(alive.tenant_id, used.tenant_id),
      case when used.id is null then 'unknown'
        when alive.id is null then 'gone'
        when is_departing(alive.tenant_id) then 'departing'
        when exists (select from legal_holds hold where hold.case_id = asked and hold.released_at is null) then 'held'
        when alive.retain_until > current_date then 'retained'
        when alive.status <> all (over) then 'open'
        else 'erasable' end,
      case when alive.id is null then null
        when is_departing(alive.tenant_id) then alive.tenant_id::text
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

create or replace function expired_cases(over text[], max_rows integer)
returns table (id uuid, retain_until date, held boolean)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select expired.id, expired.retain_until,
        exists (select from legal_holds hold where hold.case_id = expired.id and hold.released_at is null)
      from cases expired
      where expired.retain_until <= current_date and expired.status = any (over)
        and not exists (select from tenant_departures departure where departure.tenant_id = expired.tenant_id)
      order by expired.retain_until, expired.id limit max_rows;
end $$;

grant execute on function transfer_tables(), start_departure(uuid, text), departure_is_still(uuid), departure_manifest(uuid),
  departure_digest(uuid, text), departing_rows(uuid, text, text, integer), close_departure(uuid, text), abort_departure(uuid),
  release_departed_part(uuid, integer), remove_departed_part(uuid, integer), departed_purges_due(uuid), start_arrival(jsonb, text),
  keep_arriving(uuid, integer, text, jsonb), kept_parts(uuid), arrival_obstacles(uuid, integer), drop_arrival(uuid),
  begin_arrival(uuid, jsonb), take_in_part(uuid, integer), arrival_left(uuid), arrival_differs(uuid, text),
  open_arrival(uuid) to distributary_operator;
