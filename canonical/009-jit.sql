-- Capture keeps to indexes by `enable_seqscan = off`, which prices the one-row tables that have none so high that the
-- just-in-time compiler, on by default in Aurora, would compile a plan of microseconds for milliseconds.
do $$
begin
  execute format('alter database %I set jit = off', current_database());
end $$;
