import type { Digest, KeyRange, Stored } from './store.ts';
import type { AggregateId } from './version.ts';

export const EMPTY_DIGEST: Digest = { count: 0, sum: 0 };

export const addDigests = (a: Digest, b: Digest): Digest => ({ count: a.count + b.count, sum: a.sum + b.sum });

/** The digest of a scan: what a store that cannot compute it near the data falls back to. */
export async function digestOfScan(scan: AsyncIterable<Stored>): Promise<Digest> {
  let total = EMPTY_DIGEST;
  for await (const { digest } of scan) {
    if (digest !== 0) total = addDigests(total, { count: 1, sum: digest });
  }
  return total;
}

export const inRange = (key: AggregateId, { from, to }: KeyRange): boolean =>
  (from === undefined || key >= from) && (to === undefined || key < to);
