import type { AggregateContract, Group, Property } from './aggregate-contract.ts';
import { DEFINER, EPOCH_BASE, functionName, indent, lines, PAGED, storedSql } from './capture-sql.ts';

/** The functions that make the whole state of an aggregate, of one and of many. */
export const stateSql = (contract: AggregateContract): readonly string[] => [
  stateFunction(contract),
  rowsFunction(contract),
];

function stateFunction(contract: AggregateContract): string {
  const { aggregate, root } = contract;
  return `
create function ${functionName(aggregate, 'state')}(of_tenant uuid, of_key uuid) returns json
language plpgsql stable ${DEFINER} as $$
begin
  return (
    select row_to_json(state) from (
      select
        ${columnsSql(contract.current.properties, 8)}
      from ${rootSql(contract, 6)}
      where root.${root.tenant} = of_tenant and root.${root.key} = of_key
    ) state
  );
end $$;`;
}

/** The root's rows, each with what it is joined to: what the columns of a state are selected from. */
export const rootSql = ({ root }: AggregateContract, by: number): string =>
  `${root.table} root${root.joins ? `\n${' '.repeat(by)}${indent(lines(root.joins), by)}` : ''}`;

/** The select list of a group, indented: `root` is where a column without `sql` comes from. */
export function columnsSql(properties: Group['properties'], by: number): string {
  return Object.entries(properties)
    .map(([name, body]) => `${expressionSql(name, body, by)} as "${name}"`)
    .join(`,\n${' '.repeat(by)}`);
}

function expressionSql(name: string, { format, sql, rows, order, items, properties }: Property, by: number): string {
  if (properties)
    return `(select row_to_json(part) from (select\n${' '.repeat(by + 2)}${columnsSql(properties, by + 2)}) part)`;
  if (rows && items && !('type' in items)) {
    const select = `select\n${' '.repeat(by + 4)}${columnsSql(items.properties, by + 4)}`;
    const from = `\n${' '.repeat(by + 2)}from ${indent(lines(rows), by + 4)}\n${' '.repeat(by + 2)}order by ${order}`;
    return `array_to_json(array(select row_to_json(item) from (${select}${from}) item))`;
  }
  const value = sql === undefined ? `root.${name}` : indent(lines(sql), by + 2);
  return format === 'date-time' ? `iso(${value})` : value;
}

/** A page in key order, for backfill and verification. */
function rowsFunction(contract: AggregateContract): string {
  const { aggregate, root } = contract;
  return `
create function ${functionName(aggregate, 'rows')}(after uuid, max_rows integer)
${wholeStatesSql(
  contract,
  `where root.${root.key} > coalesce(after, '00000000-0000-0000-0000-000000000000')
        order by root.${root.key} limit max_rows`,
)}`;
}

/**
 * Rest of a function that returns whole states, each row's version and state of one snapshot. One query makes all of them:
 * calling the function that makes one for each row would take three times as long. What chooses the rows ends with their
 * order, without which the planner would make each state twice: to be shown, and for its digest.
 */
export function wholeStatesSql(contract: AggregateContract, chosen: string): string {
  const { root, current } = contract;
  return `returns table (tenant_id uuid, id uuid, version bigint, digest bigint, schema_version integer, state json)
language plpgsql stable ${PAGED} as $$
declare
  ${EPOCH_BASE}
begin
  return query
    select made.tenant, made.key, made.stored, canonical.digest(made.key, made.stored, made.whole), ${current.number}, made.whole
      from (select root.${root.tenant} as tenant, root.${root.key} as key, ${storedSql('root.version')} as stored,
          (select row_to_json(part) from (select
            ${columnsSql(current.properties, 12)}) part) as whole
        from ${rootSql(contract, 8)}
        ${chosen}) made
      order by made.key;
end $$;`;
}
