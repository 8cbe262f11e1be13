import * as z from 'zod';
import type { AggregateId, TenantId, Version } from './version.ts';

/** Priority carries what takes rights away or content out of sight; a backlog of ordinary updates never delays it. */
export const LANES = ['standard', 'priority'] as const;
export type Lane = (typeof LANES)[number];

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'is no lower-case UUID');
const word = z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'is no kebab-case word');

/** What every change says of itself, whatever it carries. */
const header = {
  /** Unique per outbox row: `<stored version>@<aggregate id>`. A repeated delivery has the same id. */
  id: z.string().min(1).max(200),
  /** The kind of aggregate, e.g. `case`. */
  aggregate: word,
  /** What happened, e.g. `restricted`; with the aggregate it makes the CloudEvents type `case.restricted`. */
  change: word,
  key: uuid.transform(value => value as AggregateId),
  tenant: uuid.transform(value => value as TenantId),
  version: z
    .int()
    .min(1)
    .transform(value => value as Version),
  lane: z.enum(LANES),
  /** The version of the aggregate's schema that the state follows. */
  schemaVersion: z.int().min(1),
  /** First 32 bits of md5 over `key@version@state text`, made at capture; 0 for a deleted aggregate. Drift compares sums of it. */
  digest: z.int().min(0).max(0xffffffff),
  /** Milliseconds since 1970 of the commit in the canonical store. */
  committedAt: z.int().min(0),
  traceparent: z.string().max(100).optional(),
};

/** The whole state of one aggregate after one commit; never a patch. */
export const stateChangeSchema = z.strictObject({
  kind: z.literal('state'),
  ...header,
  /** Out of JSON.parse, so its values are JSON already; the aggregate's schema is checked by the projector. */
  state: z.custom<JsonObject>(
    value => typeof value === 'object' && value !== null && !Array.isArray(value),
    'is no object',
  ),
});
/** A state too large for a message, parked in the payload bucket: `dataref` is its `s3://bucket/key`. */
export const parkedChangeSchema = z.strictObject({
  kind: z.literal('parked'),
  ...header,
  dataref: z.string().regex(/^s3:\/\/[^/]+\/.+$/, 'is no s3://bucket/key'),
});
export const deletionSchema = z.strictObject({ kind: z.literal('deleted'), ...header });

/**
 * The one message that everything downstream of the canonical store consumes.
 * Changes commute: a store that keeps the newest version per key converges under any order and any repetition.
 */
export const changeSchema = z.discriminatedUnion('kind', [stateChangeSchema, parkedChangeSchema, deletionSchema]);
export type Change = z.infer<typeof changeSchema>;
export type StateChange = z.infer<typeof stateChangeSchema>;
export type ParkedChange = z.infer<typeof parkedChangeSchema>;
export type Deletion = z.infer<typeof deletionSchema>;
/** A change whose state, if any, is at hand. */
export type ResolvedChange = StateChange | Deletion;

/** Sent when time passes, on every lane: all that was committed before `committedAt` has been published. */
export const heartbeatSchema = z.strictObject({
  kind: z.literal('heartbeat'),
  lane: z.enum(LANES),
  committedAt: z.int().min(0),
});
export type Heartbeat = z.infer<typeof heartbeatSchema>;
