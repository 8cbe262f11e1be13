import type { JsonObject } from './change.ts';
import type { DistributaryError } from './errors.ts';
import type { AggregateId, TenantId, Version } from './version.ts';

/** One generation of a store: an index, a table, a prefix. A rebuild makes the next one beside it. */
export interface Target {
  /** The store's name in its contract. */
  readonly store: string;
  /** The engine's own name: index, table, or key prefix. Unique per generation. */
  readonly name: string;
}

/** What one change makes of one document. `document: null` is a tombstone: it stays, and outranks any older write. */
export interface Write {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  /** The change's digest; 0 when the aggregate is deleted (a live one that the projector hides keeps its digest). */
  readonly digest: number;
  /** Milliseconds since 1970 of the commit. */
  readonly committedAt: number;
  readonly document: JsonObject | null;
}

export type Outcome =
  /** The target now holds this write. */
  | { readonly kind: 'applied' }
  /** The target holds this version or a newer one. Success. */
  | { readonly kind: 'stale' }
  /** The target will never take this document. Retry never. */
  | { readonly kind: 'refused'; readonly error: DistributaryError }
  /** The target is down or throttles; nothing is known of this write. Retry later. */
  | { readonly kind: 'unavailable'; readonly error: DistributaryError };

export const APPLIED: Outcome = { kind: 'applied' };
export const STALE: Outcome = { kind: 'stale' };

/** What a target holds under a key. `document: null` is a tombstone. */
export interface Stored {
  readonly key: AggregateId;
  readonly tenant: TenantId;
  readonly version: Version;
  readonly digest: number;
  readonly committedAt: number;
  readonly document: JsonObject | null;
}

/** Keys from `from` (inclusive) to `to` (exclusive), in the order of their text; an absent bound is open. */
export interface KeyRange {
  readonly from?: AggregateId;
  readonly to?: AggregateId;
}

/**
 * What a range holds of aggregates that live: equal digests of a target and the canonical store mean equal keys at equal
 * versions made from equal states. Exact below two million keys a range, where a sum of 32-bit numbers is a safe integer.
 */
export interface Digest {
  /** How many keys have a digest other than 0. */
  readonly count: number;
  /** The sum of their digests. */
  readonly sum: number;
}

/** Something that is not as it should be, or soon will not be; `todo` says what mends it. */
export interface Concern {
  readonly severity: 'broken' | 'risk';
  readonly what: string;
  readonly todo: string;
}

/**
 * One engine behind one small port. While the engine does not answer, every method but `write` throws `store-unavailable`;
 * `read`, `scan`, `digest`, `digests`, `inspect` and `cutOver` throw `target-missing` for a target that is not there. Every implementation passes `testStore` (testing/store-suite.ts).
 *
 * A store keeps, per key, the newest version that was ever written to it: writes may be repeated, reordered and raced by
 * several writers, and the outcome is the same. Nothing is forgotten: a tombstone outranks every older write for as long
 * as the target lives.
 */
export interface Store {
  readonly engine: string;
  /** Largest document, in bytes of its JSON text; a larger one is refused with `document-too-large`. */
  readonly maxDocumentBytes: number;
  /** Seconds at most from a write's outcome until a query sees it (OpenSearch: its refresh interval). */
  readonly visibleAfterSeconds: number;
  /** Whether superseded versions are worth writing too: a history of states, where others hold the newest only. */
  readonly keepsHistory: boolean;

  /**
   * Applies each write only if it is newer than what the target holds; of several writes to a key within one call, the
   * newest wins. Outcomes keep the order of `writes`; `stale` is success, and an engine that cannot tell for free says
   * `applied`. One refused write does not touch the others. Never throws for what an `Outcome` can say.
   * A target that was made before the contract gained a field takes documents that have it.
   * Safe to repeat and to reorder; when it returns `applied` or `stale`, a crash cannot lose the write.
   * A missing target is `unavailable` with `target-missing`.
   */
  write(target: Target, writes: readonly Write[]): Promise<readonly Outcome[]>;
  /** What the target holds under the key, as of the last acknowledged write; a tombstone is returned as one. */
  read(target: Target, key: AggregateId): Promise<Stored | undefined>;
  /** Everything in the range, tombstones included, in key order, one page in memory at a time. Sees acknowledged writes. */
  scan(target: Target, range: KeyRange): AsyncIterable<Stored>;
  /** The digest of what `scan` would yield, computed near the data where the engine can. Sees acknowledged writes. */
  digest(target: Target, range: KeyRange): Promise<Digest>;
  /**
   * The digest of each of the ranges, which do not overlap and come in key order: in few requests however many they are,
   * for a comparison of a whole store asks for them by the hundred.
   */
  digests(target: Target, ranges: readonly KeyRange[]): Promise<readonly Digest[]>;

  /** How the target differs from what `create` would make of the contract now, and what of the engine endangers it. */
  inspect(target: Target): Promise<readonly Concern[]>;

  /** Makes an empty target ready for writes. One that is there keeps what it has, and takes up what its contract has gained. */
  create(target: Target): Promise<void>;
  /** Points the store's readers at `to` in one atomic step. */
  cutOver(to: Target): Promise<void>;
  /** Readers see no target any more, which is the end of a store; done already is fine. */
  withdraw(): Promise<void>;
  /** The target that readers see, if any. */
  current(): Promise<Target | undefined>;
  /** Removes a target for good; gone already is fine. Throws `target-current` for the one that readers see. */
  drop(target: Target): Promise<void>;
}
