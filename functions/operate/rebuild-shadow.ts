import type { Target } from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';
import type { OperateContext, OperatedStore } from './context.ts';
import type { RunHandle } from './run-kind.ts';

/** Keys that are read on both targets. */
const SAMPLE_KEYS = 500;
const READS_AT_ONCE = 16;

/** What readers of the two targets would see differently, of keys that are at the same version in both. */
export interface ShadowReads {
  readonly compared: number;
  /** Shown in one and hidden in the other, or of another tenant: what reauthorisation would have to catch. */
  readonly permissionDifferences: number;
  readonly keys: readonly AggregateId[];
}

/** Reads a sample, spread over all keys, on both targets. */
export async function shadowReads(
  handle: RunHandle,
  context: OperateContext,
  { store, definition }: OperatedStore,
  [blue, green]: readonly [Target, Target],
): Promise<ShadowReads> {
  const keys = await sample(context, definition.contract.aggregates);
  let compared = 0;
  const differing: AggregateId[] = [];
  for (let at = 0; at < keys.length; at += READS_AT_ONCE) {
    if (handle.signal.aborted) await handle.save({});
    const batch = keys.slice(at, at + READS_AT_ONCE);
    await Promise.all(
      batch.map(async key => {
        const [old, fresh] = await Promise.all([store.read(blue, key), store.read(green, key)]);
        if (!old || !fresh || old.version !== fresh.version) return;
        compared += 1;
        const shown = (stored: typeof old) => stored.document !== null;
        if (shown(old) !== shown(fresh) || old.tenant !== fresh.tenant) differing.push(key);
      }),
    );
  }
  return { compared, permissionDifferences: differing.length, keys: differing.slice(0, READS_AT_ONCE) };
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
