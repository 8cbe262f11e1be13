import type { Lane } from '../../core/change.ts';

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
  /** Documents that its readers may find; of facts, rows. Undefined where nobody counts, or the store does not answer. */
  readonly documents: number | undefined;
  /** Names of its alarms that ring. */
  readonly alarms: readonly string[];
}

export interface SlotView {
  /** A relay streams. */
  readonly active: boolean;
  /** Written, and not yet acknowledged by the relay; undefined where no metric says so. */
  readonly lagBytes: number | undefined;
  /** WAL that the slot keeps from being removed. */
  readonly retainedBytes: number;
  /** `lost`: WAL that was not relayed is gone. */
  readonly walStatus: string;
}

/** The way of the data at one moment, whoever looked: source, relay, and every store. */
export interface Overview {
  readonly at: string;
  readonly source: {
    /** Undefined while nothing has been heard of it. */
    readonly answers: boolean | undefined;
    readonly changesPerSecond: number | undefined;
    /** Captured so far. */
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
  /** Everything that is beyond its contract, in words; empty when all is well. */
  readonly concerns: readonly string[];
}

/** Heartbeats are seconds apart, so that the age of a watermark says nothing of what is normal. */
export function judge(age: number | undefined, maximum: number, lag: number | undefined, normal: number): Freshness {
  if (age === undefined) return 'silent';
  if (age > maximum) return 'late';
  return lag !== undefined && lag > normal ? 'behind' : 'fresh';
}

/** A store is as fresh as its slower lane. */
export function ageOf(watermarks: { readonly [L in Lane]?: number }, lanes: readonly Lane[]): number | undefined {
  const oldest = Math.min(...lanes.map(lane => watermarks[lane] ?? Number.NEGATIVE_INFINITY));
  return Number.isFinite(oldest) ? Math.max(0, (Date.now() - oldest) / 1000) : undefined;
}

/** What is beyond its contract, by what everybody sees. */
export const concernsOf = ({ source, relay, stores }: Omit<Overview, 'concerns' | 'at'>): readonly string[] => [
  ...(source.answers === false ? ['the canonical store does not answer'] : []),
  ...relayConcerns(source.answers, relay),
  ...stores.flatMap(store => [...storeConcerns(store)]),
];

function* relayConcerns(answers: boolean | undefined, { slot, parked }: Overview['relay']): Iterable<string> {
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

const counted = (count: number, noun: string): string =>
  `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
