import type { AggregateContract } from './aggregate-contract.ts';
import { DEFINER, EPOCH_BASE, functionName, PAGED, storedSql } from './capture-sql.ts';
import { columnsSql, rootSql, wholeStatesSql } from './capture-state.ts';

/**
 * What drift is looked for with: each key's version and digest without its state, by range and by key. All of one call
 * is of one snapshot, takes no lock, and is read by keys in an index.
 */
export const digestSql = (contract: AggregateContract): readonly string[] => [
  entriesFunction(contract),
  foundFunction(contract),
];

/**
 * Keys from `from_key` (inclusive) to `below` (exclusive); an absent bound is open. One query makes all the states: calling
 * the function that makes one for each row would take twice as long.
 */
function entriesFunction(contract: AggregateContract): string {
  const { aggregate, root, current } = contract;
  return `
create function ${functionName(aggregate, 'entries')}(from_key uuid, below uuid)
returns table (tenant_id uuid, id uuid, version bigint, digest bigint)
language plpgsql stable ${PAGED} as $$
declare
  ${EPOCH_BASE}
begin
  return query
    select root.${root.tenant}, root.${root.key}, ${storedSql('root.version')},
        canonical.digest(root.${root.key}, ${storedSql('root.version')}, (select row_to_json(state) from (select
            ${columnsSql(current.properties, 12)}) state))
      from ${rootSql(contract, 6)}
      where root.${root.key} >= coalesce(from_key, '00000000-0000-0000-0000-000000000000')
        and (below is null or root.${root.key} < below);
end $$;`;
}

/** Those of the keys that live, with their whole states. */
function foundFunction(contract: AggregateContract): string {
  const { aggregate, root } = contract;
  return `
create function ${functionName(aggregate, 'found')}(keys uuid[])
${wholeStatesSql(contract, `where root.${root.key} = any (keys) order by root.${root.key}`)}`;
}

/** What of drift is asked of all aggregates alike. */
export const acrossSql = (contracts: readonly AggregateContract[]): readonly string[] => [
  `-- across ${'-'.repeat(110)}`,
  boundFunction(contracts),
  GONE_FUNCTION,
];

/** A key below which each of the aggregates has at most `max_rows` rows after `from_key`; null when all are within. */
function boundFunction(contracts: readonly AggregateContract[]): string {
  const branches = contracts.map(
    ({ aggregate, root }) => `
      (select root.${root.key} from ${root.table} root
        where '${aggregate}' = any (aggregates)
          and root.${root.key} >= coalesce(from_key, '00000000-0000-0000-0000-000000000000')
        order by root.${root.key} offset max_rows limit 1)`,
  );
  return `
create function capture.next_bound(aggregates text[], from_key uuid, max_rows integer) returns uuid
language plpgsql stable ${DEFINER} as $$
begin
  return (select bound from (${branches.join('\n      union all')}
    ) bounds (bound) order by bound limit 1);
end $$;`;
}

/**
 * Keys that once lived and do not any more, with the version and the time of their end; 0 and null where the audit log has
 * forgotten it. The epoch is the present one: what outranks everything that was ever written of them.
 */
const GONE_FUNCTION = `
create function capture.gone(keys uuid[])
returns table (tenant_id uuid, id uuid, aggregate text, version bigint, at timestamptz)
language plpgsql stable ${DEFINER} as $$
declare
  ${EPOCH_BASE}
begin
  return query
    select known.tenant_id, known.id, known.aggregate, epoch_base + coalesce(ending.version, 0), ending.at
      from identifiers known left join lateral (
        select entry.version, entry.at from audit_log entry
          where entry.aggregate_id = known.id and entry.change = 'deleted'
          order by entry.version desc limit 1) ending on true
      where known.id = any (keys);
end $$;`;
