import { randomUUID } from 'node:crypto';
import { DistributaryError } from '../../../core/errors.ts';
import type { OperateContext } from '../context.ts';
import { LeasedRun } from './leased-run.ts';
import { Interrupted, type RunKind } from './run-kind.ts';
import { runKind } from './run-kinds.ts';

/** A step that cannot go on now is tried again after so long, then twice that, up to the last. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A step is left where it can be resumed so long before the invocation ends. */
const MARGIN_MS = 5_000;

/**
 * Works on a store's run until it is finished, rests, fails, or the invocation's time is up. Nothing when there is
 * nothing to do, or another works on it. May be killed at any point: the next one goes on from the last thing saved.
 */
export async function advance(context: OperateContext, store: string): Promise<void> {
  const { clock, deadline } = context;
  const time = new AbortController();
  const timer = setTimeout(() => time.abort(), deadline - MARGIN_MS - clock.now()).unref();
  try {
    const handle = await LeasedRun.take(store, randomUUID(), context, time.signal);
    if (!handle) return;
    try {
      await work(handle, context);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
    } finally {
      await handle.release();
    }
  } finally {
    clearTimeout(timer);
  }
}

async function work(handle: LeasedRun, context: OperateContext): Promise<void> {
  const kind = runKind(handle.run.operation);
  if (!kind) {
    const hint = 'another version of this system started it: finish the deployment, or cancel the run';
    return handle.tell(
      new DistributaryError('run-refused', `no work is called ${handle.run.operation}`, { hint }),
      'failed',
    );
  }
  for (let failures = 0; ; ) {
    try {
      if (handle.run.wanted === 'cancel') return await cancel(handle, kind, context);
      if (handle.run.wanted === 'pause') return await handle.rest();
      const next = await stepOf(kind, handle.run.step)(handle, context);
      if (typeof next !== 'string') return await handle.finish('done');
      await handle.enter(next);
      failures = 0;
    } catch (error) {
      if (error instanceof Interrupted) {
        if (handle.run.wanted === 'run' || handle.isOutOfHands) throw error;
        continue;
      }
      if (!(error instanceof DistributaryError) || error.retry === 'never') return await fail(handle, error);
      failures += 1;
      await handle.tell(error, 'running');
      await context.clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS), handle.signal);
      if (handle.isOutOfHands) return;
    }
  }
}

function stepOf({ operation, steps }: RunKind, name: string) {
  const step = steps[name];
  if (step) return step;
  throw new DistributaryError('run-refused', `${operation} has no step ${name}`, {
    hint: 'another version of this system started it: finish the deployment, or cancel the run',
  });
}

async function cancel(handle: LeasedRun, kind: RunKind, context: OperateContext): Promise<void> {
  handle.beginCancelling();
  await kind.cancel?.(handle, context);
  await handle.finish('cancelled');
}

/** A defect of ours fails the run too, or it would be tried again for ever. */
async function fail(handle: LeasedRun, error: unknown): Promise<void> {
  const known =
    error instanceof DistributaryError
      ? error
      : new DistributaryError('run-refused', `the step threw ${error instanceof Error ? error.name : typeof error}`, {
          hint: "read the operations function's log; resume the run once the defect is mended",
          cause: error,
        });
  if (known !== error) console.error(error);
  await handle.tell(known, 'failed');
}
