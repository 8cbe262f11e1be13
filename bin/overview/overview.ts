import type { Catalogue } from '../../core/catalogue.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { LocalStatus } from '../../local/local-mode.ts';
import type { MetricReading } from '../../local/runtime/metrics.ts';
import { openStores } from '../../local/verification/open-stores.ts';
import { counted, toMilliseconds } from '../terminal/wording.ts';
import { documentCounter } from './documents.ts';
import { openSource, type SlotView, type SourceView } from './source.ts';
import { type Observed, type StoreView, viewStore } from './stores.ts';

/** The way of the data at one moment: source, relay, and every store. */
export interface Overview {
  readonly at: string;
  readonly source: {
    readonly answers: boolean;
    /** Changes captured per second since the look before; undefined at the first. */
    readonly changesPerSecond: number | undefined;
    readonly changes: number | undefined;
    readonly dependantsPending: number | undefined;
  };
  readonly relay: {
    readonly slot: SlotView | undefined;
    /** From commit to published, over the last minutes. */
    readonly lagSeconds: { readonly p50: number; readonly p99: number } | undefined;
    /** Outbox rows that can never be published. */
    readonly parked: number;
  };
  readonly stores: readonly StoreView[];
  readonly servers: LocalStatus['servers'];
  /** Names of all alarms that ring. */
  readonly alarms: readonly string[];
  /** Everything that is beyond its contract, in words; empty when all is well. */
  readonly concerns: readonly string[];
}

export interface Looking {
  /** Throws `not-running` when local mode has gone. What does not answer otherwise is part of what is seen. */
  look(): Promise<Overview>;
  close(): Promise<void>;
}

/** How far back lag and applied changes are counted. */
export const WINDOW_SECONDS = 300;
const TIMEOUT_MS = 5000;

export function openOverview(endpoints: Endpoints, catalogue: Catalogue): Looking {
  const source = openSource(endpoints);
  const stores = openStores(endpoints);
  const documents = documentCounter(endpoints, stores);
  let before: { readonly at: number; readonly changes: number } | undefined;

  function rateOf(view: SourceView | undefined, at: number): number | undefined {
    const earlier = before;
    if (!view) return undefined;
    before = { at, changes: view.changes };
    return earlier && ((view.changes - earlier.changes) * 1000) / Math.max(1, at - earlier.at);
  }

  return {
    async look() {
      const status = await ask<LocalStatus>(endpoints, '/status');
      const metrics = await ask<readonly MetricReading[]>(endpoints, `/metrics?seconds=${WINDOW_SECONDS}`);
      const ringing = status.alarms.filter(({ state }) => state === 'ALARM').map(({ name }) => name);
      const observed = { endpoints, stores, queues: status.queues, metrics, ringing, documents };
      const view = await source.look();
      const overview = {
        at: new Date().toISOString(),
        source: sourceOf(view, rateOf(view, Date.now())),
        relay: relayOf(view, observed),
        stores: await Promise.all(catalogue.projected.map(contract => viewStore(contract, observed))),
        servers: status.servers,
        alarms: ringing,
      };
      return { ...overview, concerns: concernsOf(overview) };
    },
    async close() {
      stores.close();
      await source.close();
    },
  };
}

const sourceOf = (view: SourceView | undefined, changesPerSecond: number | undefined): Overview['source'] => ({
  answers: view !== undefined,
  changesPerSecond,
  changes: view?.changes,
  dependantsPending: view?.dependantsPending,
});

function relayOf(view: SourceView | undefined, { metrics, queues, endpoints }: Observed): Overview['relay'] {
  const lag = metrics.find(({ name }) => name === 'relay_lag_seconds');
  return {
    slot: view?.slot,
    lagSeconds: lag && { p50: toMilliseconds(lag.p50), p99: toMilliseconds(lag.p99) },
    parked: queues.find(({ url }) => url === endpoints.parkedQueueUrl)?.visible ?? 0,
  };
}

async function ask<T>({ control, pid }: Endpoints, path: string): Promise<T> {
  try {
    const answer = await fetch(control + path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.ok) return (await answer.json()) as T;
    throw new Error(`status ${answer.status}`);
  } catch (cause) {
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new DistributaryError('not-running', `local mode, process ${pid}, does not answer at ${control}: ${what}`, {
      cause,
    });
  }
}

function concernsOf({ source, relay, stores, servers, alarms }: Omit<Overview, 'concerns'>): readonly string[] {
  return [
    ...servers.filter(({ up }) => !up).map(({ name }) => `${name} is down and being started again`),
    ...(source.answers ? [] : ['the canonical store does not answer']),
    ...relayConcerns(source.answers, relay),
    ...stores.flatMap(store => [...storeConcerns(store)]),
    ...alarms.map(name => `alarm ${name} rings`),
  ];
}

function* relayConcerns(answers: boolean, { slot, parked }: Overview['relay']): Iterable<string> {
  if (slot?.walStatus === 'lost') yield 'the slot has lost WAL that was not relayed: rebuild every store';
  else if (answers && !slot?.active) yield 'no relay streams';
  if (parked > 0) yield `${counted(parked, 'outbox row')} parked, which can never be published`;
}

function* storeConcerns({ store, freshness, freshnessSeconds, maximumSeconds, failed }: StoreView): Iterable<string> {
  if (freshness === 'late')
    yield `${store} is ${Math.round(freshnessSeconds!)} s behind, its contract tolerates ${maximumSeconds} s`;
  if (freshness === 'silent') yield `${store} says nothing yet`;
  if (failed > 0) yield `${store} has ${counted(failed, 'failed change')}`;
}
