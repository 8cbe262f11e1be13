import type { DriftSide, Entry } from '../../../core/drift.ts';
import type { Store, Stored, Target } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import { inFlight } from '../../in-flight.ts';
import { unopened } from '../../stores/protected.ts';

/** A target as drift looks at it. */
export interface DriftStore extends DriftSide {
  /** What it holds under each of the keys, as of the last acknowledged write; tombstones too. */
  held(keys: readonly AggregateId[]): Promise<ReadonlyMap<AggregateId, Entry>>;
}

const READS_AT_ONCE = 16;

export function driftStore(whole: Store, target: Target): DriftStore {
  const store = unopened(whole);
  return {
    digests: ranges => store.digests(target, ranges),

    async *entries(range) {
      for await (const stored of store.scan(target, range)) yield entryOf(stored);
    },

    async held(keys) {
      const held = new Map<AggregateId, Entry>();
      await inFlight(keys, READS_AT_ONCE, async key => {
        const stored = await store.read(target, key);
        if (stored) held.set(key, entryOf(stored));
      });
      return held;
    },
  };
}

const entryOf = ({ key, tenant, version, digest }: Stored): Entry => ({ key, tenant, version, digest });
