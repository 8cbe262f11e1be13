import type { AggregateContract } from '../aggregate-contract.ts';
import type { Catalogue } from '../catalogue.ts';
import { stateValue } from '../state-path.ts';
import type { ProjectedContract } from '../store-contract.ts';
import { type StateFact, stateFacts } from './facts.ts';
import { type Finding, fail, findingsOf, missing, pass, type Verdict } from './finding.ts';

/** Who decides what is true of the rows of a table, or of some of its columns. */
export interface Decider {
  /** The contract that says so. */
  readonly aggregate: string;
  readonly team: string;
  /** The canonical store, or the system outside that decides and is copied from. */
  readonly where: string;
}

/** One row of the authority map (001 step 1): a fact, who decides it, and where its copies are. */
export interface FactRow {
  /** `case.status`, by the aggregate that decides it; `users.display_name` where no aggregate does. */
  readonly fact: string;
  /** Column of the canonical store, or the expression that it is computed by. */
  readonly kept: string;
  readonly decidedBy: Decider | undefined;
  /** Paths of the states that repeat it. */
  readonly repeatedIn: readonly string[];
  /** `case-search.status`: field by store. */
  readonly copies: readonly string[];
}

/** A field that a store's projector makes of the whole state. */
export interface MadeField {
  readonly field: string;
  readonly of: readonly string[];
}

export interface AuthorityMap {
  readonly facts: readonly FactRow[];
  readonly made: readonly MadeField[];
}

interface Claim extends Decider {
  readonly table: string;
  /** @default all of them */
  readonly columns?: readonly string[];
}

/** Every fact of every aggregate, each once. */
export function authorityMap(catalogue: Catalogue): AuthorityMap {
  const claims = claimsOf(catalogue);
  const rows = new Map<string, { -readonly [Key in keyof FactRow]: FactRow[Key] }>();
  for (const aggregate of catalogue.aggregates) {
    for (const { path, origin } of stateFacts(aggregate)) {
      const id = 'table' in origin ? `${origin.table}.${origin.column}` : `${aggregate.aggregate}.${path}`;
      const here = `${aggregate.aggregate}.${path}`;
      const decidedBy = 'table' in origin ? deciderOf(claims, origin) : ownDecider(catalogue, aggregate);
      const own = decidedBy?.aggregate === aggregate.aggregate;
      const row = rows.get(id) ?? {
        fact: nameOf(catalogue, aggregate, path, origin),
        kept: 'table' in origin ? id : origin.computed,
        decidedBy,
        repeatedIn: [],
        copies: [],
      };
      if (!own || row.fact !== here) row.repeatedIn = [...row.repeatedIn, here].filter(path => path !== row.fact);
      row.copies = [...new Set([...row.copies, ...copiesOf(catalogue, aggregate, path)])];
      rows.set(id, row);
    }
  }
  const facts = [...rows.values()].toSorted((a, b) => (a.fact < b.fact ? -1 : 1));
  return { facts, made: catalogue.projected.flatMap(store => madeFields(catalogue, store)) };
}

/** A fact is called by the aggregate whose root's column it is, whichever state it was met in. */
function nameOf({ aggregates }: Catalogue, met: AggregateContract, path: string, origin: StateFact['origin']): string {
  if (!('table' in origin)) return `${met.aggregate}.${path}`;
  const home = aggregates.find(({ root }) => root.table === origin.table);
  if (!home)
    return met.children.some(({ table }) => table === origin.table)
      ? `${met.aggregate}.${path}`
      : `${origin.table}.${origin.column}`;
  const own = stateFacts(home).find(
    fact => 'table' in fact.origin && fact.origin.table === origin.table && fact.origin.column === origin.column,
  );
  return `${home.aggregate}.${own?.path ?? origin.column}`;
}

function copiesOf({ projected }: Catalogue, { aggregate }: AggregateContract, path: string): readonly string[] {
  return projected
    .filter(({ aggregates }) => aggregates.includes(aggregate))
    .flatMap(({ store_name, fields }) =>
      Object.entries(fields)
        .filter(([name, { from = name }]) => from === path || path.startsWith(`${from}.`))
        .map(([name]) => `${store_name}.${name}`),
    );
}

function madeFields({ aggregates }: Catalogue, store: ProjectedContract): readonly MadeField[] {
  const sources = aggregates.filter(({ aggregate }) => store.aggregates.includes(aggregate));
  return Object.entries(store.fields)
    .filter(([name, { from = name }]) => sources.every(source => stateValue(source, from) === undefined))
    .map(([name]) => ({ field: `${store.store_name}.${name}`, of: store.aggregates }));
}

function claimsOf(catalogue: Catalogue): readonly Claim[] {
  return catalogue.aggregates.flatMap(contract => {
    const own = ownDecider(catalogue, contract);
    const tables = [
      contract.root.table,
      ...contract.children.filter(({ aggregate }) => aggregate === undefined).map(({ table }) => table),
      ...(contract.authority?.tables ?? []),
    ];
    const elsewhere = (contract.authority?.elsewhere ?? []).map(({ table, columns, by, system }) => ({
      aggregate: contract.aggregate,
      team: by,
      where: system,
      table,
      columns,
    }));
    return [...tables.map(table => ({ ...own, table })), ...elsewhere];
  });
}

