import * as z from 'zod';
import { DRIFT_KINDS } from '../../../core/drift.ts';
import type { AggregateId, TenantId, Version } from '../../../core/version.ts';

/** A run is one item of the control table, of 400 kB at most: these many suspects and findings are about 250 kB. */
export const MAX_SUSPECTS = 1500;
/** Findings beyond are counted, not named: so many are the work of several runs, or of a rebuild. */
export const MAX_FINDINGS = 500;

const key = z.string().transform(text => text as AggregateId);
const entrySchema = z.strictObject({
  key,
  tenant: z.string().transform(text => text as TenantId),
  version: z.int().transform(number => number as Version),
  digest: z.int(),
});

export const findingSchema = z.strictObject({
  key,
  kind: z.enum(DRIFT_KINDS),
  /** What the store held; null for nothing. */
  held: entrySchema.nullable(),
  /** The newest version of the canonical store; null where there is none. */
  newest: z.int().nullable(),
  remedy: z.enum(['publish', 'renew', 'bury', 'rebuild']),
  /** Of a burial. */
  buriedBy: z.int().nullable(),
  repaired: z.boolean(),
});
export type Finding = z.infer<typeof findingSchema>;

export const driftRequestSchema = z.strictObject({
  store: z.string(),
  repair: z.boolean(),
  /** Rows per second that are read of the canonical store at most; null for no limit. */
  rate: z.int().min(1).nullable(),
  /** After so many seconds it ends where it is; the next run goes on from there. Null for no limit. */
  budgetSeconds: z.int().min(1).nullable(),
});
export type DriftRequest = z.infer<typeof driftRequestSchema>;

const noCounts = Object.fromEntries(DRIFT_KINDS.map(kind => [kind, 0])) as Record<(typeof DRIFT_KINDS)[number], number>;

/** What a run keeps over crashes. */
export const driftMemoSchema = z.strictObject({
  target: z.string(),
  /** The keys before it have been compared; null at the start. */
  cursor: key.nullable().default(null),
  /** Where it began: after a run whose time was up, that is not the start. */
  from: key.nullable().default(null),
  /** Everything has been compared. */
  complete: z.boolean().default(false),
  /** Its time is up, or there is too much: what is suspected is still settled. */
  stopped: z.boolean().default(false),
  rows: z.int().default(0),
  suspects: z.array(z.strictObject({ key, seen: z.int().nullable() })).default([]),
  /** Clock of the canonical store before the first of the suspects was seen, and after the last. */
  seenFrom: z.number().nullable().default(null),
  seenTo: z.number().nullable().default(null),
  /** Suspects that there was no room for: they have not been judged, and nothing was compared after them. */
  beyond: z.int().default(0),
  /** Differences that turned out to be changes on their way. */
  lagging: z.int().default(0),
  /** Differences that could not be judged, for the store's watermark stood still. */
  unsettled: z.int().default(0),
  counts: z.record(z.enum(DRIFT_KINDS), z.int()).default(noCounts),
  findings: z.array(findingSchema).default([]),
  /** Milliseconds since 1970 of when it began to wait for something. */
  waitingSince: z.number().nullable().default(null),
});
export type DriftMemo = z.infer<typeof driftMemoSchema>;
