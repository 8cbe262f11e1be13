import * as z from 'zod';
import { DistributaryError } from '../../../core/errors.ts';
import type { Target } from '../../../core/store.ts';
import type { AggregateId } from '../../../core/version.ts';
import { isProtected } from '../../stores/protected.ts';
import type { OperateContext } from '../context.ts';
import { defineOperation, storeName } from '../operation.ts';
import { DONE, type NextStep, type RunHandle, type RunKind } from '../runs/run-kind.ts';

/** Documents between two notes of how far it is. */
const PAGE = 200;
/** A function that still wrote under the former key when the first pass began is gone by the second. */
const MAX_PASSES = 5;

const memoSchema = z.object({
  pass: z.int().default(1),
  /** Of the targets, by number. */
  target: z.int().default(0),
  after: z.string().nullable().default(null),
  seen: z.int().default(0),
  rewritten: z.int().default(0),
  /** In this pass. */
  found: z.int().default(0),
});

/** Starts to put every protected value of a store under the current key. Readers and writers go on meanwhile. */
export const keysRotate = defineOperation({
  name: 'keys.rotate',
  changes: true,
  request: { store: storeName },
  async run({ store, actor, reason }, context) {
    if (!isProtected(context.store(store).store)) {
      const hint = 'mark its fields with protected: true in its contract';
      throw new DistributaryError('usage', `store ${store} has no protected field`, { hint });
    }
    const of = { store, operation: 'rotate-keys', step: 'rotate', unit: 'documents' };
    return context.runs.start({ ...of, actor, reason, request: {} });
  },
});

/** Goes through every target until one whole pass finds nothing under another key: then the former keys may go. */
export const rotateKeysRun: RunKind = { operation: 'rotate-keys', steps: { rotate } };

async function rotate(handle: RunHandle, context: OperateContext): Promise<NextStep> {
  const { store, definition } = context.store(handle.run.store);
  if (!isProtected(store))
    throw new DistributaryError('run-refused', `${handle.run.store} has no protected field any more`);
  const counts = await Promise.all(definition.contract.aggregates.map(name => context.canonical.count(name)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  for (;;) {
    const memo = memoSchema.parse(handle.run.memo);
    const target = (await targetsOf(context, handle.run.store))[memo.target];
    if (!target) return endOfPass(handle, context);
    const range = memo.after === null ? {} : { from: memo.after as AggregateId };
    const page = await store.rotate(target, range, PAGE);
    const seen = memo.seen + page.seen;
    await handle.save({
      memo: {
        ...(page.next === undefined ? { target: memo.target + 1, after: null } : { after: page.next }),
        ...{ seen, rewritten: memo.rewritten + page.rewritten, found: memo.found + page.rewritten },
      },
      progress: { done: seen, total: Math.max(total * memo.pass, seen) },
    });
  }
}

async function endOfPass(handle: RunHandle, { clock }: OperateContext): Promise<NextStep> {
  const { pass, seen, rewritten, found } = memoSchema.parse(handle.run.memo);
  if (found > 0 && pass < MAX_PASSES) {
    await handle.save({ memo: { pass: pass + 1, target: 0, after: null, found: 0 } });
    return 'rotate';
  }
  const durationSeconds = (clock.now() - handle.run.startedAt) / 1000;
  await handle.save({ report: { durationSeconds, passes: pass, seen, rewritten, complete: found === 0 } });
  return DONE;
}

async function targetsOf({ control }: OperateContext, store: string): Promise<readonly Target[]> {
  const { current, building } = await control.readTargets(store);
  return current ? [current, ...building] : building;
}
