import * as z from 'zod';
import type { OperateContext } from '../context.ts';
import { drained } from '../erase/erase-drain.ts';
import { followHolds, MAX_CASES } from '../lifecycle/evidence-holds.ts';
import { askedOf } from '../lifecycle/refused.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';

export const TENANT_REMOVE = 'tenant-remove';

/** Cases of one transaction. */
const PART_ROWS = 200;
/** The erasure looks every five minutes, and takes 200 cases at a time: longer than that without any progress is told. */
const ERASED_WITHIN_MS = 30 * 60_000;
const LOOK_MS = 2_000;

const requestSchema = z.object({ departure: z.uuid() });
const memoSchema = z.object({
  cases: z.int().default(0),
  parties: z.int().default(0),
  /** What was still to be erased, and when that became less. */
  due: z.int().nullable().default(null),
  lessAt: z.int().default(0),
});

/** Removes a tenant that is closed here, part by part, and waits until what it leaves in former states is erased. */
export const tenantRemoveRun: RunKind = {
  operation: TENANT_REMOVE,
  steps: { release, remove, erase },
  pastCancelling: { erase: 'everything has been removed' },
};

/** Holds on objects follow: those of the archive with the change, those of evidence as they are brought to it here. */
async function release(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  for (let released = 1; released > 0; ) {
    const text = 'select canonical.release_departed_part($1, $2) as released';
    const [part] = await askedOf<{ released: number }>(context, text, [departure, PART_ROWS]);
    released = part!.released;
    await handle.save({});
  }
  const last = [{ aggregate: 'case', at: context.clock.now() }];
  while (!(await drained(context, last))) await handle.sleep(LOOK_MS);
  // As many at once as one look takes: the next goes on behind them.
  while ((await followHolds(context)).cases === MAX_CASES) await handle.save({});
  return 'remove';
}

async function remove(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  for (;;) {
    const text = 'select removed_cases, removed_parties from canonical.remove_departed_part($1, $2)';
    const [part] = await askedOf<{ removed_cases: number; removed_parties: number }>(context, text, [
      departure,
      PART_ROWS,
    ]);
    const { removed_cases, removed_parties } = part!;
    if (removed_cases + removed_parties === 0) return 'erase';
    const memo = memoSchema.parse(handle.run.memo);
    const cases = memo.cases + removed_cases;
    await handle.save({ memo: { cases, parties: memo.parties + removed_parties }, progress: { done: cases } });
  }
}

async function erase(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { departure } = requestSchema.parse(handle.run.request);
  for (;;) {
    const text = 'select canonical.departed_purges_due($1) as due';
    const [row] = await askedOf<{ due: string }>(context, text, [departure]);
    const [due, now] = [Number(row!.due), context.clock.now()];
    const memo = memoSchema.parse(handle.run.memo);
    const { cases, parties } = memo;
    const lessAt = memo.due === null || due < memo.due ? now : memo.lessAt;
    await handle.save({ memo: { due, lessAt }, progress: { done: cases - due, total: cases } });
    if (due === 0 || now > lessAt + ERASED_WITHIN_MS) {
      const durationSeconds = (now - handle.run.startedAt) / 1000;
      await handle.save({ report: { cases, parties, notErased: due, durationSeconds } });
      return DONE;
    }
    await handle.sleep(LOOK_MS);
  }
}
