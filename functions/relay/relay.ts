import { setTimeout as delay } from 'node:timers/promises';
import { type Heartbeat, LANES } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import { type ChangeHeader, encodeChange, MAX_INLINE_STATE_BYTES } from '../../core/pack.ts';
import { type Entry, Ledger } from './ledger.ts';
import { type OutboxChange, readOutboxRow } from './outbox-row.ts';
import { type Pack, Packer } from './packer.ts';
import type { Insert, Row } from './pgoutput.ts';
import type { ReplicationStream, TransactionPart } from './replication-stream.ts';

/** Where the relay's output goes. Each method resolves when its content is safe, and rejects when that is not known. */
export interface Sink {
  publish(packs: readonly Pack[]): Promise<void>;
  heartbeat(heartbeat: Heartbeat): Promise<void>;
  /** Keeps a state that no message can carry; yields its `dataref`. */
  keepState(header: ChangeHeader, state: string): Promise<string>;
  /** Sets an outbox row apart that can never be published. */
  park(row: Row, error: DistributaryError): Promise<void>;
}

export interface RelayEvents {
  published(packs: readonly Pack[]): void;
  parked(error: DistributaryError): void;
  /** A publication failed and will be tried again. */
  failing(error: unknown, attempt: number): void;
  /** A change or a heartbeat went by. */
  saw(): void;
}

export interface RelayOptions {
  readonly stream: ReplicationStream;
  readonly sink: Sink;
  readonly events: RelayEvents;
  /** Aborted when the relay shall hand over: it publishes what it has, acknowledges, and returns. */
  readonly signal: AbortSignal;
}

/** SNS PublishBatch: ten messages, 256 kB with their attributes. */
const MAX_BATCH_PACKS = 10;
const MAX_BATCH_BYTES = 250_000;
/** Enough to hide the round trip to the topic; more only grows the memory. */
const MAX_IN_FLIGHT = 6;
/**
 * How long a change waits for company. One that comes after a silence of this length is published at once; in a busy
 * stream packs fill meanwhile, which is cheaper for everybody who takes them. A topic that is slow to answer says that
 * those have much to do: packs fill for longer then, and each change costs them less.
 */
const LINGER_MS = { least: 30, most: 250, answers: 3 } as const;
/** Of the newest answer in the mean of how long answers take. */
const NEWEST_SHARE = 0.1;
/** Events read but not yet published; beyond it the stream waits. What is in flight and as much again: more only grows the memory. */
const MAX_OUTSTANDING_BYTES = 4 * 2 ** 20;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;
/** A hand-over waits this long for publications under way; the successor publishes again what was not acknowledged. */
const DRAIN_MS = 5_000;

/** Publishes a stream until it breaks or the signal is given. At least once, no gap: only what was published is acknowledged. */
export async function relay(options: RelayOptions): Promise<void> {
  await new Relaying(options).run();
}

class Relaying {
  readonly #stream: ReplicationStream;
  readonly #sink: Sink;
  readonly #events: RelayEvents;
  readonly #signal: AbortSignal;
  readonly #ledger: Ledger;
  readonly #packer = new Packer();
  #open: Entry | undefined;
  /** Batches of packs being published. */
  #inFlight = 0;
  /** Those, and whatever else transactions wait for. */
  #working = 0;
  #outstandingBytes = 0;
  #linger: NodeJS.Timeout | undefined;
  /** How long publications take, in the mean, ms. */
  #answerMs = 0;
  /** When packs were last closed before they were full. */
  #closedAt = 0;
  #changed = Promise.withResolvers<void>();

  constructor({ stream, sink, events, signal }: RelayOptions) {
    this.#stream = stream;
    this.#sink = sink;
    this.#events = events;
    this.#signal = signal;
    this.#ledger = new Ledger(lsn => stream.acknowledge(lsn));
  }

  async run(): Promise<void> {
    try {
      for await (const parts of this.#stream) {
        for (const part of parts) this.#take(part);
        this.#pump();
        await this.#until(() => this.#outstandingBytes < MAX_OUTSTANDING_BYTES || this.#signal.aborted);
      }
      this.#packer.closeOpen();
      this.#pump();
      await Promise.race([
        this.#until(() => this.#working === 0 && !this.#packer.hasClosed),
        delay(DRAIN_MS, undefined, { ref: false }),
      ]);
    } finally {
      clearTimeout(this.#linger);
    }
  }

  #take({ inserts, endLsn, committedAt }: TransactionPart): void {
    this.#open ??= this.#ledger.open();
    const entry = this.#open;
    for (const insert of inserts) this.#insert(insert, committedAt, entry);
    if (endLsn === null) return;
    this.#open = undefined;
    this.#ledger.committed(entry, endLsn);
  }

