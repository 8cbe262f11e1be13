import type pg from 'pg';
import type { Lsn } from '../../core/lsn.ts';
import type { Insert } from './pgoutput.ts';

export interface ReplicationOptions {
  /** As for `pg.Client`, TLS included. Must reach the writer itself: RDS Proxy refuses replication. */
  readonly connection: pg.ClientConfig;
  readonly slot: string;
  readonly publication: string;
  /** Aborted, it ends the iteration; the stream stays open for the acknowledgement of what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** @default 500 */
  readonly statusIntervalMs?: number;
  /** @default 60,000 */
  readonly silenceLimitMs?: number;
  /** @default 2 MiB */
  readonly maxBufferedBytes?: number;
  /** @default 1 MiB */
  readonly maxPartBytes?: number;
}

/** A transaction, or a part of a large one. */
export interface TransactionPart {
  readonly xid: number;
  /** Milliseconds since 1970 of the commit. */
  readonly committedAt: number;
  readonly inserts: readonly Insert[];
  /** The position to acknowledge once this part and everything before it are safe; null when more parts follow. */
  readonly endLsn: Lsn | null;
}

/**
 * Committed transactions in the order of their commits, everything that has arrived at a time. At least once: what was
 * not acknowledged comes again on the next stream of the slot; what was acknowledged never does; nothing is skipped.
 * One consumer. The iteration throws a `DistributaryError` of asSourceError when the stream breaks, and ends after
 * `stop`, `destroy` or the signal.
 */
export interface ReplicationStream extends AsyncIterable<readonly TransactionPart[]> {
  /**
   * Everything up to this end of a transaction is safe. The server hears of it at the next status. While nothing
   * is outstanding the stream acknowledges by itself what the server says holds nothing for us, so that an idle slot
   * retains no WAL.
   */
  acknowledge(lsn: Lsn): void;
  /** Received from the server, and acknowledged to it. */
  readonly progress: { readonly received: Lsn; readonly acknowledged: Lsn };
  /** Says goodbye: a last status, and the slot is free for the next when this resolves. Drops what was not consumed. */
  stop(): Promise<void>;
  /** Cuts the connection. The server frees the slot when it notices. */
  destroy(): void;
}
