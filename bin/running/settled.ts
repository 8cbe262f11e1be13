import { setTimeout as delay } from 'node:timers/promises';
import { LANES } from '../../core/change.ts';
import type { Looking, Overview } from '../overview/overview.ts';

export interface SettlingOptions {
  /** Everything committed before it (ms since 1970) shall have arrived. */
  readonly since: number;
  readonly timeoutSeconds: number;
  readonly onLook?: (overview: Overview) => void;
  readonly signal?: AbortSignal;
}

const LOOK_EVERY_MS = 500;
/** A message that was put off is a new one to its queue: what looks settled must stay so. */
const STEADY_LOOKS = 3;
/** A watermark is good to about a second: what was sent a moment before may come a moment after. */
const MARGIN_MS = 1000;

/**
 * Waits until every store has taken everything that was committed before: no reference is left to carry along, no message
 * from before is in a queue, and every watermark has passed. Says whether that came to be in time.
 */
export async function untilSettled(looking: Looking, options: SettlingOptions): Promise<boolean> {
  const { signal, timeoutSeconds, onLook } = options;
  let { since } = options;
  let steady = 0;
  for (const deadline = Date.now() + timeoutSeconds * 1000; Date.now() < deadline && !signal?.aborted; ) {
    const overview = await looking.look();
    onLook?.(overview);
    // Dependants are changes of their own: the last of them may just have been committed.
    if (overview.source.dependantsPending !== 0) since = Date.now();
    steady = isSettled(overview, since) ? steady + 1 : 0;
    if (steady === STEADY_LOOKS) return true;
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** Heartbeats never cease, so a queue is never empty for long; what is in it must be younger. */
function isSettled({ at, stores }: Overview, since: number): boolean {
  const now = Date.parse(at);
  return stores.every(({ lanes, freshnessSeconds }) => {
    const youngerThan = (seconds: number) => now - seconds * 1000 > since + MARGIN_MS;
    const passed = freshnessSeconds !== undefined && youngerThan(freshnessSeconds);
    return passed && LANES.every(lane => lanes[lane].delayed === 0 && youngerThan(lanes[lane].oldestSeconds));
  });
}
