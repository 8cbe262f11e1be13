-- What the repair of drift asks of the canonical store.

set local role distributary_owner;
set local search_path = canonical;

-- Publishes aggregates again under a new version, each in the relay's next chunk: for a store that holds their present
-- version made of another state, which nothing but a newer one outranks. Those that are gone fall out.
create function republish(of_aggregate text, keys uuid[]) returns void
language plpgsql volatile security definer set search_path = canonical, pg_temp as $$
begin
  if cardinality(keys) > 1000 then
    raise exception '% keys to republish at once, 1000 are allowed', cardinality(keys) using errcode = 'program_limit_exceeded';
  end if;
  insert into dependants_skipped (aggregate, key) select of_aggregate, key from unnest(keys) key on conflict do nothing;
end $$;

grant execute on function republish(text, uuid[]) to distributary_reader;
