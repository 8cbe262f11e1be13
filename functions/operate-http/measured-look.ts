import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { LANES, type Lane } from '../../core/change.ts';
import type { consoleVariables, EnvironmentRead } from '../../core/environment.ts';
import type { Control } from '../control.ts';
import { METRIC_NAMESPACE } from '../instruments.ts';
import type { Look, Point } from './feed.ts';
import { type Readings, readSeries, type Series } from './metric-series.ts';
import { ageOf, concernsOf, judge, type LaneView, type Overview, type StoreView } from './overview.ts';

/** What the console says of a store out of its contract. */
export interface WatchedStore {
  readonly store: string;
  readonly engine: string;
  readonly normalSeconds: number;
  readonly maximumSeconds: number;
}

export interface MeasuredOptions {
  readonly cloudWatch: CloudWatchClient;
  /** For the watermarks: they say how old a store is now, and not a minute ago. */
  readonly control: Pick<Control, 'watermarksOf'>;
  readonly stores: readonly WatchedStore[];
  readonly queues: EnvironmentRead<typeof consoleVariables>['WATCHED_QUEUES'];
}

/** CloudWatch's own grain is a minute, and each metric that is asked for costs: often enough, for all pages of an instance. */
const READ_EVERY_MS = 20_000;
const MINUTE = 60;
/** Of a minute in which nothing happened there is no percentile. */
const MINUTES = 5 * MINUTE;

/** Looks as far as CloudWatch and the control table say something: what functions measure, and how deep queues are. */
export function measuredLook(options: MeasuredOptions): () => Promise<Overview & Look> {
  const wanted = seriesOf(options);
  let read: { readonly at: number; readonly readings: Promise<Readings> } | undefined;
  function readings(): Promise<Readings> {
    if (!read || Date.now() - read.at >= READ_EVERY_MS) {
      read = { at: Date.now(), readings: readSeries(options.cloudWatch, wanted) };
      read.readings.catch(() => {
        read = undefined;
      });
    }
    return read.readings;
  }
  return async () => {
    const [found, ...ages] = await Promise.all([
      readings(),
      ...options.stores.map(({ store }) => ageNow(options.control, store)),
    ]);
    const seen = {
      source: sourceOf(found),
      relay: relayOf(found, options.queues.parked),
      stores: options.stores.map((watched, index) => storeOf(watched, ages[index], found, options.queues)),
    };
    const curve = curveOf(found, options.stores);
    return { at: new Date().toISOString(), ...seen, concerns: concernsOf(seen), curve };
  };
}

/** Undefined while the control table does not answer. */
const ageNow = (control: MeasuredOptions['control'], store: string): Promise<number | undefined> =>
  control.watermarksOf(store).then(
    watermarks => ageOf(watermarks, LANES),
    () => undefined,
  );

type Statistic = Series['statistic'];

const ours = (service: string, metric: string, statistic: Statistic, periodSeconds = MINUTE): Series => ({
  namespace: METRIC_NAMESPACE,
  metric,
  dimensions: { service },
  statistic,
  periodSeconds,
});
const ofQueue = (QueueName: string, metric: string): Series => ({
  namespace: 'AWS/SQS',
  metric,
  dimensions: { QueueName },
  statistic: 'Maximum',
  periodSeconds: MINUTE,
});

const published = ours('relay', 'source_write_count', 'Sum');
const heartbeats = ours('relay', 'relay_heartbeat_count', 'Sum');
const retainedByUs = ours('relay', 'slot_retained_bytes', 'Maximum');
const relayLag = {
  p50: ours('relay', 'relay_lag_seconds', 'p50', MINUTES),
  p99: ours('relay', 'relay_lag_seconds', 'p99', MINUTES),
};
/** The guardian looks from outside, also while no relay streams. */
const retained = ours('guardian', 'slot_retained_bytes', 'Maximum');
const lost = ours('guardian', 'slot_lost', 'Maximum');

const freshness = (store: string) => ours(store, 'freshness_seconds', 'Maximum');
const applied = (store: string) => ours(store, 'applied_count', 'Sum', MINUTES);
const lag = (store: string, rank: 50 | 95 | 99) => ours(store, 'indexing_lag_seconds', `p${rank}`, MINUTES);