function ownDecider({ stores }: Catalogue, { aggregate, owner }: AggregateContract): Decider {
  const store = stores.find(({ role, aggregates }) => role === 'canonical' && aggregates?.includes(aggregate));
  return { aggregate, team: owner, where: store?.store_name ?? 'no canonical store' };
}

function deciderOf(
  claims: readonly Claim[],
  { table, column }: { table: string; column: string },
): Decider | undefined {
  const claim = claims.find(claim => claim.table === table && (claim.columns?.includes(column) ?? true));
  return claim && { aggregate: claim.aggregate, team: claim.team, where: claim.where };
}

const ONE_WRITER = {
  rule: 'one-writer',
  asks: 'One canonical write owner per data responsibility: no fact has two writers.',
  from: 'authority',
} as const;
const AUTHORITY_SAID = {
  rule: 'authority-said',
  asks: 'Who is allowed to create, correct and erase this fact?',
  from: 'authority',
} as const;

/** Two writers of a fact, facts that nobody decides, and what nobody has said of who may change what. */
export function authorityFindings(catalogue: Catalogue): readonly Finding[] {
  const claims = claimsOf(catalogue);
  return catalogue.aggregates.flatMap(contract =>
    findingsOf(catalogue, 'aggregates', contract.aggregate, [
      { ...ONE_WRITER, verdict: oneWriter(catalogue, claims, contract) },
      { ...AUTHORITY_SAID, verdict: authoritySaid(contract) },
    ]),
  );
}

function oneWriter(catalogue: Catalogue, claims: readonly Claim[], contract: AggregateContract): Verdict {
  const { aggregate, root } = contract;
  const stores = catalogue.stores.filter(
    ({ role, aggregates }) => role === 'canonical' && aggregates?.includes(aggregate),
  );
  const names = stores.map(({ store_name }) => store_name).join(' and ');
  if (stores.length > 1)
    return fail(['aggregate'], `${names} both decide ${aggregate}`, 'one canonical store holds an aggregate');
  if (stores.length === 0) {
    return fail(['aggregate'], `no canonical store holds ${aggregate}`, 'add it to "aggregates" of the one that does');
  }
  return (
    contested(claims, contract) ??
    strayChild(catalogue, contract) ??
    undecided(claims, contract) ??
    pass(['root', 'table'], `${root.table}, in ${names}`)
  );
}

function contested(claims: readonly Claim[], { aggregate }: AggregateContract): Verdict | undefined {
  for (const claim of claims.filter(own => own.aggregate === aggregate)) {
    const rival = claims.find(other => other.aggregate !== aggregate && overlap(claim, other) && !agree(claim, other));
    if (!rival) continue;
    const message = `${claim.columns ? `${claim.table}.${claim.columns.join(', ')}` : claim.table} has two writers: ${said(claim)} and ${said(rival)}`;
    return fail(
      ['authority'],
      message,
      'one of them decides; the other keeps a copy, or marks the child with "aggregate"',
    );
  }
  return undefined;
}

const said = ({ aggregate, team, where }: Claim): string => `${team} (${where}, says ${aggregate})`;
const overlap = (a: Claim, b: Claim): boolean =>
  a.table === b.table && (!a.columns || !b.columns || a.columns.some(column => b.columns!.includes(column)));
/** Two contracts may both say that somebody else decides, if they mean the same. */
const agree = (a: Claim, b: Claim): boolean =>
  Boolean(a.columns && b.columns) && a.team === b.team && a.where === b.where;

function strayChild({ aggregates }: Catalogue, { children }: AggregateContract): Verdict | undefined {
  for (const [index, { table, aggregate }] of children.entries()) {
    if (aggregate === undefined) continue;
    const home = aggregates.find(other => other.aggregate === aggregate);
    if (home?.root.table === table) continue;
    const message = `rows of ${table} are said to be aggregate ${aggregate}, whose root is ${home?.root.table ?? 'not described'}`;
    return fail(['children', index, 'aggregate'], message, 'name the aggregate whose root they are, or none');
  }
  return undefined;
}

function undecided(claims: readonly Claim[], contract: AggregateContract): Verdict | undefined {
  for (const { path, origin } of stateFacts(contract)) {
    if (!('table' in origin) || deciderOf(claims, origin)) continue;
    const message = `nobody is said to decide ${origin.table}.${origin.column}, which ${path} repeats`;
    return missing(
      ['authority'],
      message,
      `add ${origin.table} to "authority.tables", or to "authority.elsewhere" with who does`,
    );
  }
  return undefined;
}

function authoritySaid({ authority }: AggregateContract): Verdict {
  if (authority) return pass(['authority'], 'create, correct and erase are said');
  return missing(
    ['authority'],
    'authority is not there',
    'add "authority" with create, correct and erase: who may do it',
  );
}
