import pg from 'pg';
import type { ReplicationOptions, ReplicationStream } from './replication-stream.ts';
import { asSourceError } from './source-error.ts';
import { WalStream } from './wal-stream.ts';

/**
 * Streams the committed inserts of a publication from a logical replication slot. `pg` connects, authenticates and frames
 * the messages; what is here is the replication protocol inside them ("Streaming Replication Protocol" in the manual).
 */

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