const visible = (queue: string) => ofQueue(queue, 'ApproximateNumberOfMessagesVisible');
const inFlight = (queue: string) => ofQueue(queue, 'ApproximateNumberOfMessagesNotVisible');
const delayed = (queue: string) => ofQueue(queue, 'ApproximateNumberOfMessagesDelayed');
const oldest = (queue: string) => ofQueue(queue, 'ApproximateAgeOfOldestMessage');

const seriesOf = ({ stores, queues }: MeasuredOptions): readonly Series[] => [
  ...[published, heartbeats, retainedByUs, retained, lost, relayLag.p50, relayLag.p99, visible(queues.parked)],
  ...stores.flatMap(({ store }) => {
    const { standard, priority, failed } = queues.stores[store]!;
    return [
      ...[freshness(store), applied(store), lag(store, 50), lag(store, 95), lag(store, 99), visible(failed)],
      ...[standard, priority].flatMap(queue => [visible(queue), inFlight(queue), delayed(queue), oldest(queue)]),
    ];
  }),
];

/** The guardian reports what it saw in the database, each minute in which the database answers it. */
function sourceOf({ newest, points }: Readings): Overview['source'] {
  const perMinute = newest(published);
  return {
    answers: points(retained).length === 0 ? undefined : newest(retained) !== undefined,
    changesPerSecond: perMinute && perMinute / MINUTE,
    changes: undefined,
    dependantsPending: undefined,
  };
}

function relayOf({ newest }: Readings, parked: string): Overview['relay'] {
  const [retainedBytes, hasLost] = [newest(retainedByUs) ?? newest(retained), newest(lost)];
  const [p50, p99] = [newest(relayLag.p50), newest(relayLag.p99)];
  const slot = {
    active: (newest(heartbeats) ?? 0) > 0,
    lagBytes: undefined,
    retainedBytes: retainedBytes ?? 0,
    walStatus: (hasLost ?? 0) > 0 ? 'lost' : 'kept',
  };
  return {
    slot: retainedBytes === undefined && hasLost === undefined ? undefined : slot,
    lagSeconds: p50 === undefined || p99 === undefined ? undefined : { p50, p99 },
    parked: newest(visible(parked)) ?? 0,
  };
}

function storeOf(
  watched: WatchedStore,
  age: number | undefined,
  { newest }: Readings,
  queues: MeasuredOptions['queues'],
): StoreView {
  const { store, normalSeconds, maximumSeconds } = watched;
  const { failed, ...lanes } = queues.stores[store]!;
  const [p50, p95, p99] = ([50, 95, 99] as const).map(rank => newest(lag(store, rank)));
  const laneOf = (lane: Lane): LaneView => ({
    visible: newest(visible(lanes[lane])) ?? 0,
    inFlight: newest(inFlight(lanes[lane])) ?? 0,
    delayed: newest(delayed(lanes[lane])) ?? 0,
    oldestSeconds: newest(oldest(lanes[lane])) ?? 0,
  });
  return {
    ...watched,
    lanes: { standard: laneOf('standard'), priority: laneOf('priority') },
    freshnessSeconds: age,
    freshness: judge(age, maximumSeconds, p95, normalSeconds),
    lag: p50 === undefined || p95 === undefined || p99 === undefined ? undefined : { p50, p95, p99 },
    applied: newest(applied(store)) ?? 0,
    failed: newest(visible(failed)) ?? 0,
    documents: undefined,
    alarms: [],
  };
}

/** The last hour, minute by minute. */
function curveOf({ points }: Readings, stores: readonly WatchedStore[]): readonly Point[] {
  const byTime = new Map<number, { changesPerSecond: number | null; freshnessSeconds: Record<string, number> }>();
  const pointAt = (at: number) => {
    const point = byTime.get(at) ?? { changesPerSecond: null, freshnessSeconds: {} };
    byTime.set(at, point);
    return point;
  };
  for (const { at, value } of points(published)) pointAt(at).changesPerSecond = value / MINUTE;
  for (const { store } of stores) {
    for (const { at, value } of points(freshness(store))) pointAt(at).freshnessSeconds[store] = value;
  }
  return [...byTime].sort(([one], [other]) => one - other).map(([at, point]) => ({ at, ...point }));
}
