import * as z from 'zod';
import { writeStates } from '../../../core/backfill.ts';
import type { JsonObject, ResolvedChange } from '../../../core/change.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Target } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import type { OperateContext } from '../context.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';
import { type Fill, fill, fillJson, fillSchema, KEPT_REFUSALS } from './filling.ts';

/** Ids in one request; the run keeps them, and an item of the control table holds 400 kB. */
const MAX_IDS = 5_000;
/** Ids of one read and one write. */
const IDS_AT_ONCE = 200;

const uuid = z.uuid().transform(text => text.toLowerCase() as AggregateId);

/** As `backfill.start` was asked. */
export const backfillRequest = {
  /** Only keys from this one on. */
  from: uuid.optional(),
  /** Only this tenant's. All are read, for keys are in no order of tenants. */
  tenant: uuid.optional(),
  /** Only these, whatever else is said. */
  ids: z.array(uuid).min(1).max(MAX_IDS).optional(),
  /** Rows a second at most. @default as fast as it goes */
  rate: z.int().min(1).max(1_000_000).optional(),
};
const requestSchema = z.object(backfillRequest);

const memoSchema = z.object({
  fill: fillSchema.optional(),
  /** Of `ids`, how many are done, and how many of them there are. */
  at: z.int().default(0),
  found: z.int().default(0),
});

/** Writes canonical states into every target of a store: what has them already, or newer ones, keeps them. */
export const backfill: RunKind = {
  operation: 'backfill',
  steps: { backfill: runBackfill },
};

async function runBackfill(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { ids } = requestSchema.parse(handle.run.request);
  const filled = ids ? await backfillIds(handle, context, ids) : await backfillAll(handle, context);
  await handle.save({
    report: {
      durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000,
      rows: filled.rows,
      refused: { count: filled.refused, examples: filled.refusals as unknown as JsonObject[] },
    },
  });
  return DONE;
}

/** All that receive writes. */
async function targetsOf({ control }: OperateContext, store: string): Promise<readonly Target[]> {
  const { current, building } = await control.readTargets(store);
  if (current) return [current, ...building];
  throw new DistributaryError('target-missing', `${store} has no target that readers see`);
}

async function backfillAll(handle: RunHandle, context: OperateContext): Promise<Fill> {
  const store = context.store(handle.run.store);
  const { from, tenant, rate } = requestSchema.parse(handle.run.request);
  const { aggregates } = store.definition.contract;
  const begun = memoSchema.parse(handle.run.memo).fill ?? fillSchema.parse({ from: from ?? null });
  const counts = await Promise.all(aggregates.map(aggregate => context.canonical.count(aggregate)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  return fill(handle, context, {
    store,
    targets: await targetsOf(context, store.name),
    rate,
    begun,
    wants: change =>
      (tenant === undefined || change.tenant === (tenant as string)) && (from === undefined || change.key >= from),
    save: filled =>
      handle.save({
        memo: { fill: fillJson(filled) },
        progress: { done: filled.rows, total: Math.max(total, filled.rows), unit: 'rows' },
      }),
  });
}

async function backfillIds(handle: RunHandle, context: OperateContext, ids: readonly AggregateId[]): Promise<Fill> {
  const store = context.store(handle.run.store);
  const targets = await targetsOf(context, store.name);
  const memo = memoSchema.parse(handle.run.memo);
  let filled = memo.fill ?? fillSchema.parse({});
  for (let { at } = memo; at < ids.length; at += IDS_AT_ONCE) {
    const keys = ids.slice(at, at + IDS_AT_ONCE);
    const changes: readonly ResolvedChange[] = await context.canonical.found(
      store.definition.contract.aggregates,
      keys,
    );
    const refused = await writeStates({ ...store, targets }, changes);
    filled = {
      ...filled,
      rows: filled.rows + changes.length,
      refused: filled.refused + refused.length,
      refusals: [...filled.refusals, ...refused].slice(0, KEPT_REFUSALS),
    };
    const done = Math.min(at + IDS_AT_ONCE, ids.length);
    await handle.save({
      memo: { fill: fillJson(filled), at: done },
      progress: { done, total: ids.length, unit: 'ids' },
    });
  }
  return filled;
}
