import { LANES } from '../../core/change.ts';
import type { ProjectedContract } from '../../core/store-contract.ts';
import { ageOf, judge, type LaneView, type StoreView } from '../../functions/operate-http/overview.ts';
import type { QueueDepth } from '../../local/aws.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import type { MetricReading } from '../../local/runtime/metrics.ts';
import type { OpenStores } from '../../local/verification/open-stores.ts';
import { toMilliseconds } from '../terminal/wording.ts';

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

async function watermarkAge({ stores }: Observed, store: string): Promise<number | undefined> {
  try {
    return ageOf(await stores.control.watermarksOf(store), LANES);
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
