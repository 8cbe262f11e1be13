import type { Catalogue } from '../../core/catalogue.ts';
import { DistributaryError } from '../../core/errors.ts';
import { concernsOf, type Overview as WayOverview } from '../../functions/operate-http/overview.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { LocalStatus } from '../../local/local-mode.ts';
import type { MetricReading } from '../../local/runtime/metrics.ts';
import { openStores } from '../../local/verification/open-stores.ts';
import { toMilliseconds } from '../terminal/wording.ts';
import { documentCounter } from './documents.ts';
import { type MeasuredSlot, openSource, type SourceView } from './source.ts';
import { type Observed, viewStore } from './stores.ts';

/** What is seen of a local mode: besides the way of the data, its servers and its alarms. */
export interface Overview extends WayOverview {
  readonly source: WayOverview['source'] & { readonly answers: boolean };
  readonly relay: WayOverview['relay'] & { readonly slot: MeasuredSlot | undefined };
  readonly servers: LocalStatus['servers'];
  /** Names of all alarms that ring. */
  readonly alarms: readonly string[];
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
      return { ...overview, concerns: localConcerns(overview) };
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

const localConcerns = (overview: Omit<Overview, 'concerns'>): readonly string[] => [
  ...overview.servers.filter(({ up }) => !up).map(({ name }) => `${name} is down and being started again`),
  ...concernsOf(overview),
  ...overview.alarms.map(name => `alarm ${name} rings`),
];
