import type { ResolvedChange } from '../../core/change.ts';
import type { AggregateId } from '../../core/version.ts';

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
  /** The same without what was deleted, and without the states: for comparison. */
  readDigests(aggregate: string, page: Page): Promise<CanonicalPage<KeyDigest>>;
  /** These, as they are now, in no order; those that do not live are left out. */
  readKeys(aggregate: string, keys: readonly AggregateId[]): Promise<readonly ResolvedChange[]>;
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

export interface KeyDigest {
  readonly key: AggregateId;
  readonly version: number;
  readonly digest: number;
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
