import { createHash } from 'node:crypto';
import { encodeFacts, type Fact, type FactFormat } from './parquet-file.ts';
import type { Draft } from './parquet-manifest.ts';
import { dayOf } from './parquet-time.ts';

/** 128 bits: no two sets of facts meet. */
const ID_CHARACTERS = 32;

const idOf = (parts: readonly string[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return hash.digest('hex').slice(0, ID_CHARACTERS);
};

/** Facts of one day, at least one, as a file. A repeated call with equal facts gives an equal id. */
export function draftOf(format: FactFormat, facts: readonly Fact[]): Draft {
  const sorted = distinct(facts);
  const identities = sorted.map(({ key, tenant, version, digest, committedAt, document }) =>
    JSON.stringify([key, tenant, version, digest, committedAt, document]),
  );
  return { id: idOf(identities), replaces: [], ...contentsOf(format, sorted) };
}

/** One file in place of several, named after them: merging the same files twice gives the same file. */
export function mergedDraftOf(format: FactFormat, facts: readonly Fact[], replaces: readonly string[]): Draft {
  return { id: idOf(replaces.toSorted()), replaces, ...contentsOf(format, distinct(facts)) };
}

function contentsOf(format: FactFormat, sorted: readonly Fact[]): Pick<Draft, 'contents' | 'bytes'> {
  const bytes = encodeFacts(format, sorted);
  const [min_version, max_version] = extremes(sorted, ({ version }) => version);
  const [min_committed_at, max_committed_at] = extremes(sorted, ({ committedAt }) => committedAt);
  const contents = {
    day: dayOf(min_committed_at),
    rows: sorted.length,
    bytes: bytes.byteLength,
    document_bytes: sorted.reduce((sum, { document }) => sum + JSON.stringify(document).length, 0),
    min_key: sorted[0]!.key,
    max_key: sorted.at(-1)!.key,
    min_version,
    max_version,
    min_committed_at,
    max_committed_at,
  };
  return { contents, bytes };
}

export function extremes<Item>(items: readonly Item[], of: (item: Item) => number): [min: number, max: number] {
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const item of items) {
    min = Math.min(min, of(item));
    max = Math.max(max, of(item));
  }
  return [min, max];
}

/** By key and version, one of each: the one that got here first, and of equals the first in the list. */
function distinct(facts: readonly Fact[]): readonly Fact[] {
  const sorted = facts.toSorted(
    (a, b) => compareText(a.key, b.key) || a.version - b.version || a.extractedAt - b.extractedAt,
  );
  return sorted.filter(({ key, version }, index) => {
    const before = sorted[index - 1];
    return before?.key !== key || before.version !== version;
  });
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
