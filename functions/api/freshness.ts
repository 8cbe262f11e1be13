import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { LANES } from '../../core/change.ts';
import type { Control } from '../control.ts';
import { Problem } from './problem.ts';
import type { Answer } from './route.ts';

/** A read waits so long for the version that it asks for: a store's usual lag, and not a gateway's patience. */
export const MAX_WAIT_MS = 3_000;
const LOOK_MS = 50;

/** How far the store of an answer has come, told with every answer that a derived store gave. */
export const freshnessSchema = z.object({
  store: z.string(),
  consistency: z.enum(['canonical', 'eventual']),
  watermark: z.iso.datetime().nullable().describe('All that was committed before is in the store; null while unknown.'),
  freshness_seconds: z.number().nullable().describe('Age of the watermark.'),
  stale: z.boolean().describe('The answer is older than was asked for by waitFor.'),
});
export type Freshness = z.infer<typeof freshnessSchema>;

export const canonicalFreshness = (): Freshness => ({
  store: 'canonical',
  consistency: 'canonical',
  watermark: new Date().toISOString(),
  freshness_seconds: 0,
  stale: false,
});

/** Of a derived store: as far as its slower lane has come. */
export async function freshnessOf(
  control: Pick<Control, 'watermarksOf'>,
  store: string,
  stale = false,
): Promise<Freshness> {
  const marks = await control.watermarksOf(store);
  const known = LANES.flatMap(lane => marks[lane] ?? []);
  const watermark = known.length === LANES.length ? Math.min(...known) : undefined;
  return {
    store,
    consistency: 'eventual',
    watermark: watermark === undefined ? null : new Date(watermark).toISOString(),
    freshness_seconds: watermark === undefined ? null : Math.max(0, (Date.now() - watermark) / 1000),
    stale,
  };
}

/** What a read does that asked for a version which the store has not got in time. */
export const ifStaleSchema = z
  .enum(['canonical', 'refuse', 'answer'])
  .optional()
  .describe('When the version has not come in time: read the canonical store, refuse with 409, or answer as it is.');
export type IfStale = z.infer<typeof ifStaleSchema>;

export const waitForSchema = z
  .string()
  .regex(/^\d{1,16}$/, 'is no version')
  .transform(Number)
  .optional()
  .describe('Version that a command answered with: the read waits for it, within a bound.');

/** Looks until there is what was asked for, or the time is over; yields what was seen last. */
export async function waitUntil<T>(look: () => Promise<T>, isEnough: (seen: T) => boolean): Promise<T> {
  const deadline = Date.now() + MAX_WAIT_MS;
  let seen = await look();
  while (!isEnough(seen) && Date.now() < deadline) {
    await delay(LOOK_MS);
    seen = await look();
  }
  return seen;
}

export const stale = (): Problem =>
  new Problem('stale', 'the store has not come to the version that you wait for', { retryAfter: 1 });

export type Answered = Answer & { readonly body: { readonly freshness: Freshness } };
