import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { formatLsn, type Lsn, laterLsn, NO_LSN } from '../../core/lsn.ts';
import { type Insert, OutputDecoder, POSTGRES_EPOCH_MS } from './pgoutput.ts';
import type { ReplicationOptions, ReplicationStream, TransactionPart } from './replication-stream.ts';
import { asSourceError } from './source-error.ts';

/** How often the server hears where we are. It waits `wal_sender_timeout` for a sign of life: 60 s, 5 s in local mode. */
const STATUS_INTERVAL_MS = 500;
/** Decoded rows held for a consumer that lags; then the socket waits. Some 2,000 rows: decoded they take several times their bytes. */
const MAX_BUFFERED_BYTES = 2 * 2 ** 20;
/** A transaction up to this size arrives whole; a larger one in parts, so that no transaction is too large for memory. */
const MAX_PART_BYTES = 2 ** 20;
/** A connection that was silent for so long is dead, as the server's own receiver judges (`wal_receiver_timeout`); half-way we ask. */
const SILENCE_LIMIT_MS = 60_000;
/** How long a clean stop may take. The server finishes sending a transaction before it reads that we leave. */
const STOP_TIMEOUT_MS = 3_000;

function startCommand({ slot, publication }: ReplicationOptions): string {
  const publications = pg.escapeLiteral(pg.escapeIdentifier(publication));
  return `START_REPLICATION SLOT ${pg.escapeIdentifier(slot)} LOGICAL 0/0 (proto_version '1', publication_names ${publications})`;
}

const XLOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
/** Tag, start and end of WAL, the server's clock: what precedes the message of the output plug-in. */
const XLOG_DATA_HEADER_BYTES = 25;
const KEEPALIVE_ASKS_AT = 17;
/** CopyDone: tag and its own length. */
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

interface OpenTransaction {
  readonly xid: number;
  readonly committedAt: number;
  inserts: Insert[];
  bytes: number;
}

/** The stream as a query that never ends: `pg` hands it each message by the `handle…` methods. */
export class WalStream implements ReplicationStream, pg.Submittable {
  readonly #client: pg.Client;
  readonly #options: ReplicationOptions;
  readonly #decoder = new OutputDecoder();
  readonly #maxBufferedBytes: number;
  readonly #maxPartBytes: number;
  readonly #opened: (stream: ReplicationStream) => void;
  readonly #refused: (error: unknown) => void;
  /** Resolves when the server has ended the stream, or the connection has. */
  readonly #over = Promise.withResolvers<void>();

  #state: 'starting' | 'streaming' | 'stopping' | 'over' = 'starting';
  #failure: unknown;
  #timer: NodeJS.Timeout | undefined;
  #silentTicks = 0;
  #paused = false;

  #open: OpenTransaction | undefined;
  #ready: TransactionPart[] = [];
  #readyBytes = 0;
  #wake: (() => void) | undefined;

  #lastEnd = NO_LSN;
  /** Up to here the server has sent all it has for us. */
  #idleEnd = NO_LSN;
  #acknowledged = NO_LSN;

  constructor(
    client: pg.Client,
    options: ReplicationOptions,
    opened: (stream: ReplicationStream) => void,
    refused: (error: unknown) => void,
  ) {
    this.#client = client;
    this.#options = options;
    this.#maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES;
    this.#maxPartBytes = options.maxPartBytes ?? MAX_PART_BYTES;
    this.#opened = opened;
    this.#refused = refused;
  }

