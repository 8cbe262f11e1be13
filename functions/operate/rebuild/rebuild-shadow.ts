import type { Stored, Target } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import { unopened } from '../../stores/protected.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import type { RunHandle } from '../runs/run-kind.ts';

/** Keys that are read on both targets. */
const SAMPLE_KEYS = 500;
const READS_AT_ONCE = 16;
/** Keys that are kept by name; all are counted. */
const KEPT_KEYS = 20;

/** What readers of the two targets would see differently, of keys that are at the same version in both. */
export interface ShadowReads {
  readonly compared: number;
  /** Shown in one and hidden in the other, or of another tenant: what reauthorisation would have to catch. */
  readonly permissionDifferences: number;
  readonly keys: readonly AggregateId[];
}

/** Reads a sample on both targets, spread over all keys where the store can look one up. */
export async function shadowReads(
  handle: RunHandle,
  context: OperateContext,
  operated: OperatedStore,
  targets: readonly [Target, Target],
): Promise<ShadowReads> {
  const read = operated.store.keepsHistory ? readRange : readSample;
  const pairs = await read(handle, context, operated, targets);
  const comparable = pairs.filter(([old, fresh]) => old.version === fresh.version);
  const differing = comparable.filter(([old, fresh]) => isShown(old) !== isShown(fresh) || old.tenant !== fresh.tenant);
  const keys = differing.slice(0, KEPT_KEYS).map(([{ key }]) => key);
  return { compared: comparable.length, permissionDifferences: differing.length, keys };
}

type Pair = readonly [Stored, Stored];

const isShown = ({ document }: Stored): boolean => document !== null;

async function readSample(
  handle: RunHandle,
  context: OperateContext,
  { store: whole, definition }: OperatedStore,
  [blue, green]: readonly [Target, Target],
): Promise<readonly Pair[]> {
  const store = unopened(whole);
  const keys = await sample(context, definition.contract.aggregates);
  const pairs: Pair[] = [];
  for (let at = 0; at < keys.length; at += READS_AT_ONCE) {
    await handle.save({ progress: { done: at, total: keys.length, unit: 'shadow reads' } });
    const read = async (key: AggregateId) => {
      const [old, fresh] = await Promise.all([store.read(blue, key), store.read(green, key)]);
      if (old && fresh) pairs.push([old, fresh]);
    };
    await Promise.all(keys.slice(at, at + READS_AT_ONCE).map(read));
  }
  return pairs;
}

/** A store of files finds one key by reading many of them: a range is as cheap. */
async function readRange(
  _handle: RunHandle,
  { canonical }: OperateContext,
  { store, definition }: OperatedStore,
  [blue, green]: readonly [Target, Target],
): Promise<readonly Pair[]> {
  const to = await canonical.boundAfter(definition.contract.aggregates, undefined, SAMPLE_KEYS);
  const range = to === undefined ? {} : { to };
  const held = new Map<AggregateId, Stored>();
  for await (const stored of store.scan(blue, range)) held.set(stored.key, stored);
  const pairs: Pair[] = [];
  for await (const fresh of store.scan(green, range)) {
    const old = held.get(fresh.key);
    if (old) pairs.push([old, fresh]);
  }
  return pairs;
}

/** The last keys of as many parts of the key space. */
async function sample({ canonical }: OperateContext, aggregates: readonly string[]): Promise<readonly AggregateId[]> {
  const counts = await Promise.all(aggregates.map(aggregate => canonical.count(aggregate)));
  const step = Math.max(1, Math.ceil(Math.max(...counts) / SAMPLE_KEYS));
  const keys: AggregateId[] = [];
  for (let from: AggregateId | undefined; keys.length < SAMPLE_KEYS; ) {
    const bound = await canonical.boundAfter(aggregates, from, step);
    if (bound === undefined) break;
    keys.push(bound);
    from = bound;
  }
  return keys;
}
