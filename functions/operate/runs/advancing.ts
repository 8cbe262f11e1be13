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
  if (!kind) return await endUnknown(handle);
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

const NOT_OURS = { hint: 'another version of this system started it: finish the deployment, or cancel the run' };

/** Nobody here knows how to go on with it, nor what to take back; it makes room for the next when that is asked for. */
async function endUnknown(handle: LeasedRun): Promise<void> {
  if (handle.run.wanted === 'cancel') return await handle.finish('cancelled');
  const what = `no work is called ${handle.run.operation}`;
  await handle.tell(new DistributaryError('run-refused', what, NOT_OURS), 'failed');
}

function stepOf({ operation, steps }: RunKind, name: string) {
  const step = steps[name];
  if (step) return step;
  throw new DistributaryError('run-refused', `${operation} has no step ${name}`, NOT_OURS);
}

async function cancel(handle: LeasedRun, kind: RunKind, context: OperateContext): Promise<void> {
  handle.beginCancelling();
  await kind.cancel?.(handle, context);
  await handle.finish('cancelled');
}

/** A defect of ours fails the run too, or it would be tried again for ever. */
async function fail(handle: LeasedRun, error: unknown): Promise<void> {
  if (error instanceof DistributaryError) return await handle.tell(error, 'failed');
  console.error(error);
  const isCancelling = handle.run.wanted === 'cancel';
  const [what, todo] = isCancelling ? ['taking it back', 'cancel the run again'] : ['the step', 'resume the run'];
  const name = error instanceof Error ? error.name : typeof error;
  const known = new DistributaryError('run-refused', `${what} threw ${name}`, {
    hint: `read the operations function's log; ${todo} once the defect is mended`,
    cause: error,
  });
  await handle.tell(known, 'failed');
}
