import { setTimeout as delay } from 'node:timers/promises';
import { relayUntil, tools } from './relaying.ts';

/** A deployment starts the next one while this one streams; that one looks this often whether it is its turn. */
const STANDBY_MS = 1_000;
/** It never has to make room for a successor by itself. */
const NEVER = new Date('9999-12-31T00:00:00Z');

/**
 * The same relay as a process that lives as long as its container: until it is told to leave. What is in hand is published
 * and acknowledged then, and the slot is free, long before the container would be killed.
 */
export async function serve(): Promise<void> {
  const leaving = new AbortController();
  const { signal } = leaving;
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => leaving.abort());
  let stood = false;
  while (!signal.aborted) {
    const standing = (await relayUntil(signal, NEVER)) === 'not-needed';
    if (standing && !stood) tools.logger.info('standing by: another relay streams');
    if (standing) await delay(STANDBY_MS, undefined, { signal }).catch(() => {});
    stood = standing;
  }
  tools.logger.info('left, as told');
}