  get progress(): { received: Lsn; acknowledged: Lsn } {
    return { received: laterLsn(this.#lastEnd, this.#idleEnd), acknowledged: this.#acknowledged };
  }

  acknowledge(lsn: Lsn): void {
    if (lsn > this.#lastEnd && lsn > this.#idleEnd) {
      const received = formatLsn(this.progress.received);
      throw new RangeError(`acknowledged ${formatLsn(lsn)}, but received no more than ${received}`);
    }
    this.#acknowledged = laterLsn(this.#acknowledged, lsn);
    this.#acknowledgeIdle();
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly TransactionPart[]> {
    return { next: () => this.#next() };
  }

  async stop(): Promise<void> {
    if (this.#state === 'streaming') {
      this.#state = 'stopping';
      clearInterval(this.#timer);
      this.#sendStatus();
      this.#send(COPY_DONE);
      this.#release();
      const timeout = setTimeout(() => this.destroy(), STOP_TIMEOUT_MS);
      await this.#over.promise;
      clearTimeout(timeout);
    }
    await this.#over.promise;
    await this.#client.end();
  }

  destroy(): void {
    this.#end();
    this.#client.connection.stream.destroy();
  }

  // What pg calls.

  submit(connection: pg.Connection): void {
    const opened = () => {
      this.#state = 'streaming';
      const { signal, statusIntervalMs = STATUS_INTERVAL_MS } = this.#options;
      this.#timer = setInterval(() => this.#tick(statusIntervalMs), statusIntervalMs);
      signal?.addEventListener('abort', this.#onAbort);
      this.#opened(this);
    };
    connection.once('replicationStart', opened);
    this.#over.promise.then(() => connection.removeListener('replicationStart', opened));
    connection.query(startCommand(this.#options));
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    this.#silentTicks = 0;
    if (this.#state !== 'streaming') return;
    if (chunk[0] === XLOG_DATA) {
      try {
        this.#receive(chunk);
      } catch (error) {
        this.#break(error);
      }
    } else if (chunk[0] === KEEPALIVE) {
      this.#idleEnd = laterLsn(this.#idleEnd, chunk.readBigUInt64BE(1) as Lsn);
      this.#acknowledgeIdle();
      if (chunk[KEEPALIVE_ASKS_AT] === 1) this.#sendStatus();
    }
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    if (this.#state === 'stopping') this.#end();
    else this.#break(new DistributaryError('source-unavailable', 'the server ended the stream'));
  }

  handleError(error: unknown): void {
    if (this.#state === 'starting') this.#refuse(asSourceError(error));
    else this.#break(asSourceError(error));
  }

  // The stream.

  #receive(chunk: Buffer): void {
    const message = this.#decoder.decode(chunk, XLOG_DATA_HEADER_BYTES);
    if (message.tag === 'insert') {
      const open = this.#open!;
      open.inserts.push(message);
      open.bytes += chunk.length;
      if (open.bytes >= this.#maxPartBytes) this.#deliver(open, null);
    } else if (message.tag === 'begin') {
      this.#open = { xid: message.xid, committedAt: message.committedAt, inserts: [], bytes: 0 };
    } else if (message.tag === 'commit') {
      const open = this.#open!;
      this.#open = undefined;
      this.#lastEnd = message.endLsn;
      this.#deliver(open, message.endLsn);
    }
  }

  #deliver(open: OpenTransaction, endLsn: Lsn | null): void {
    this.#ready.push({ xid: open.xid, committedAt: open.committedAt, inserts: open.inserts, endLsn });
    this.#readyBytes += open.bytes;
    open.inserts = [];
    open.bytes = 0;
    if (this.#readyBytes >= this.#maxBufferedBytes && !this.#paused) {
      this.#paused = true;
      this.#client.connection.stream.pause();
    }
    this.#wake?.();
  }

  async #next(): Promise<IteratorResult<readonly TransactionPart[]>> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      if (this.#state !== 'streaming' || this.#options.signal?.aborted) return { done: true, value: undefined };
      if (this.#ready.length > 0) return { done: false, value: this.#release() };
      // Woken once a chunk off the socket has been decoded to its end, not once a row.
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes all that is ready, and lets the socket flow again. */
  #release(): TransactionPart[] {
    const ready = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    this.#silentTicks = 0;
    if (this.#paused) {
      this.#paused = false;
      this.#client.connection.stream.resume();
    }
    return ready;
  }

  #acknowledgeIdle(): void {
    if (!this.#open && this.#acknowledged >= this.#lastEnd) {
      this.#acknowledged = laterLsn(this.#acknowledged, this.#idleEnd);
    }
  }

  /** Counts ticks rather than time: after a pause of this process the socket gets its turn before silence is judged. */
  #tick(intervalMs: number): void {
    const limitMs = this.#options.silenceLimitMs ?? SILENCE_LIMIT_MS;
    const silentMs = this.#paused ? 0 : ++this.#silentTicks * intervalMs;
    if (silentMs > limitMs) {
      this.#break(new DistributaryError('source-unavailable', `the server was silent for ${silentMs} ms`));
    } else {
      this.#sendStatus(silentMs > limitMs / 2);
    }
  }

  /** Standby status update: received, then flushed and applied, which is what the slot goes by. */
  #sendStatus(askForReply = false): void {
    const { received, acknowledged } = this.progress;
    const message = Buffer.alloc(39);
    message.write('d', 0, 'latin1');
    message.writeUInt32BE(38, 1);
    message.write('r', 5, 'latin1');
    message.writeBigUInt64BE(received, 6);
    message.writeBigUInt64BE(acknowledged, 14);
    message.writeBigUInt64BE(acknowledged, 22);
    message.writeBigInt64BE(BigInt(Date.now() - POSTGRES_EPOCH_MS) * 1000n, 30);
    message.writeUInt8(askForReply ? 1 : 0, 38);
    this.#send(message);
  }

  #send(message: Buffer): void {
    const { stream } = this.#client.connection;
    if (stream.writable) stream.write(message);
  }

  readonly #onAbort = () => this.#wake?.();

  #refuse(error: unknown): void {
    this.#end();
    this.#refused(error);
  }

  #break(error: unknown): void {
    if (this.#state === 'streaming') this.#failure = error;
    this.destroy();
  }

  #end(): void {
    this.#state = 'over';
    clearInterval(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#ready = [];
    this.#over.resolve();
    this.#wake?.();
  }
}
