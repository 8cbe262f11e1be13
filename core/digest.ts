import type { Digest, KeyRange, Stored } from './store.ts';
import type { AggregateId } from './version.ts';

export const EMPTY_DIGEST: Digest = { count: 0, sum: 0 };

export const addDigests = (a: Digest, b: Digest): Digest => ({ count: a.count + b.count, sum: a.sum + b.sum });

/** The digest of a scan: what a store that cannot compute it near the data falls back to. */
export async function digestOfScan(scan: AsyncIterable<Pick<Stored, 'digest'>>): Promise<Digest> {
  let total = EMPTY_DIGEST;
  for await (const { digest } of scan) {
    if (digest !== 0) total = addDigests(total, { count: 1, sum: digest });
  }
  return total;
}

export const inRange = (key: AggregateId, { from, to }: KeyRange): boolean =>
  (from === undefined || key >= from) && (to === undefined || key < to);

export const sameDigest = (a: Digest, b: Digest): boolean => a.count === b.count && a.sum === b.sum;

/** From the start of the first range to the end of the last, of ranges in key order. */
export const hullOf = (ranges: readonly KeyRange[]): KeyRange => {
  const [from, to] = [ranges[0]?.from, ranges.at(-1)?.to];
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
};

/** The digests of ranges in key order out of one scan, in any order, of their hull. */
export async function digestsOfScan(
  scan: AsyncIterable<Pick<Stored, 'key' | 'digest'>>,
  ranges: readonly KeyRange[],
): Promise<readonly Digest[]> {
  const totals = ranges.map(() => EMPTY_DIGEST);
  for await (const { key, digest } of scan) {
    if (digest === 0) continue;
    const at = rangeOf(key, ranges);
    if (at !== undefined) totals[at] = addDigests(totals[at]!, { count: 1, sum: digest });
  }
  return totals;
}

/** Which of the ranges holds the key: the first that does not end before it, if it starts before it too. */
function rangeOf(key: AggregateId, ranges: readonly KeyRange[]): number | undefined {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { to } = ranges[middle]!;
    if (to === undefined || key < to) high = middle;
    else low = middle + 1;
  }
  return low < ranges.length && inRange(key, ranges[low]!) ? low : undefined;
}
