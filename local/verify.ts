import pg from 'pg';
import { DistributaryError } from '../core/errors.ts';
import type { Definition } from '../core/projection.ts';
import type { Target } from '../core/store.ts';
import type { Endpoints } from './endpoints.ts';
import { expectedWrites } from './verification/canonical-rows.ts';
import { compare, type Finding, type Verdict } from './verification/comparison.ts';
import { type FactsView, viewFacts } from './verification/facts.ts';
import { type OpenStores, openStores } from './verification/open-stores.ts';
import { countArchived, countItems, countSearched } from './verification/readers-view.ts';

/** What one store holds, held against what a rebuild from the canonical rows would give. */
export interface StoreVerdict {
  readonly store: string;
  readonly engine: string;
  /** The index, table or prefix that readers see. */
  readonly target: string;
  /** Canonical rows of its aggregates. */
  readonly rows: number;
  /** What its readers find: hits of a search, items of a scan, newest facts in DuckDB. */
  readonly documents: number;
  readonly missing: number;
  readonly extra: number;
  readonly stale: number;
  readonly different: number;
  /** How many documents more, or less, a scan of the store yields than its readers find. */
  readonly unseen: number;
  /** Of an analytics store: versions of the last days, and how many of them it lacks. */
  readonly versions?: number;
  readonly missingVersions?: number;
  /** All of the above that must be 0. */
  readonly drift: number;
  /** The first of what does not agree. */
  readonly examples: readonly Example[];
}

export interface Example {
  readonly key: string;
  readonly what: string;
}

const SHOWN_EXAMPLES = 10;
const READER = 'distributary_reader';

/**
 * Compares every store with the canonical rows, each document of it: key by key and version by version, one page of each
 * in memory, and then by what its readers see. At rest only: what changes meanwhile looks like drift.
 */
export async function verifyStores(
  endpoints: Endpoints,
  definitions: readonly Definition[],
): Promise<readonly StoreVerdict[]> {
  const stores = openStores(endpoints);
  try {
    const verdicts: StoreVerdict[] = [];
    for (const definition of definitions) verdicts.push(await verifyStore(endpoints, stores, definition));
    return verdicts;
  } finally {
    stores.close();
  }
}

async function verifyStore(endpoints: Endpoints, stores: OpenStores, definition: Definition): Promise<StoreVerdict> {
  const { store_name, engine } = definition.contract;
  const store = stores.open(definition.contract);
  const target = await store.current();
  if (!target) throw new DistributaryError('target-missing', `store ${store_name} has no current target`);
  const client = new pg.Client({ connectionString: endpoints.postgres.roles[READER]! });
  await client.connect();
  try {
    const tally = await take(compare(expectedWrites(client, definition), store.scan(target, {})));
    const view = await readersView(endpoints, stores, target, definition);
    return { store: store_name, engine, target: target.name, ...conclude(tally, view) };
  } finally {
    await client.end();
  }
}

interface Tally {
  readonly found: Readonly<Record<Verdict, number>>;
  readonly visible: number;
  readonly examples: readonly Example[];
}

async function take(findings: AsyncIterable<Finding>): Promise<Tally> {
  const found = { agrees: 0, gone: 0, missing: 0, extra: 0, stale: 0, different: 0 };
  const examples: Example[] = [];
  let visible = 0;
  for await (const finding of findings) {
    found[finding.verdict] += 1;
    if (finding.visible) visible += 1;
    if (finding.detail === undefined || examples.length >= SHOWN_EXAMPLES) continue;
    examples.push({ key: finding.key, what: `${finding.verdict}: ${finding.detail}` });
  }
  return { found, visible, examples };
}

/** What those who read the store find, each by the means of its engine. */
type ReadersView = { readonly documents: number } & Partial<FactsView>;

async function readersView(
  endpoints: Endpoints,
  stores: OpenStores,
  target: Target,
  { contract }: Definition,
): Promise<ReadersView> {
  const place = endpoints.stores[contract.store_name]!;
  if (contract.engine === 'opensearch') return { documents: await countSearched(endpoints, place) };
  if (contract.engine === 'dynamodb') return { documents: await countItems(stores.dynamo, target.name) };
  const { s3, control } = stores;
  if (contract.engine === 's3-object-lock') return { documents: await countArchived(s3, place.bucket!, target.name) };
  return viewFacts({ s3, control, bucket: place.bucket!, target }, endpoints.postgres.url, contract.aggregates);
}

function conclude(
  { found, visible, examples }: Tally,
  view: ReadersView,
): Omit<StoreVerdict, 'store' | 'engine' | 'target'> {
  const { agrees, missing, extra, stale, different } = found;
  const unseen = Math.abs(visible - view.documents);
  const { versions, missingVersions = 0 } = view;
  const lacking = (view.missingExamples ?? []).map(({ key, version }) => ({
    key,
    what: `missing: version ${version}`,
  }));
  return {
    rows: agrees + missing + stale + different,
    documents: view.documents,
    missing,
    extra,
    stale,
    different,
    unseen,
    ...(versions !== undefined && { versions, missingVersions }),
    drift: missing + extra + stale + different + unseen + missingVersions,
    examples: [...examples, ...lacking].slice(0, SHOWN_EXAMPLES),
  };
}
