import { setTimeout as delay } from 'node:timers/promises';
import { DistributaryError } from '../../core/errors.ts';
import type { Store } from '../../core/store.ts';
import type { AggregateId } from '../../core/version.ts';
import { ask, type OpenSearch } from '../../functions/stores/opensearch-client.ts';
import { type Dice, dice } from '../workload/dice.ts';

/** What a reader saw that polled all the time. */
export interface ReaderReport {
  readonly polls: number;
  /** Documents looked for. */
  readonly reads: number;
  /** Looked for and not seen, though nobody has touched them. */
  readonly missed: number;
  /** Seen, though they were deleted before the reader began. */
  readonly forbidden: number;
  /** Polls that the store did not answer: it was killed, or is coming back. */
  readonly unanswered: number;
  /** Longest time between two answers, seconds. */
  readonly longestSilenceSeconds: number;
}

export interface PollingReader {
  stop(): Promise<ReaderReport>;
}

export interface ReaderOptions {
  readonly store: Store;
  /** The search engine and the store's alias, where readers search. @default by the store's own reads */
  readonly search?: { readonly client: OpenSearch; readonly alias: string } | undefined;
  /** Must be found. */
  readonly present: readonly AggregateId[];
  /** Must not. */
  readonly absent: readonly AggregateId[];
  readonly seed: number;
}

const POLL_EVERY_MS = 100;
/** Keys of each kind to a poll. */
const SEARCHED = 200;
const READ = 5;

/** Looks again and again as readers do: through the alias of a search store, or at the current target of another. */
export function startReader(options: ReaderOptions): PollingReader {
  const stopping = new AbortController();
  const polling = poll(options, stopping.signal);
  polling.catch(() => {});
  return {
    stop: () => {
      stopping.abort();
      return polling;
    },
  };
}

async function poll(options: ReaderOptions, signal: AbortSignal): Promise<ReaderReport> {
  const { present, absent, search } = options;
  const chances = dice(options.seed);
  const seen = { polls: 0, reads: 0, missed: 0, forbidden: 0, unanswered: 0, longestSilenceSeconds: 0 };
  for (let answeredAt = performance.now(); !signal.aborted; ) {
    const size = search ? SEARCHED : READ;
    const [there, gone] = [some(present, size, chances), some(absent, size, chances)];
    const keys = [...there, ...gone];
    const found = await answered(() => (search ? searched(search, keys) : read(options.store, keys)));
    const now = performance.now();
    seen.polls += 1;
    if (!found) {
      seen.unanswered += 1;
      await delay(POLL_EVERY_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    seen.reads += there.length + gone.length;
    seen.missed += there.filter(key => !found.has(key)).length;
    seen.forbidden += gone.filter(key => found.has(key)).length;
    seen.longestSilenceSeconds = Math.max(seen.longestSilenceSeconds, (now - answeredAt) / 1000);
    answeredAt = now;
    await delay(POLL_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return seen;
}

function some(keys: readonly AggregateId[], size: number, chances: Dice): readonly AggregateId[] {
  const from = chances.integer(Math.max(1, keys.length - size + 1));
  return keys.slice(from, from + size);
}

/** Nothing while the store does not answer. A target that is missing is another matter: then readers see nothing. */
async function answered<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof DistributaryError && error.code === 'store-unavailable') return undefined;
    throw error;
  }
}

async function searched({ client, alias }: { client: OpenSearch; alias: string }, keys: readonly AggregateId[]) {
  const { body } = await ask<{ hits: { hits: { _source: { distributary: { key: AggregateId } } }[] } }>(client, {
    method: 'POST',
    path: `/${alias}/_search`,
    query: { allow_partial_search_results: false },
    body: { size: keys.length, query: { terms: { 'distributary.key': keys } }, _source: ['distributary'] },
  });
  return new Set(body.hits.hits.map(({ _source }) => _source.distributary.key));
}

async function read(store: Store, keys: readonly AggregateId[]): Promise<ReadonlySet<AggregateId>> {
  const current = await store.current();
  const found = new Set<AggregateId>();
  if (!current) return found;
  for (const key of keys) if ((await store.read(current, key))?.document) found.add(key);
  return found;
}
