-- What leaves the canonical store, in the transaction that made it: the outbox, and what goes with it.

set local role distributary_owner;
set local search_path = canonical;

-- Every id that an aggregate ever had. It stays when the aggregate goes, so that no id is used twice: a store that was
-- told of a deletion would take the second life for an older version of the first.
create table identifiers (
  id uuid constraint identifier_never_reused primary key,
  aggregate text not null,
  tenant_id uuid not null,
  used_at timestamptz not null default now()
);

create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  login text not null default session_user,
  transaction xid8 not null default pg_current_xact_id(),
  tenant_id uuid not null,
  aggregate text not null,
  aggregate_id uuid not null,
  version bigint not null,
  change text not null
);
create index on audit_log (aggregate_id, version);

-- Raised after a point-in-time restore, so that restored rows outrank what was projected from the lost future.
-- 8191 is the last epoch whose stored versions are all safe integers in JavaScript.
create table epoch (
  one boolean primary key default true check (one),
  epoch bigint not null check (epoch between 0 and 8191)
);
insert into epoch values (true, 0);

create table outbox (
  id bigint generated always as identity,
  day date not null default (now() at time zone 'utc')::date,
  tenant_id uuid not null,
  aggregate text not null,
  aggregate_id uuid not null,
  version bigint not null,
  change text not null,
  lane text not null,
  schema_version integer not null,
  deleted boolean not null default false,
  digest bigint not null,
  traceparent text,
  recorded_at timestamptz not null default clock_timestamp(),
  payload json,
  primary key (day, id)
) partition by range (day);
create table outbox_default partition of outbox default;

-- A relay says with each beat until when it means to hold its slot. The row is in the publication: it overtakes nothing.
create table heartbeat (
  id bigint generated always as identity primary key,
  slot text not null,
  beat_at timestamptz not null default clock_timestamp(),
  deadline timestamptz
);
create index on heartbeat (slot, beat_at);

create publication distributary_outbox for table
  outbox (id, tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, deleted, digest, traceparent,
          recorded_at, payload),
  heartbeat (slot, beat_at)
  with (publish = 'insert', publish_via_partition_root = true);

create trigger refuse_change before update or delete or truncate on audit_log
  execute function refuse('the audit log is append-only');
create trigger refuse_change before update or delete or truncate on identifiers
  execute function refuse('an identifier is never reused');
create trigger refuse_change before update or delete on outbox for each row
  execute function refuse('the outbox is append-only; canonical.maintain_outbox drops old days');
create trigger refuse_truncate before truncate on outbox
  execute function refuse('the outbox is append-only; canonical.maintain_outbox drops old days');
create trigger refuse_truncate before truncate on outbox_default
  execute function refuse('the outbox is append-only; canonical.maintain_outbox drops old days');

-- What the generated state functions write, the same for equal states: UTC, milliseconds, always 24 characters.
create function iso(at timestamptz) returns text language sql stable
  return to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

-- The version that stores compare: epoch · 2^40 + the row's own.
create function stored_version(version bigint) returns bigint
language plpgsql stable set search_path = canonical, pg_temp as $$
begin
  return (select (epoch << 40) + version from epoch);
end $$;

-- First 32 bits of an MD5 over key, version and state; 0 stands for a deleted aggregate, so a live one gets 1 instead.
create function digest(key uuid, stored_version bigint, state json) returns bigint language sql stable
  return greatest(1, ('x' || left(md5(key || '@' || stored_version || '@' || state), 8))::bit(32)::bigint);

create function write_outbox(
  tenant uuid, aggregate text, key uuid, row_version bigint, change text, lane text, schema_version integer, state json
) returns void
language plpgsql set search_path = canonical, pg_temp as $$
declare
  stored constant bigint := stored_version(row_version);
begin
  insert into outbox (tenant_id, aggregate, aggregate_id, version, change, lane, schema_version, deleted, digest,
                      traceparent, payload)
    values (tenant, aggregate, key, stored, change, lane, schema_version, state is null,
            case when state is null then 0 else digest(key, stored, state) end,
            nullif(current_setting('distributary.traceparent', true), ''), state);
end $$;

-- Waits for those who are writing, and they for it: nobody commits an old epoch's version after the new epoch began.
-- After a restore: raise the epoch first, then let commands in, then backfill.
create function raise_epoch() returns bigint
language plpgsql set search_path = canonical, pg_temp as $$
declare
  raised bigint;
begin
  lock table epoch in access exclusive mode;
  update epoch set epoch = epoch + 1 returning epoch into raised;
  return raised;
end $$;

-- Beats older than this say nothing any more.
create function beat(of_slot text, until timestamptz) returns void
language plpgsql security definer set search_path = canonical, pg_temp as $$
begin
  insert into heartbeat (slot, deadline) values (of_slot, until);
  delete from heartbeat where beat_at < clock_timestamp() - interval '1 hour';
end $$;

-- Makes the partitions of today and the next days, and drops the days before the last `keep_days`. Run it daily; it does
-- nothing while another runs, and gives up rather than hold up commands. Where it did not run in time, rows went to the
-- default partition: they stay there, and it is replaced as a whole when its last day is over.
create function maintain_outbox(keep_days integer) returns table (action text, partition text)
language plpgsql security definer set search_path = canonical, pg_temp set lock_timeout = '2s' as $$
declare
  today constant date := (now() at time zone 'utc')::date;
  days_ahead constant integer := 3;
  wanted date;
begin
  if not pg_try_advisory_xact_lock(hashtext('canonical.maintain_outbox')) then
    return;
  end if;

  for wanted in select today + n from generate_series(0, days_ahead) n loop
    partition := to_char(wanted, '"outbox_"YYYY_MM_DD');
    continue when to_regclass(partition) is not null;
    begin
      -- Attaching locks the default partition only; creating it as a partition would lock out every writer.
      execute format('create table %I (like outbox including constraints)', partition);
      execute format('create trigger refuse_truncate before truncate on %I execute function refuse(%L)', partition,
                     'the outbox is append-only; canonical.maintain_outbox drops old days');
      execute format('alter table outbox attach partition %I for values from (%L) to (%L)', partition, wanted, wanted + 1);
      action := 'created';
    exception when check_violation then
      action := 'left in default';
    end;
    return next;
  end loop;

  for partition in
    select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = 'outbox'::regclass and relname ~ '^outbox_\d{4}_\d\d_\d\d$'
        and to_date(right(relname, 10), 'YYYY_MM_DD') < today - keep_days
      order by relname
  loop
    execute format('drop table %I', partition);
    action := 'dropped';
    return next;
  end loop;

  if (select max(day) from outbox_default) < today - keep_days then
    drop table outbox_default;
    create table outbox_default partition of outbox default;
    create trigger refuse_truncate before truncate on outbox_default
      execute function refuse('the outbox is append-only; canonical.maintain_outbox drops old days');
    action := 'replaced';
    partition := 'outbox_default';
    return next;
  end if;
end $$;

select maintain_outbox(7);
