import { type AggregateContract, type Child, type Embed, REFERENCE_UPDATED } from './aggregate-contract.ts';
import { becomesSql, DEFINER, functionName, quote, refuseTruncate } from './capture-sql.ts';

type Event = 'inserted' | 'updated' | 'deleted';

/** A statement that changes rows of a child touches each of their roots once, however many rows it changes. */
export function childSql(contract: AggregateContract, child: Child): string {
  const { table } = child;
  const name = functionName(contract.aggregate, `touched_by_${table}`);
  const trigger = (event: string, tables: string) => `
create trigger touch_${contract.aggregate.replaceAll('-', '_')}_${event} after ${event} on ${table} referencing ${tables}
  for each statement execute function ${name}();`;
  return `
create function ${name}() returns trigger
language plpgsql ${DEFINER} as $$
begin
  if tg_op = 'INSERT' then
    ${touchesOn('inserted', contract, child)}
  elsif tg_op = 'UPDATE' then
    ${touchesOn('updated', contract, child)}
  else
    ${touchesOn('deleted', contract, child)}
  end if;
  return null;
end $$;
${trigger('insert', 'new table as new_rows').trim()}
${trigger('update', 'old table as old_rows new table as new_rows').trim()}
${trigger('delete', 'old table as old_rows').trim()}
${refuseTruncate(table)}`;
}

/** One touch for every row, by the strongest name that needs no look at it; one more for each name that does. */
function touchesOn(event: Event, { root, changes }: AggregateContract, child: Child): string {
  const fitting = changes.flatMap(({ name, when }) =>
    typeof when === 'object' && 'child' in when && when.child === child.table && (when.event ?? event) === event
      ? [{ name, becomes: when.becomes }]
      : [],
  );
  const general = fitting.find(({ becomes }) => becomes === undefined)!;
  const special = event === 'updated' ? fitting.filter(({ becomes }) => becomes !== undefined) : [];
  return [general, ...special]
    .map(({ name, becomes }) =>
      `
    update ${root.table} set change = ${quote(name)}, changed_in = null where ${root.key} = any (array(
      ${rootKeys(child, event, becomes)}));`.trim(),
    )
    .join('\n    ');
}

/** The roots that a statement's rows belong to, and belonged to before it. */
function rootKeys({ key, aggregate }: Child, event: Event, becomes?: Readonly<Record<string, unknown>>): string {
  if (event === 'inserted') return `select ${key} from new_rows`;
  if (event === 'deleted') return `select ${key} from old_rows`;
  const pairs = `select unnest(array[before.${key}, after.${key}]) from old_rows before join new_rows after using (id)`;
  if (becomes) return `${pairs} where ${becomesSql(becomes, 'before', 'after')}`;
  // A root that was only published again for a reference's sake is no news to its parent.
  if (aggregate) return `${pairs} where after.change <> ${quote(REFERENCE_UPDATED)}`;
  return `select ${key} from old_rows union select ${key} from new_rows`;
}

interface Dependence {
  readonly contract: AggregateContract;
  readonly embed: Embed;
}

/** What keeps embedded columns true: locks on links, notes of changes, and the two functions that work the notes off. */
export function embedSql(contracts: readonly AggregateContract[]): readonly string[] {
  const all: Dependence[] = contracts.flatMap(contract => contract.embeds.map(embed => ({ contract, embed })));
  const links = Map.groupBy(all, ({ embed }) => `${embed.through.table}.${embed.through.column}`);
  const sources = Map.groupBy(all, ({ embed }) => embed.table);
  return [
    `-- references ${'-'.repeat(106)}`,
    ...[...links.values()].map(([first]) => linkSql(first!.embed)),
    ...[...sources].map(([table, dependences]) => noteSql(table, dependences)),
    dependantsFunction(all),
    touchFunction(contracts),
  ];
}

/** A new link holds the row that it leads to: either the state sees its new columns, or their change sees the link. */
function linkSql({ table, through }: Embed): string {
  const name = `capture.${through.table}_holds_${through.column}`;
  return `
create function ${name}() returns trigger
language plpgsql ${DEFINER} as $$
begin
  perform from ${table} where id = new.${through.column} for share;
  return new;
end $$;
create trigger hold_${through.column} before insert or update of ${through.column} on ${through.table} for each row
  execute function ${name}();`;
}

function noteSql(table: string, dependences: readonly Dependence[]): string {
  const differs = (columns: readonly string[]) =>
    columns.map(column => `new.${column} is distinct from old.${column}`).join(' or ');
  const notes = [...Map.groupBy(dependences, ({ embed }) => differs(embed.columns))].map(([changed, those]) => {
    const values = those.map(({ contract }) => `('${contract.aggregate}', '${table}', new.id)`);
    return `
  if ${changed} then
    insert into dependants_pending (aggregate, source, source_id)
      values ${values.join(', ')};
  end if;`;
  });
  return `
create function capture.${table}_note() returns trigger
language plpgsql ${DEFINER} as $$
begin${notes.join('')}
  return null;
end $$;
create trigger note after update on ${table} for each row
  when (${differs([...new Set(dependences.flatMap(({ embed }) => embed.columns))])})
  execute function capture.${table}_note();`;
}

/** The next keys, in order, of what embeds a row. An index on (column, key) of the link must lead there. */
function dependantsFunction(all: readonly Dependence[]): string {
  const branches = all.map(
    ({ contract: { aggregate }, embed: { table, through } }) => `
    when '${aggregate} ${table}' then
      return array(select distinct ${through.key} from ${through.table}
        where ${through.column} = of_id and ${through.key} > after order by ${through.key} limit max_keys);`,
  );
  return `
create function capture.dependants(of_aggregate text, of_source text, of_id uuid, after uuid, max_keys integer)
returns uuid[]
language plpgsql stable ${DEFINER} as $$
begin
  case of_aggregate || ' ' || of_source${branches.join('')}
    else return '{}';
  end case;
end $$;`;
}

/**
 * Touches those that nobody else is changing; returns them, and those that are gone. An aggregate of no contract has
 * nothing to publish: its keys count as done, for one such note must not stop the others.
 */
function touchFunction(contracts: readonly AggregateContract[]): string {
  const branches = contracts.map(
    ({ aggregate, root: { table, key }, embeds }) => `
    when '${aggregate}' then
      with free as (
        select ${key} from ${table} where ${key} = any (keys) for no key update skip locked
      ), touched as (
        update ${table} root set ${embeds.length > 0 ? `change = ${quote(REFERENCE_UPDATED)}, changed_in = null` : `${key} = root.${key}`}
          from free where root.${key} = free.${key} returning root.${key}
      )
      select array_agg(${key}) into settled from touched;
      return settled || array(select key from unnest(keys) key where not exists (select from ${table} where ${key} = key));`,
  );
  return `
create function capture.touch(of_aggregate text, keys uuid[]) returns uuid[]
language plpgsql ${DEFINER} as $$
declare
  settled uuid[];
begin
  case of_aggregate${branches.join('')}
    else
      raise warning 'nothing to publish: no contract for aggregate %', of_aggregate;
      return keys;
  end case;
end $$;`;
}
