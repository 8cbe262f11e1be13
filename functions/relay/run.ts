import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { Dependants } from './dependants.ts';
import { anotherRelayStays, beat } from './hold.ts';
import { type RelayEvents, relay, type Sink } from './relay.ts';
import type { ReplicationStream } from './replication-stream.ts';
import { type SlotStatus, slotStatus, takeOver } from './slot.ts';
import { asSourceError } from './source-error.ts';

export interface RunEvents extends RelayEvents {
  /** The stream is open. `ended`: server process of a holder that did not let go. */
  streaming(ended: number | undefined): void;
  reconnecting(error: DistributaryError): void;
  /** Publishing dependants again failed for what is in the database; changes flow on. */
  dependantsRefused(error: Error): void;
  /** With each heartbeat. */
  slot(status: SlotStatus): void;
}

export interface RunOptions {
  readonly database: pg.ClientConfig;
  readonly slot: string;
  readonly publication: string;
  readonly heartbeatSeconds: number;
  /** When this relay will be gone, for those who ask whether they are needed. */
  readonly deadline: Date;
  readonly sink: Sink;
  readonly events: RunEvents;
  readonly signal: AbortSignal;
}

const FIRST_RECONNECT_MS = 100;
const LONGEST_RECONNECT_MS = 5_000;

/**
 * Relays until the signal, over every failover and restart of the canonical store. Returns `not-needed` at once when
 * another relay holds the slot and stays. Throws `slot-lost` when WAL is gone, or the slot itself, which a failover may take
 * along: nothing here may paper over that.
 */
export async function runRelay(options: RunOptions): Promise<'handed-over' | 'not-needed'> {
  let failures = 0;
  while (!options.signal.aborted) {
    try {
      if ((await runSession(options, () => (failures = 0))) === 'not-needed') return 'not-needed';
    } catch (thrown) {
      const error = asSourceError(thrown);
      if (!(error instanceof DistributaryError) || error.retry === 'never') throw error;
      options.events.reconnecting(error);
      const pause = Math.min(FIRST_RECONNECT_MS * 2 ** failures++, LONGEST_RECONNECT_MS);
      await delay(pause, undefined, { signal: options.signal }).catch(() => {});
    }
  }
  return 'handed-over';
}

/** One connection's life: ends with the signal, or throws what broke it. */
async function runSession(options: RunOptions, opened: () => void): Promise<'ended' | 'not-needed'> {
  const session = new AbortController();
  const signal = AbortSignal.any([options.signal, session.signal]);
  await using db = await connect(options.database);
  await using second = await connect(options.database);
  if (await anotherRelayStays(db, options.slot, options.heartbeatSeconds)) return 'not-needed';
  const stream = await openStream(options, signal);
  opened();
  const dependants = new Dependants(second, signal, options.events.dependantsRefused);
  const events = { ...options.events, saw: () => dependants.wake() };
  try {
    await firstToFail(session, [
      relay({ stream, sink: options.sink, events, signal }),
      heartbeats(db, options, signal),
      dependants.run(),
      keepOutbox(second, signal),
    ]);
  } finally {
    await stream.stop();
  }
  return 'ended';
}

async function openStream(options: RunOptions, signal: AbortSignal): Promise<ReplicationStream> {
  const { slot, publication, database } = options;
  const { stream, ended } = await takeOver({ connection: database, slot, publication, signal });
  options.events.streaming(ended);
  return stream;
}

async function heartbeats(db: pg.Client, options: RunOptions, signal: AbortSignal): Promise<void> {
  const { slot, deadline, heartbeatSeconds, events } = options;
  for await (const _ of beat(db, slot, deadline, heartbeatSeconds, signal)) {
    const status = await slotStatus(db, slot);
    if (status) events.slot(status);
  }
}

/** The outbox is the log that a replay reads: its days are kept this long. */
const OUTBOX_KEEP_DAYS = 7;
const KEEP_OUTBOX_EVERY_MS = 3_600_000;
/** It gave up rather than hold up a command; the next time will do. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Makes the outbox's partitions ahead of time, and drops those whose days are over. */
async function keepOutbox(db: pg.Client, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await db.query('SELECT canonical.maintain_outbox($1)', [OUTBOX_KEEP_DAYS]).catch(error => {
      if (!(error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE)) throw error;
    });
    await delay(KEEP_OUTBOX_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** Waits for all; when one fails, tells the others to stop and throws its error. */
async function firstToFail(session: AbortController, tasks: readonly Promise<void>[]): Promise<void> {
  const failed = (error: unknown) => {
    session.abort();
    throw error;
  };
  const settled = await Promise.allSettled(tasks.map(task => task.catch(failed)));
  const rejected = settled.find(result => result.status === 'rejected');
  if (rejected) throw rejected.reason;
}

async function connect(config: pg.ClientConfig): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ keepAlive: true, application_name: 'distributary-relay', ...config });
  // The query under way is told as well; without a listener the same error would end the process.
  client.on('error', () => {});
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
