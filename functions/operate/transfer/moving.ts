import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';

/** What is known of a departing tenant: canonical/019-tenant-transfer.sql makes it. */
export const manifestSchema = z.strictObject({
  departure: z.uuid(),
  tenant: z.uuid(),
  name: z.string(),
  /** Of the canonical store that it comes from: versions lie above it afterwards. */
  epoch: z.int().min(0),
  /** A digest of the columns there: rows fit only into equal tables. */
  schema: z.string(),
  /** In both places the same: how many rows, and the sum of their digests. */
  tables: z.record(z.string(), z.strictObject({ rows: z.int().min(0), digest: z.string() })),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** A row as it is in both places, and what is not the same in both. */
export interface MovingRow {
  readonly row: JsonObject;
  readonly extra: JsonObject;
}

const object = z.custom<JsonObject>(value => typeof value === 'object' && value !== null && !Array.isArray(value));
export const movingRowSchema = z.strictObject({ row: object, extra: object });
/** What closing answered, which is given on as it is. */
export const receiptSchema = object;
