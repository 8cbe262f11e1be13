import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { AggregateId } from '../../core/version.ts';
import type { Run } from '../../functions/operate/runs/run.ts';
import { openSearchClient } from '../../functions/stores/opensearch-client.ts';
import type { LocalMode } from '../../local/local-mode.ts';
import { openStores } from '../../local/verification/open-stores.ts';
import type { Session } from '../command.ts';
import { followRun } from '../operate/following.ts';
import { localOperations, type Operations } from '../operations.ts';
import { type KillReport, patiently, startKilling } from './killing.ts';
import { type LoadReport, startLoad } from './live-load.ts';
import { type ReaderReport, startReader } from './polling-reader.ts';

export interface RebuildDrill {
  readonly mode: LocalMode;
  readonly contract: ProjectedContract;
  readonly changesPerSecond: number;
  readonly seed: number;
  /** How often a part is killed, on average; none when absent. */
  readonly killEverySeconds?: number;
  readonly mostKills?: number;
  /** Deleted before; readers must not see them. */
  readonly absent: readonly AggregateId[];
  /** @default as `divideCases` divides those that there are; drills at the same time share one division */
  readonly cases?: DividedCases;
}

export interface DividedCases {
  /** Nobody changes them, so that it is known what readers must see of them. */
  readonly untouched: readonly AggregateId[];
  readonly changed: readonly AggregateId[];
}

export interface RebuildDrillReport {
  readonly store: string;
  readonly seed: number;
  readonly run: Run;
  readonly load: LoadReport;
  readonly reader: ReaderReport;
  readonly kills: KillReport;
}

/** Of all cases. */
const UNTOUCHED = 0.3;
const MAX_KEYS = 20_000;

/** Rebuilds a store while it is changed, read and killed; says what happened to each. */
export async function drillRebuild(drill: RebuildDrill, session: Session): Promise<RebuildDrillReport> {
  const { mode, contract, seed, changesPerSecond, absent } = drill;
  const { endpoints } = mode;
  const store = contract.store_name;
  const { untouched, changed } = drill.cases ?? (await divideCases(endpoints.postgres.url));
  const stores = openStores(endpoints);
  const operations = localOperations(endpoints, { actor: 'drill', reason: `seed ${seed}` });
  const { index } = endpoints.stores[store]!;
  const client = openSearchClient(endpoints.opensearch.url);
  const reader = startReader({
    store: stores.open(contract),
    search: index === undefined ? undefined : { client, alias: index },
    present: untouched,
    absent,
    seed,
  });
  const load = startLoad({
    databaseUrl: endpoints.postgres.url,
    changesPerSecond,
    seed,
    keys: changed,
  });
  const processes = mode.processes();
  const servers = processes.flatMap(({ name, kind }) => (kind === 'server' ? [name] : []));
  const relays = processes.flatMap(({ name }) => (name.endsWith('-relay') ? [name] : []));
  const parts = [...servers, endpoints.operate, endpoints.stores[store]!.projector, ...relays];
  const { killEverySeconds: everySeconds = 1, mostKills: most = 0 } = drill;
  const begun = await begin(operations, store);
  const killing = startKilling({ mode, parts, seed, everySeconds, most });
  const rebuilding = followRun(operations, begun, session);
  // In any case everything is stopped; then whoever failed first is heard.
  await rebuilding.catch(() => {});
  const stopped = await Promise.allSettled([killing.stop(), load.stop(), reader.stop()]);
  operations.close();
  stores.close();
  await client.close();
  const run = await rebuilding;
  const [kills, changes, seen] = stopped.map(result => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  }) as [KillReport, LoadReport, ReaderReport];
  return { store, seed, run, load: changes, reader: seen, kills };
}

/** The answer of a start may be lost with a server; the run is there. */
async function begin(operations: Operations, store: string): Promise<Run> {
  try {
    return await patiently(() => operations.ask('rebuild.start', { store }));
  } catch (error) {
    if (!(error instanceof DistributaryError) || error.code !== 'run-active') throw error;
    return (await patiently(() => operations.ask('run.read', { store })))!;
  }
}

/** Drafts are left out: they are nobody's to see. */
export async function divideCases(databaseUrl: string): Promise<DividedCases> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    const text = `select id from canonical.cases where status <> 'draft' order by md5(id::text) limit $1`;
    const { rows } = await client.query<{ id: AggregateId }>(text, [MAX_KEYS]);
    const keys = rows.map(({ id }) => id);
    const untouched = Math.floor(keys.length * UNTOUCHED);
    return { untouched: keys.slice(0, untouched), changed: keys.slice(untouched) };
  } finally {
    await client.end();
  }
}
