import type { AggregateContract } from '../aggregate-contract.ts';
import { type StateLeaf, stateLeaves } from '../state-path.ts';

/** Where a value of a state lives: a column of the canonical store, or an expression over several. */
export type Origin = { readonly table: string; readonly column: string } | { readonly computed: string };

export interface StateFact {
  /** Path into the state. */
  readonly path: string;
  readonly origin: Origin;
}

/** Every value of an aggregate's state, traced back through the contract's SQL. */
export const stateFacts = (contract: AggregateContract): readonly StateFact[] =>
  stateLeaves(contract).map(leaf => ({ path: leaf.path, origin: originOf(contract, leaf) }));

const COLUMN = /^([a-z_]\w*)\.([a-z_]\w*)$/;
/** `(select party.name from …)`: one column, whichever row it is of. */
const SELECTED = /^\(\s*select\s+([a-z_]\w*\.[a-z_]\w*)\s+from\s/;

function originOf({ root }: AggregateContract, { path, property, rows }: StateLeaf): Origin {
  const sql = property.sql?.trim();
  if (sql === undefined) return { table: root.table, column: path.split('.').at(-1)! };
  const column = COLUMN.exec(SELECTED.exec(sql)?.[1] ?? sql);
  const [, alias, name] = column ?? [];
  const table = alias && aliasesIn([root.joins, rows && `from ${rows}`, sql], root.table).get(alias);
  return table && name ? { table, column: name } : { computed: sql.replaceAll(/\s+/g, ' ') };
}

/** `from case_parties link join parties party on …` → link, party and the tables they stand for. */
function aliasesIn(texts: readonly (string | undefined)[], root: string): ReadonlyMap<string, string> {
  const aliases = new Map([['root', root]]);
  for (const text of texts) {
    for (const [, table, alias] of text?.matchAll(/\b(?:from|join)\s+([a-z_]\w*)\s+(?:as\s+)?([a-z_]\w*)/g) ?? []) {
      aliases.set(alias!, table!);
    }
  }
  return aliases;
}
