import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';

/** How long before its deadline a holder makes room; the successor that the schedule starts in between takes over. */
export const HAND_OVER_MS = 75_000;
/** Heartbeats missed before a holder counts as dead. */
const MISSED_HEARTBEATS = 3;

/** What the last heartbeat in the canonical store says of the relay that wrote it. */
interface HolderRow {
  readonly silent_seconds: number;
  readonly left_seconds: number;
}

/**
 * Whether another relay is alive and means to stay: the schedule starts one every minute, and most find nothing to do.
 */
export async function anotherRelayStays(db: pg.ClientBase, slot: string, heartbeatSeconds: number): Promise<boolean> {
  const { rows } = await db.query<HolderRow>(
    `SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 AS silent_seconds,
            extract(epoch FROM deadline - clock_timestamp())::float8 AS left_seconds
       FROM canonical.heartbeat
       JOIN pg_replication_slots ON slot_name = slot AND active
      WHERE slot = $1
      ORDER BY beat_at DESC LIMIT 1`,
    [slot],
  );
  const holder = rows[0];
  if (!holder) return false;
  return holder.silent_seconds < heartbeatSeconds * MISSED_HEARTBEATS && holder.left_seconds * 1000 > HAND_OVER_MS;
}

/** Writes a heartbeat every so often until the signal: a row in the publication, so that it overtakes nothing. */
export async function* beat(
  db: pg.ClientBase,
  slot: string,
  deadline: Date,
  intervalSeconds: number,
  signal: AbortSignal,
): AsyncIterable<void> {
  while (!signal.aborted) {
    await db.query('SELECT canonical.beat($1, $2)', [slot, deadline]);
    yield;
    await delay(intervalSeconds * 1000, undefined, { signal }).catch(() => {});
  }
}
