-- Legal holds of evidence in object storage follow those of the canonical store, and its content is looked for under every
-- tenant that a case has had: it stays where it was uploaded.

set local role distributary_owner;
set local search_path = canonical;

-- Tenants of these cases, former ones too, and whether a hold was ever placed on the case; also of cases that are gone, whose
-- holds have all been released: a case on hold cannot be deleted.
create function tenants_of(of_cases uuid[]) returns table (case_id uuid, tenant_id uuid, once_held boolean)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select entry.aggregate_id, entry.tenant_id,
        exists (select from audit_log hold where hold.aggregate_id = entry.aggregate_id
          and hold.change in ('hold-placed', 'hold-released'))
      from audit_log entry
      where entry.aggregate_id = any (of_cases) and entry.aggregate = 'case'
      group by entry.aggregate_id, entry.tenant_id;
end $$;

-- Cases that ever were on hold and changed since: a hold that is placed or released changes its case, and so does evidence
-- that comes in. By the time of the audit log, which nobody else writes.
create function holds_since(since timestamptz, max_rows integer)
returns table (case_id uuid, held boolean, changed_at timestamptz)
language plpgsql stable security definer set search_path = canonical, pg_temp as $$
begin
  return query
    select touched.id, touched.active, touched.at
      from (
        select hold.case_id as id, bool_or(hold.released_at is null) as active,
            (select entry.at from audit_log entry where entry.aggregate_id = hold.case_id
              order by entry.version desc limit 1) as at
          from legal_holds hold group by hold.case_id
      ) touched
      where touched.at >= since
      order by touched.at, touched.id limit max_rows;
end $$;

grant execute on function tenants_of(uuid[]), holds_since(timestamptz, integer) to distributary_reader;
