import { MetricUnit } from '@aws-lambda-powertools/metrics';
import * as z from 'zod';
import type { JsonObject } from '../../../core/change.ts';
import { DRIFT_KINDS } from '../../../core/drift.ts';
import type { AggregateId } from '../../../core/version.ts';
import { type ControlItems, parseBody, storeGroup } from '../../control-items.ts';
import { instruments } from '../../instruments.ts';
import type { Run } from '../runs/run.ts';
import { type DriftMemo, findingSchema } from './drift-memo.ts';

/** What a finished run has found out. */
export const driftReportSchema = z.strictObject({
  target: z.string(),
  /** Keys of the canonical store that were compared. */
  rows: z.int(),
  /** Everything has been compared, by this run or, before `from`, by the one before. */
  complete: z.boolean(),
  from: z.string().nullable(),
  /** Where the next run goes on, when this one's time was up. */
  to: z.string().nullable(),
  counts: z.record(z.enum(DRIFT_KINDS), z.int()),
  /** Of all kinds together. */
  mismatches: z.int(),
  lagging: z.int(),
  unsettled: z.int(),
  beyond: z.int(),
  findings: z.array(findingSchema),
  repaired: z.int(),
  seconds: z.number(),
});
export type DriftReport = z.infer<typeof driftReportSchema>;

export function reportDrift(run: Run, memo: DriftMemo, now: number): DriftReport & JsonObject {
  const { target, rows, complete, from, cursor, counts, lagging, unsettled, beyond, findings } = memo;
  const mismatches = DRIFT_KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);
  return {
    target,
    rows,
    complete,
    from,
    to: complete ? null : cursor,
    counts,
    mismatches,
    lagging,
    unsettled,
    beyond,
    findings,
    repaired: findings.filter(({ repaired }) => repaired).length,
    seconds: (now - run.startedAt) / 1000,
  };
}

/** The contract's own metric, which an alarm is on: what is left is drift that nobody has mended. */
export function measureDrift(store: string, { mismatches, repaired }: DriftReport): void {
  const { metrics } = instruments(store);
  metrics.addMetric('drift_sample_mismatch_count', MetricUnit.Count, mismatches - repaired);
  metrics.publishStoredMetrics();
}

const PLACE = 'drift';
const placeSchema = z.strictObject({ cursor: z.string() });

/** Where the next run with a time budget goes on; nowhere in particular once everything has been compared. */
export async function keepPlace(control: ControlItems, store: string, { complete, cursor }: DriftMemo): Promise<void> {
  const item = await control.read(storeGroup(store), PLACE);
  if (complete || cursor === null) {
    if (item) await control.remove(storeGroup(store), PLACE, item.revision);
  } else await control.swap(storeGroup(store), PLACE, item?.revision ?? 0, { cursor });
}

export async function readPlace(control: ControlItems, store: string): Promise<AggregateId | undefined> {
  const item = await control.read(storeGroup(store), PLACE);
  return item && (parseBody(placeSchema, item).cursor as AggregateId);
}
