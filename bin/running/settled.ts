import { setTimeout as delay } from 'node:timers/promises';
import type { Catalogue } from '../../core/catalogue.ts';
import { LANES } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { Endpoints } from '../../local/endpoints.ts';
import { type Looking, type Overview, openOverview } from '../overview/overview.ts';

export interface SettlingOptions {
  /** Everything committed before it (ms since 1970) shall have arrived. @default now */
  readonly since?: number;
  /** @default 180, longer than a busy machine needs */
  readonly timeoutSeconds?: number;
  readonly onLook?: (overview: Overview) => void;
  readonly signal?: AbortSignal;
}

const TIMEOUT_SECONDS = 180;
const LOOK_EVERY_MS = 500;
/** A message that was put off is a new one to its queue: what looks settled must stay so. */
const STEADY_LOOKS = 3;
/** A watermark is good to about a second: what was sent a moment before may come a moment after. */
const MARGIN_MS = 1000;

/** `untilSettled` in a running local mode. Throws `store-unavailable`, which says what has not arrived where. */
export async function settle(endpoints: Endpoints, catalogue: Catalogue, options: SettlingOptions = {}): Promise<void> {
  const looking = openOverview(endpoints, catalogue);
  try {
    const missing = await untilSettled(looking, options);
    options.signal?.throwIfAborted();
    if (missing.length === 0) return;
    throw new DistributaryError('store-unavailable', `the stores do not come to rest: ${missing.join('; ')}`);
  } finally {
    await looking.close();
  }
}

/**
 * Waits until every store has taken everything that was committed before: no reference is left to carry along, no message
 * from before is in a queue, and every watermark has passed. Says what was still missing when the time was over or the
 * signal came; nothing if all is there.
 */
export async function untilSettled(looking: Looking, options: SettlingOptions): Promise<readonly string[]> {
  const { signal, timeoutSeconds = TIMEOUT_SECONDS, onLook } = options;
  let { since = Date.now() } = options;
  let steady = 0;
  let missing: readonly string[] = ['nobody has looked yet'];
  for (const deadline = Date.now() + timeoutSeconds * 1000; Date.now() < deadline && !signal?.aborted; ) {
    const overview = await looking.look();
    onLook?.(overview);
    // Dependants are changes of their own: the last of them may just have been committed.
    if (overview.source.dependantsPending !== 0) since = Date.now();
    missing = missingIn(overview, since);
    steady = missing.length === 0 ? steady + 1 : 0;
    if (steady === STEADY_LOOKS) return [];
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  return steady > 0 ? ['it came to rest only just now'] : missing;
}

/** Heartbeats never cease, so a queue is never empty for long; what is in it must be younger. */
function missingIn({ at, source, stores }: Overview, since: number): readonly string[] {
  const age = (Date.parse(at) - since - MARGIN_MS) / 1000;
  const missing =
    source.dependantsPending === 0 ? [] : [`${source.dependantsPending ?? '?'} references to carry along`];
  for (const { store, lanes, freshnessSeconds } of stores) {
    if (freshnessSeconds === undefined) missing.push(`${store} has no watermark`);
    else if (freshnessSeconds >= age) missing.push(`${store} is ${freshnessSeconds.toFixed(1)} s behind`);
    for (const lane of LANES) {
      const { delayed, inFlight, oldestSeconds } = lanes[lane];
      if (delayed > 0) missing.push(`${store} has put off ${delayed} messages of the ${lane} lane`);
      if (oldestSeconds >= age)
        missing.push(
          `${store} has a message of ${oldestSeconds.toFixed(1)} s in the ${lane} lane, ${inFlight} in flight`,
        );
    }
  }
  return missing;
}
