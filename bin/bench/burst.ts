import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import type { Digest } from '../../core/store.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { type OpenStores, openStores } from '../../local/verification/open-stores.ts';
import type { Figure } from './figures.ts';
import type { Burst, BurstReport } from './load-process.ts';
import type { Findings, Setting } from './measurement.ts';
import type { Pipe } from './pipe.ts';

const CHANGES = 20_000;
const LOOK_EVERY_MS = 100;
const ARRIVED_WITHIN_MS = 300_000;

/** How many changes a second reach every store when all of them are committed at once. */
export async function measureBurst(pipe: Pipe, { signal, progress }: Setting): Promise<Findings> {
  const { mode, actor, load, definitions } = pipe;
  const contracts = definitions.catalogue.projected;
  const bar = progress(`burst of ${CHANGES} changes`, contracts.length + 1);
  const stores = openStores(mode.endpoints);
  const client = new pg.Client({ connectionString: mode.endpoints.postgres.url });
  await client.connect();
  try {
    const order: Burst = { kind: 'burst', endpoints: mode.endpoints, actor, changes: CHANGES };
    const { from, to } = await load.ask<BurstReport>(order);
    bar.update(1, 'committed');
    const wanted: Digest[] = [];
    for (const contract of contracts) wanted.push(await expected(client, contract));
    let arrived = 1;
    const arrivals = await Promise.all(
      contracts.map(async (contract, index): Promise<Arrival> => {
        const at = await arrival(pipe, stores, contract, wanted[index]!, signal);
        bar.update(++arrived, contract.store_name);
        return { store: contract.store_name, at };
      }),
    );
    return { figures: figuresOf({ from, to }, arrivals), omissions: [], versions: {} };
  } finally {
    bar.stop();
    await client.end();
    stores.close();
  }
}

interface Arrival {
  readonly store: string;
  /** When it held all, ms since 1970. */
  readonly at: number;
}

function figuresOf({ from, to }: BurstReport, arrivals: readonly Arrival[]): readonly Figure[] {
  const figure = (where: string, at: number, note: string): Figure => ({
    name: `burst, ${where}`,
    value: (CHANGES * 1000) / (at - from),
    unit: 'changes/s',
    note,
  });
  const until = `${CHANGES} updates, from the first commit until`;
  return [
    figure('committed', to, 'what the canonical store took while the pipe ran'),
    ...arrivals.map(({ store, at }) => figure(`in ${store}`, at, `${until} it holds all`)),
    figure('in every store', Math.max(...arrivals.map(({ at }) => at)), `${until} each holds all`),
  ];
}

/** What the store has to hold: the newest version of each aggregate. */
async function expected(client: pg.Client, { aggregates }: ProjectedContract): Promise<Digest> {
  const { rows } = await client.query<{ count: number; sum: number }>(
    `select count(*)::float8 as count, coalesce(sum(digest), 0)::float8 as sum from (
       select distinct on (aggregate_id) digest from canonical.outbox
         where aggregate = any ($1) order by aggregate_id, version desc) newest
       where digest > 0`,
    [aggregates],
  );
  return rows[0]!;
}

/** When it held all. It is asked only when its queues are empty: what digests cost must not delay what is measured. */
async function arrival(
  { mode }: Pipe,
  stores: OpenStores,
  contract: ProjectedContract,
  wanted: Digest,
  signal: AbortSignal,
): Promise<number> {
  const store = stores.open(contract);
  const target = (await store.current())!;
  for (const end = Date.now() + ARRIVED_WITHIN_MS; Date.now() < end; await delay(LOOK_EVERY_MS)) {
    signal.throwIfAborted();
    const at = Date.now();
    if (!(await isQueueEmpty(mode, contract.store_name))) continue;
    const held = await store.digest(target, {});
    if (held.count === wanted.count && held.sum === wanted.sum) return at;
  }
  const seconds = ARRIVED_WITHIN_MS / 1000;
  throw new DistributaryError('store-unavailable', `${contract.store_name} did not hold all within ${seconds} s`);
}

async function isQueueEmpty({ endpoints, status }: Pipe['mode'], store: string): Promise<boolean> {
  const { queueUrl, priorityQueueUrl } = endpoints.stores[store]!;
  const queues = (await status()).queues.filter(({ url }) => url === queueUrl || url === priorityQueueUrl);
  return queues.every(({ visible, inFlight, delayed }) => visible + inFlight + delayed === 0);
}
