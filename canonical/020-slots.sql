-- Slots of relays that there have been. One that is made anew does not have what was committed before it: a gap, of which
-- somebody must know until the stores have been rebuilt.

set local role distributary_owner;
set local search_path = canonical;

create table slots (
  name text primary key,
  -- When it was made for the last time, if that was not the first.
  anew_at timestamptz
);

-- Those that relays have read; a database that was restored from a backup has lost its slots, and knows them by this.
insert into slots (name) select distinct slot from heartbeat;

grant select on slots to distributary_reader, distributary_operator;
