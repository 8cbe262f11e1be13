import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { DistributaryError } from '../../core/errors.ts';
import { type Lsn, parseLsn } from '../../core/lsn.ts';
import { connectReplication, startStreaming } from './replication.ts';
import type { ReplicationOptions, ReplicationStream } from './replication-stream.ts';
import { asSourceError } from './source-error.ts';

/** What the catalogue says of a slot. A missing slot is `undefined` where this is asked for. */
export interface SlotStatus {
  /** PostgreSQL's `wal_status`. `unreserved`: will be lost at the next checkpoint. `lost`: only a rebuild helps. */
  readonly walStatus: 'reserved' | 'extended' | 'unreserved' | 'lost';
  /** Process id of the server that streams it to its holder. */
  readonly holder: number | null;
  /** Everything before it was acknowledged. */
  readonly confirmed: Lsn | null;
  /** WAL that the server keeps for this slot. */
  readonly retainedBytes: number;
  /** WAL not yet acknowledged. */
  readonly lagBytes: number;
  /** How much more may be written before the slot is lost; null without `max_slot_wal_keep_size`. */
  readonly safeBytes: number | null;
}

interface SlotRow {
  wal_status: SlotStatus['walStatus'];
  active_pid: number | null;
  confirmed: string | null;
  retained: string | null;
  lag: string | null;
  safe: string | null;
}

export async function slotStatus(db: pg.ClientBase, slot: string): Promise<SlotStatus | undefined> {
  const { rows } = await db.query<SlotRow>(
    `SELECT coalesce(wal_status, 'lost') AS wal_status, active_pid, confirmed_flush_lsn::text AS confirmed,
            pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text AS retained,
            pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS lag,
            safe_wal_size::text AS safe
       FROM pg_replication_slots WHERE slot_name = ${pg.escapeLiteral(slot)}`,
  );
  const row = rows[0];
  if (!row) return undefined;
  return {
    walStatus: row.wal_status,
    holder: row.active_pid,
    confirmed: row.confirmed === null ? null : parseLsn(row.confirmed),
    retainedBytes: Number(row.retained ?? 0),
    lagBytes: Number(row.lag ?? 0),
    safeBytes: row.safe === null ? null : Number(row.safe),
  };
}

/**
 * Makes sure that there is a slot. `created`: changes committed before now are not in it, so unless the stores are empty
 * they need a rebuild; `lost` the same, after `dropSlot`. Waits for transactions that are under way when it creates.
 * No relay calls this: one that is gone has opened a gap. Demands the publication first: a slot cannot decode what was committed before its publication existed, ever.
 */
export async function ensureSlot(
  db: pg.ClientBase,
  slot: string,
  publication: string,
): Promise<'present' | 'created' | 'lost'> {
  try {
    const published = await db.query('SELECT FROM pg_publication WHERE pubname = $1', [publication]);
    if (published.rowCount === 0) {
      throw new DistributaryError('publication-unusable', `there is no publication "${publication}"`);
    }
    const found = await slotStatus(db, slot);
    if (found) return found.walStatus === 'lost' ? 'lost' : 'present';
    await db.query(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
    return 'created';
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === DUPLICATE_OBJECT) return 'present';
    throw asSourceError(error);
  }
}

const DUPLICATE_OBJECT = '42710';

/** Opens a gap that only a rebuild closes. Does nothing when there is no such slot; refused while it has a holder. */
export async function dropSlot(db: pg.ClientBase, slot: string): Promise<void> {
  const text = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
  await db.query(text, [slot]).catch(error => {
    throw asSourceError(error);
  });
}

/** How long a holder may take to let go, enough for it to publish what it has in hand. */
const GRACE_MS = 3_000;
const RETRY_EVERY_MS = 20;

export interface TakeOverOptions extends ReplicationOptions {
  /** @default 3,000 */
  readonly graceMs?: number;
  /** @default 20 */
  readonly retryEveryMs?: number;
}

export interface TakeOver {
  readonly stream: ReplicationStream;
  /** Server process of the holder that was ended because it kept the slot past the grace. */
  readonly ended: number | undefined;
}

/**
 * Opens the stream as soon as its holder lets go, and ends a holder that does not: one that froze, or whose machine
 * vanished. The grace counts per holder, so two successors do not end each other at once. An ended holder that thaws
 * can no longer acknowledge but may still publish; whoever consumes keeps the newest version.
 */
export async function takeOver(options: TakeOverOptions): Promise<TakeOver> {
  const { slot, signal, graceMs = GRACE_MS, retryEveryMs = RETRY_EVERY_MS } = options;
  const client = await connectReplication(options.connection);
  let holder: number | undefined;
  let ended: number | undefined;
  let graceEnds = 0;
  try {
    for (;;) {
      // Looking first keeps the server's log free of an error for each attempt.
      const current = await holderOf(client, slot);
      const stream = current === undefined ? await streamUnlessActive(client, options) : undefined;
      if (stream) return { stream, ended };
      if (current !== holder) {
        holder = current;
        graceEnds = Date.now() + graceMs;
      } else if (holder !== undefined && holder !== ended && Date.now() >= graceEnds) {
        await endHolder(client, slot, holder);
        ended = holder;
      }
      await delay(retryEveryMs, undefined, signal ? { signal } : {});
    }
  } catch (error) {
    await client.end();
    throw asSourceError(error);
  }
}

async function holderOf(db: pg.ClientBase, slot: string): Promise<number | undefined> {
  const { rows } = await db.query<{ active_pid: number | null }>(
    `SELECT active_pid FROM pg_replication_slots WHERE slot_name = ${pg.escapeLiteral(slot)}`,
  );
  return rows[0]?.active_pid ?? undefined;
}

async function streamUnlessActive(
  client: pg.Client,
  options: ReplicationOptions,
): Promise<ReplicationStream | undefined> {
  try {
    return await startStreaming(client, options);
  } catch (error) {
    if (error instanceof DistributaryError && error.code === 'slot-active') return undefined;
    throw error;
  }
}

async function endHolder(db: pg.ClientBase, slot: string, holder: number): Promise<void> {
  await db.query(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots
      WHERE slot_name = ${pg.escapeLiteral(slot)} AND active_pid = ${holder}`,
  );
}
