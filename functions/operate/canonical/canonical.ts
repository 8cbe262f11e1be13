import type { ResolvedChange } from '../../../core/change.ts';
import type { KeyDigest } from '../../../core/rebuild.ts';
import type { KeyRange } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';

/**
 * The canonical store as backfill and comparison read it: each call a short transaction of its own, so that nothing holds
 * back what vacuum may remove. Throws `source-unavailable` while it does not answer.
 */
export interface Canonical {
  /**
   * The next `limit` aggregates that live after `after`, in key order, and between them what was deleted, as deletions: a
   * target that never heard of one would take an older state that comes late.
   */
  read(aggregate: string, page: Page): Promise<CanonicalPage<ResolvedChange>>;
  /** Key, version and digest of what lives in the range. */
  entries(aggregates: readonly string[], range: KeyRange): Promise<readonly KeyDigest[]>;
  /** These as they are now, in no order; what was deleted as deletions, what never was left out. */
  found(aggregates: readonly string[], keys: readonly AggregateId[]): Promise<readonly ResolvedChange[]>;
  /** The key before which each aggregate has at most `rows` from `from` on; nothing when none has more. */
  boundAfter(
    aggregates: readonly string[],
    from: AggregateId | undefined,
    rows: number,
  ): Promise<AggregateId | undefined>;
  /** How many aggregates there are or were: for progress. */
  count(aggregate: string): Promise<number>;
  /** What the outbox still holds of these, in the order of their commits. */
  readOutbox(aggregates: readonly string[], page: OutboxPage): Promise<OutboxRows>;
  close(): Promise<void>;
}

export interface Page {
  readonly after: AggregateId | undefined;
  readonly limit: number;
}

export interface CanonicalPage<Row> {
  readonly rows: readonly Row[];
  /** Where the next page begins; nothing after the last. */
  readonly next: AggregateId | undefined;
}

/** A place in the outbox. */
export interface OutboxPlace {
  readonly day: string;
  readonly id: number;
}

export interface OutboxPage {
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly after: OutboxPlace | undefined;
  readonly limit: number;
}

export interface OutboxRows {
  readonly changes: readonly ResolvedChange[];
  readonly next: OutboxPlace | undefined;
}
