import pg from 'pg';
import type { Lsn } from '../../core/lsn.ts';
import type { Insert } from './pgoutput.ts';
import { asSourceError } from './source-error.ts';
import { WalStream } from './wal-stream.ts';

/**
 * Streams the committed inserts of a publication from a logical replication slot. `pg` connects, authenticates and frames
 * the messages; what is here is the replication protocol inside them ("Streaming Replication Protocol" in the manual).
 */

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

/** Opens the stream where the slot stands. Throws as the iteration does; `slot-active` while another holds the slot. */
export async function openReplication(options: ReplicationOptions): Promise<ReplicationStream> {
  const client = await connectReplication(options.connection);
  try {
    return await startStreaming(client, options);
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** A connection that speaks both SQL (without parameters) and replication. */
export async function connectReplication(connection: pg.ClientConfig): Promise<pg.Client> {
  // `replication` is an option of pg that its types do not know. A stream is one endless query: no time limit.
  const config = { keepAlive: true, ...connection, replication: 'database', query_timeout: 0, statement_timeout: 0 };
  const client = new pg.Client(config);
  // The query under way is told as well; without a listener the same error would end the process.
  client.on('error', () => {});
  await client.connect().catch(error => {
    throw asSourceError(error);
  });
  return client;
}

/** Starts the stream on the connection, which it then owns. When this throws `slot-active`, the connection is as before. */
export function startStreaming(client: pg.Client, options: ReplicationOptions): Promise<ReplicationStream> {
  return new Promise((resolve, reject) => {
    client.query(new WalStream(client, options, resolve, reject));
  });
}
