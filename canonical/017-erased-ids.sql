-- A team's function erases its own store when the pipeline's asks it to: it may know what was deleted, by ids and versions,
-- and delete nothing.

set local role distributary_owner;
set local search_path = canonical;

grant execute on function erased_with(uuid[]), erased_since(timestamptz, integer) to distributary_reader;
