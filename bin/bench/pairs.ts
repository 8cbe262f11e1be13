import { median } from './statistics.ts';

/** Two ways of doing the same work; each yields how much it did in a second. */
export interface Contest {
  ours(): Promise<number>;
  bare(): Promise<number>;
}

export interface PairOptions {
  /** Time for all pairs. */
  readonly seconds: number;
  readonly onPair?: (pair: { readonly elapsedSeconds: number; readonly ratio: number }) => void;
  readonly signal: AbortSignal;
}

export interface Paired {
  readonly pairs: number;
  readonly ours: number;
  readonly bare: number;
  readonly ratio: number;
}

/** Fewer say nothing on a machine that does other work too. */
const LEAST_PAIRS = 5;

/**
 * Runs both, one right after the other and each first in turn, until the time is over; medians of all pairs but the first,
 * in which both find their caches cold.
 */
export async function inPairs({ ours, bare }: Contest, { seconds, onPair, signal }: PairOptions): Promise<Paired> {
  const pairs: { ours: number; bare: number }[] = [];
  await ours();
  await bare();
  const start = Date.now();
  const elapsed = () => (Date.now() - start) / 1000;
  while (pairs.length < LEAST_PAIRS || elapsed() < seconds) {
    signal.throwIfAborted();
    const first = pairs.length % 2 === 0 ? await ours() : undefined;
    const other = await bare();
    const pair = { ours: first ?? (await ours()), bare: other };
    pairs.push(pair);
    onPair?.({ elapsedSeconds: Math.min(elapsed(), seconds), ratio: pair.ours / pair.bare });
  }
  return {
    pairs: pairs.length,
    ours: median(pairs.map(pair => pair.ours)),
    bare: median(pairs.map(pair => pair.bare)),
    ratio: median(pairs.map(pair => pair.ours / pair.bare)),
  };
}
