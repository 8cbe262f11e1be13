import * as z from 'zod';
import { writeStates } from '../../../core/backfill.ts';
import { DistributaryError } from '../../../core/errors.ts';
import type { Target } from '../../../core/store.ts';
import type { OperateContext, OperatedStore } from '../context.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';
import { KEPT_REFUSALS, refusalSchema } from './filling.ts';

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

/** How far an outbox has been replayed, as a run remembers it. */
export const replayedSchema = z.strictObject({
  place: z.strictObject({ day: z.string(), id: z.int() }).nullable().default(null),
  rows: z.int().default(0),
  refused: z.int().default(0),
  refusals: z.array(refusalSchema).default([]),
  /** Commit time of the first change that was still there. */
  firstAt: z.int().nullable().default(null),
  finished: z.boolean().default(false),
});
export type Replayed = z.infer<typeof replayedSchema>;
const memoSchema = z.object({ replayed: replayedSchema.prefault({}) });

export interface Replaying {
  readonly store: OperatedStore;
  readonly targets: readonly Target[];
  readonly since: number;
  readonly rate: number | undefined;
  readonly begun: Replayed;
  save(replayed: Replayed): Promise<void>;
}

/** Writes what the outbox holds from a time on, in its order; goes on where it was. */
export async function replayOutbox(
  handle: RunHandle,
  { canonical, clock }: OperateContext,
  { store, targets, since, rate, begun, save }: Replaying,
): Promise<Replayed> {
  const { aggregates } = store.definition.contract;
  let replayed = begun;
  while (!replayed.finished) {
    const begunAt = clock.now();
    const after = replayed.place ?? undefined;
    const { changes, next } = await canonical.readOutbox(aggregates, { since, after, limit: PAGE_ROWS });
    const refused = await writeStates({ ...store, targets }, changes);
    replayed = {
      place: next ?? replayed.place,
      rows: replayed.rows + changes.length,
      refused: replayed.refused + refused.length,
      refusals: [...replayed.refusals, ...refused].slice(0, KEPT_REFUSALS),
      firstAt: replayed.firstAt ?? changes[0]?.committedAt ?? null,
      finished: next === undefined,
    };
    await save(replayed);
    if (rate !== undefined) await handle.sleep((changes.length / rate) * 1000 - (clock.now() - begunAt));
  }
  return replayed;
}

export const replayProgress = ({ rows, finished }: Replayed) => ({
  done: rows,
  total: rows + (finished ? 0 : PAGE_ROWS),
  unit: 'changes',
});

/**
 * Writes the changes of the outbox again, each as it was committed, into every target of a store: what has newer versions
 * keeps them, what keeps history gets what it has missed.
 */
export const replay: RunKind = { operation: 'replay', steps: { replay: runReplay } };

async function runReplay(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const store = context.store(handle.run.store);
  const { since, rate } = requestSchema.parse(handle.run.request);
  const { current, building } = await context.control.readTargets(store.name);
  if (!current) throw new DistributaryError('target-missing', `${store.name} has no target that readers see`);
  const { rows, firstAt, refused, refusals } = await replayOutbox(handle, context, {
    store,
    targets: [current, ...building],
    since,
    rate,
    begun: memoSchema.parse(handle.run.memo).replayed,
    save: replayed => handle.save({ memo: { replayed }, progress: replayProgress(replayed) }),
  });
  await handle.save({
    report: {
      durationSeconds: (context.clock.now() - handle.run.startedAt) / 1000,
      rows,
      from: firstAt === null ? null : new Date(firstAt).toISOString(),
      refused: { count: refused, examples: refusals },
    },
  });
  return DONE;
}
