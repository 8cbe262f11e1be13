import { LANES, type Lane } from '../../core/change.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import type { QueueDepth } from '../../local/aws.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { MetricReading } from '../../local/runtime/metrics.ts';
import type { OpenStores } from '../../local/verification/open-stores.ts';
import { toMilliseconds } from '../terminal/wording.ts';

/**
 * `late`: its watermark is older than its contract tolerates. `behind`: changes take longer than the contract calls normal.
 * `silent`: nothing has arrived yet.
 */
export type Freshness = 'fresh' | 'behind' | 'late' | 'silent';

export interface LaneView {
  readonly visible: number;
  readonly inFlight: number;
  /** Put off, while the store does not answer. */
  readonly delayed: number;
  readonly oldestSeconds: number;
}

export interface StoreView {
  readonly store: string;
  readonly engine: string;
  readonly lanes: Readonly<Record<Lane, LaneView>>;
  /** Age of the watermark: all that was committed before is in the store. */
  readonly freshnessSeconds: number | undefined;
  readonly normalSeconds: number;
  readonly maximumSeconds: number;
  readonly freshness: Freshness;
  /** From commit to queryable, over the last minutes. */
  readonly lag: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  /** Changes applied over the last minutes. */
  readonly applied: number;
  /** Messages in the failed queue. */
  readonly failed: number;
  /** Documents that its readers may find; of facts, rows. Undefined while the store does not answer. */
  readonly documents: number | undefined;
  /** Names of its alarms that ring. */
  readonly alarms: readonly string[];
}

/** What all stores are looked at with. */
export interface Observed {
  readonly endpoints: Endpoints;
  readonly stores: OpenStores;
  readonly queues: readonly QueueDepth[];
  readonly metrics: readonly MetricReading[];
  readonly ringing: readonly string[];
  /** Undefined while the store does not answer. */
  documents(contract: ProjectedContract): Promise<number | undefined>;
}

export async function viewStore(contract: ProjectedContract, observed: Observed): Promise<StoreView> {
  const { store_name: store, engine, freshness_contract } = contract;
  const { normal_p95: normalSeconds, maximum_before_alert: maximumSeconds } = freshness_contract;
  const place = observed.endpoints.stores[store]!;
  const lag = readingOf(observed, store, 'indexing_lag_seconds');
  const freshnessSeconds = await watermarkAge(observed, store);
  return {
    store,
    engine,
    lanes: { standard: laneOf(observed, place.queueUrl), priority: laneOf(observed, place.priorityQueueUrl) },
    freshnessSeconds,
    normalSeconds,
    maximumSeconds,
    freshness: judge(freshnessSeconds, maximumSeconds, lag?.p95, normalSeconds),
    lag: lag && { p50: toMilliseconds(lag.p50), p95: toMilliseconds(lag.p95), p99: toMilliseconds(lag.p99) },
    applied: readingOf(observed, store, 'applied_count')?.sum ?? 0,
    failed: depthOf(observed, place.failedQueueUrl),
    documents: await observed.documents(contract),
    alarms: observed.ringing.filter(alarm => alarm.includes(`-${store}-`)),
  };
}

/** Heartbeats are seconds apart, so that the age of a watermark says nothing of what is normal. */
function judge(age: number | undefined, maximum: number, lag: number | undefined, normal: number): Freshness {
  if (age === undefined) return 'silent';
  if (age > maximum) return 'late';
  return lag !== undefined && lag > normal ? 'behind' : 'fresh';
}

/** A store is as fresh as its slower lane. */
async function watermarkAge({ stores }: Observed, store: string): Promise<number | undefined> {
  try {
    const watermarks = await stores.control.watermarksOf(store);
    const oldest = Math.min(...LANES.map(lane => watermarks[lane] ?? Number.NEGATIVE_INFINITY));
    return Number.isFinite(oldest) ? Math.max(0, (Date.now() - oldest) / 1000) : undefined;
  } catch {
    // The control table does not answer: nothing is known.
    return undefined;
  }
}

const readingOf = ({ metrics }: Observed, service: string, name: string): MetricReading | undefined =>
  metrics.find(metric => metric.name === name && metric.dimensions.service === service);

const NO_MESSAGES: LaneView = { visible: 0, inFlight: 0, delayed: 0, oldestSeconds: 0 };

function laneOf({ queues }: Observed, url: string): LaneView {
  const queue = queues.find(one => one.url === url);
  if (!queue) return NO_MESSAGES;
  const { visible, inFlight, delayed, oldestSeconds } = queue;
  return { visible, inFlight, delayed, oldestSeconds };
}

function depthOf(observed: Observed, url: string): number {
  const { visible, inFlight, delayed } = laneOf(observed, url);
  return visible + inFlight + delayed;
}
