import { sameDigest } from './digest.ts';
import type { Digest, KeyRange } from './store.ts';
import type { AggregateId, TenantId, Version } from './version.ts';

/** What is known of a key without its document. In a store, digest 0 is a tombstone. */
export interface Entry {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  readonly digest: number;
}

/** What can be wrong with what a store holds under a key. */
export const DRIFT_KINDS = ['missing', 'extra', 'stale', 'different', 'should-be-tombstone'] as const;
/**
 * `missing`: it lives, and the store knows nothing of it. `extra`: the store shows what never was. `stale`: an older
 * version. `different`: the newest version made of another state, or a version that was never written.
 * `should-be-tombstone`: it is gone, and the store still shows it.
 */
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** One of the two things that are compared. */
export interface DriftSide {
  /** Of ranges in key order that do not overlap. */
  digests(ranges: readonly KeyRange[]): Promise<readonly Digest[]>;
  /** Everything in the range, in key order; tombstones too, where there are any. */
  entries(range: KeyRange): AsyncIterable<Entry>;
}

export interface CanonicalSide extends DriftSide {
  /** The key before which the range has about `rows` keys; nothing when it has no more than that. */
  boundAfter(range: KeyRange, rows: number): Promise<AggregateId | undefined>;
}

/** What does not agree at a first look; `seen` is the canonical side's version. A change on its way looks the same. */
export interface Suspect {
  readonly key: AggregateId;
  readonly seen: Version | undefined;
}

/** Keys of a range at first: one statement of some 100 ms, so that no snapshot is held for long. */
export const RANGE_ROWS = 2000;
/** Ranges asked for in one request to the store. */
export const WAVE_RANGES = 50;
/** Into so many an unequal range is cut. */
const PARTS = 8;
/** An unequal range of no more keys is not cut but listed. */
const LISTED_ROWS = 300;

/** The next ranges of the key space from `from` on, and where the ranges after them begin. */
export async function nextWave(
  canonical: CanonicalSide,
  from: AggregateId | undefined,
  limit = WAVE_RANGES,
): Promise<{ ranges: readonly KeyRange[]; next: AggregateId | undefined }> {
  const ranges = await cut(canonical, from === undefined ? {} : { from }, RANGE_ROWS, limit);
  const last = ranges.at(-1)!;
  return { ranges, next: last.to };
}

/** Cuts a range into ranges of `rows` keys, which together leave nothing of it out; stops after `limit` of them. */
async function cut(
  canonical: CanonicalSide,
  { from: start, to }: KeyRange,
  rows: number,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly KeyRange[]> {
  const ranges: KeyRange[] = [];
  for (let from = start; ; ) {
    const rest = rangeOf(from, to);
    const bound = await canonical.boundAfter(rest, rows);
    ranges.push(bound === undefined ? rest : rangeOf(from, bound));
    if (bound === undefined || ranges.length >= limit) return ranges;
    from = bound;
  }
}

const rangeOf = (from: AggregateId | undefined, to: AggregateId | undefined): KeyRange => ({
  ...(from !== undefined && { from }),
  ...(to !== undefined && { to }),
});

export interface Compared {
  /** Keys of the canonical side. */
  readonly rows: number;
  readonly suspects: readonly Suspect[];
}

/** Compares the digests of the ranges, looks only into those that differ, and yields the keys that do not agree. */
export async function compareRanges(
  canonical: CanonicalSide,
  store: DriftSide,
  ranges: readonly KeyRange[],
): Promise<Compared> {
  const [ours, theirs] = await Promise.all([canonical.digests(ranges), store.digests(ranges)]);
  const suspects: Suspect[] = [];
  let rows = 0;
  for (const [index, range] of ranges.entries()) {
    rows += ours[index]!.count;
    if (sameDigest(ours[index]!, theirs[index]!)) continue;
    suspects.push(...(await suspectsIn(canonical, store, range, ours[index]!.count)));
  }
  return { rows, suspects };
}

async function suspectsIn(
  canonical: CanonicalSide,
  store: DriftSide,
  range: KeyRange,
  rows: number,
): Promise<readonly Suspect[]> {
  if (rows <= LISTED_ROWS) return listSuspects(canonical, store, range);
  const parts = await cut(canonical, range, Math.ceil(rows / PARTS));
  return (await compareRanges(canonical, store, parts)).suspects;
}

/** Key by key, in the order of both sides. */
async function listSuspects(canonical: DriftSide, store: DriftSide, range: KeyRange): Promise<readonly Suspect[]> {
  const held = new Map<AggregateId, Entry>();
  for await (const entry of store.entries(range)) held.set(entry.key, entry);
  const suspects: Suspect[] = [];
  for await (const seen of canonical.entries(range)) {
    const found = held.get(seen.key);
    held.delete(seen.key);
    if (found?.version !== seen.version || found.digest !== seen.digest)
      suspects.push({ key: seen.key, seen: seen.version });
  }
  // A tombstone of what does not live is as it should be.
  for (const { key, digest } of held.values()) if (digest !== 0) suspects.push({ key, seen: undefined });
  return suspects;
}

/** What became of an aggregate, in the canonical store. */
export type Fate =
  | { readonly kind: 'lives'; readonly entry: Entry }
  /** `version` outranks all that was ever written of it; `at`: milliseconds since 1970, when that is known. */
  | { readonly kind: 'gone'; readonly version: Version; readonly at: number | undefined }
  | { readonly kind: 'never-was' };

export type Verdict = 'agrees' | 'lags' | DriftKind;

/**
 * Judges a suspect once everything that was committed before it was seen must have arrived: what is wrong now and was due
 * then is drift, what came later is on its way. `held` must have been read before `fate`, for a store is never ahead.
 */
export function judge({ seen }: Suspect, held: Entry | undefined, fate: Fate, seenAt: number): Verdict {
  if (fate.kind === 'lives') return judgeLiving(seen, held, fate.entry);
  if (held === undefined || held.digest === 0) return 'agrees';
  if (fate.kind === 'never-was') return 'extra';
  // It was alive when it was seen, or ended since: the store is about to hear of it.
  return seen !== undefined || (fate.at ?? 0) >= seenAt ? 'lags' : 'should-be-tombstone';
}

function judgeLiving(seen: Version | undefined, held: Entry | undefined, now: Entry): Verdict {
  if (held === undefined) return seen ? 'missing' : 'lags';
  if (held.version > now.version) return 'different';
  if (held.version === now.version) return held.digest === now.digest ? 'agrees' : 'different';
  if (seen === undefined || held.version >= seen) return 'lags';
  return 'stale';
}

/** What mends a finding. */
export type Remedy =
  /** The state as it is now, to this store alone: being newer than what the store holds it lands, or something newer has. */
  | { readonly kind: 'publish' }
  /** A new version, to every store: of two states with one version no store could tell the newer. */
  | { readonly kind: 'renew' }
  /** A deletion, to this store alone. */
  | { readonly kind: 'bury'; readonly version: Version }
  /** The store holds a version above any that the canonical store will write for long. */
  | { readonly kind: 'rebuild' };

export function remedyOf(kind: DriftKind, held: Entry | undefined, fate: Fate): Remedy {
  if (kind === 'missing' || kind === 'stale') return { kind: 'publish' };
  if (kind === 'different') {
    const ahead = fate.kind === 'lives' && held !== undefined && held.version > fate.entry.version;
    return { kind: ahead ? 'rebuild' : 'renew' };
  }
  const last = fate.kind === 'gone' ? fate.version : 0;
  return { kind: 'bury', version: Math.max(last, (held?.version ?? 0) + 1) as Version };
}