  #insert({ relation, row }: Insert, committedAt: number, entry: Entry): void {
    if (relation.table === 'heartbeat') {
      entry.onSafe = () => this.#beat(committedAt);
      this.#events.saw();
      return;
    }
    try {
      const change = readOutboxRow(row, committedAt);
      this.#events.saw();
      if (change.bytes > MAX_INLINE_STATE_BYTES) this.#addByReference(change, entry);
      else this.#add(change, entry);
    } catch (error) {
      if (!(error instanceof DistributaryError)) throw error;
      this.#park(row, error, entry);
    }
  }

  #add({ header, state, bytes }: OutboxChange, entry: Entry): void {
    const event = encodeChange(header, state === null ? { deleted: true } : { state });
    // Around the state all is ASCII; counting its bytes once is enough.
    const eventBytes = state === null ? event.length : event.length - state.length + bytes;
    this.#outstandingBytes += this.#packer.add(header, event, eventBytes, entry);
  }

  #addByReference({ header, state, bytes }: OutboxChange, entry: Entry): void {
    this.#hold(entry, bytes, async () => {
      const event = encodeChange(header, { dataref: await this.#sink.keepState(header, state!) });
      this.#outstandingBytes += this.#packer.add(header, event, Buffer.byteLength(event), entry);
    });
  }

  #park(row: Row, error: DistributaryError, entry: Entry): void {
    this.#hold(entry, 0, async () => {
      await this.#sink.park(row, error);
      this.#events.parked(error);
    });
  }

  /** Work outside the packs that its transaction has to wait for; repeated until it succeeds. */
  #hold(entry: Entry, bytes: number, work: () => Promise<void>): void {
    entry.pending += 1;
    this.#outstandingBytes += bytes;
    this.#persist(work).then(done => {
      this.#outstandingBytes -= bytes;
      if (done) this.#ledger.settle(entry);
      this.#pump();
    });
  }

  #pump(): void {
    this.#packer.closeOpen('priority');
    if (this.#hasRoom && this.#lingerLeftMs <= 0) this.#closeOpen();
    while (this.#packer.hasClosed && this.#hasRoom) this.#publish(this.#packer.take(MAX_BATCH_PACKS, MAX_BATCH_BYTES));
    this.#setLinger();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** A publication that ends makes some, and pumps. */
  get #hasRoom(): boolean {
    return this.#inFlight < MAX_IN_FLIGHT;
  }

  get #lingerLeftMs(): number {
    const { least, most, answers } = LINGER_MS;
    return this.#closedAt + Math.min(most, Math.max(least, answers * this.#answerMs)) - performance.now();
  }

  #closeOpen(): void {
    if (!this.#packer.hasOpen) return;
    this.#packer.closeOpen();
    this.#closedAt = performance.now();
  }

  #setLinger(): void {
    if (this.#linger || !this.#packer.hasOpen || !this.#hasRoom) return;
    const linger = () => {
      this.#linger = undefined;
      this.#pump();
    };
    this.#linger = setTimeout(linger, Math.max(1, Math.ceil(this.#lingerLeftMs)));
  }

  #publish(packs: readonly Pack[]): void {
    this.#inFlight += 1;
    const start = performance.now();
    this.#persist(() => this.#sink.publish(packs)).then(done => {
      this.#inFlight -= 1;
      this.#answerMs += (performance.now() - start - this.#answerMs) * NEWEST_SHARE;
      for (const { bytes, entries } of packs) {
        this.#outstandingBytes -= bytes;
        if (done) for (const entry of entries) this.#ledger.settle(entry);
      }
      if (done) this.#events.published(packs);
      this.#pump();
    });
  }

  /** True when it is done, false when the relay has to leave before it is. */
  async #persist(work: () => Promise<void>): Promise<boolean> {
    this.#working += 1;
    try {
      return await this.#repeat(work);
    } finally {
      this.#working -= 1;
    }
  }

  async #repeat(work: () => Promise<void>): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        await work();
        return true;
      } catch (error) {
        this.#events.failing(error, attempt);
        if (this.#signal.aborted) return false;
        await delay(Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS), undefined, {
          signal: this.#signal,
        }).catch(() => {});
      }
    }
  }

  /** A lost heartbeat is no lost change: the next one says more. */
  #beat(committedAt: number): void {
    for (const lane of LANES) {
      this.#sink.heartbeat({ kind: 'heartbeat', lane, committedAt }).catch(error => this.#events.failing(error, 1));
    }
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }
}
