import * as z from 'zod';
import { type Refusal, writeStates } from '../../core/backfill.ts';
import type { JsonObject } from '../../core/change.ts';
import { DistributaryError } from '../../core/errors.ts';
import type { OperateContext } from './context.ts';
import { KEPT_REFUSALS, refusalSchema } from './filling.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from './run-kind.ts';

/** Outbox rows of one read, one write and one saved place. */
const PAGE_ROWS = 500;

/** As `replay.start` was asked. */
export const replayRequest = {
  /** Commits from then on, milliseconds since 1970; as far back as the outbox reaches. */
  since: z.int().min(0),
  /** Rows a second at most. @default as fast as it goes */
  rate: z.int().min(1).max(1_000_000).optional(),
};
const requestSchema = z.object(replayRequest);

const memoSchema = z.object({
  place: z.strictObject({ day: z.string(), id: z.int() }).optional(),
  rows: z.int().default(0),
  refused: z.int().default(0),
  refusals: z.array(refusalSchema).default([]),
  /** Commit time of the first change that was still there. */
  firstAt: z.int().optional(),
});

/**
 * Writes the changes of the outbox again, each as it was committed, into every target of a store: what has newer versions
 * keeps them, what keeps history gets what it has missed.
 */
export const replay: RunKind = { operation: 'replay', steps: { replay: runReplay } };

async function runReplay(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const store = context.store(handle.run.store);
  const { since, rate } = requestSchema.parse(handle.run.request);
  const { aggregates } = store.definition.contract;
  const { current, building } = await context.control.readTargets(store.name);
  if (!current) throw new DistributaryError('target-missing', `${store.name} has no target that readers see`);
  let memo = memoSchema.parse(handle.run.memo);
  for (;;) {
    const begunAt = context.clock.now();
    const page = await context.canonical.readOutbox(aggregates, { since, after: memo.place, limit: PAGE_ROWS });
    const refused: readonly Refusal[] = await writeStates({ ...store, targets: [current, ...building] }, page.changes);
    memo = {
      ...memo,
      ...(page.next && { place: page.next }),
      rows: memo.rows + page.changes.length,
      refused: memo.refused + refused.length,
      refusals: [...memo.refusals, ...refused].slice(0, KEPT_REFUSALS),
      firstAt: memo.firstAt ?? page.changes[0]?.committedAt,
    };
    const progress = { done: memo.rows, total: memo.rows + (page.next ? PAGE_ROWS : 0), unit: 'changes' };
    await handle.save({ memo: JSON.parse(JSON.stringify(memo)) as JsonObject, progress });
    if (!page.next) break;
    if (rate !== undefined) await handle.sleep((page.changes.length / rate) * 1000 - (context.clock.now() - begunAt));
  }
  await handle.save({
    report: {
      durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000,
      rows: memo.rows,
      from: memo.firstAt === undefined ? null : new Date(memo.firstAt).toISOString(),
      refused: { count: memo.refused, examples: memo.refusals as unknown as JsonObject[] },
    },
  });
  return DONE;
}
