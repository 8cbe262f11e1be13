import type { OperateContext } from '../context.ts';
import { delayedIn } from './erase-queues.ts';
import type { ErasedAggregate } from './erasure-rows.ts';

/** A watermark is good to about a second: a queue may hand out neighbours in another order. */
const REORDERED_MS = 2_000;
/** What was put off comes back within a minute of its store's return; a queue that is never without is not waited for. */
const PUT_OFF_MS = 90_000;

/**
 * Whether every store that has readers has taken whatever was committed before the last of these deletions. A heartbeat
 * comes the same way behind it; that its store says so means that the relay, the topic and the queues have passed it on.
 */
export async function drained(
  context: OperateContext,
  erased: readonly Pick<ErasedAggregate, 'aggregate' | 'at'>[],
): Promise<boolean> {
  if (erased.length === 0) return true;
  const deletedAt = Math.max(...erased.map(({ at }) => at));
  const aggregates = new Set(erased.map(({ aggregate }) => aggregate));
  for (const { name, definition } of context.stores) {
    if (!definition.contract.aggregates.some(aggregate => aggregates.has(aggregate))) continue;
    if (!(await hasTaken(context, name, deletedAt))) return false;
  }
  return true;
}

async function hasTaken(
  { control, queues, clock }: OperateContext,
  store: string,
  deletedAt: number,
): Promise<boolean> {
  const { current } = await control.readTargets(store);
  if (!current) return true;
  const { standard = 0, priority = 0 } = await control.watermarksOf(store);
  if (Math.min(standard, priority) < deletedAt + REORDERED_MS) return false;
  if (clock.now() > deletedAt + PUT_OFF_MS) return true;
  const urls = await queues.of(store);
  return (await delayedIn(queues.sqs, urls.standard)) + (await delayedIn(queues.sqs, urls.priority)) === 0;
}
