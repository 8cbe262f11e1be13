import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { PURGE_RETRY_MINUTES } from '../../../core/erasure.ts';
import { DistributaryError } from '../../../core/errors.ts';
import { instruments } from '../../instruments.ts';
import type { OperateContext } from '../context.ts';
import { defineOperation } from '../operation.ts';
import { advance } from '../runs/advancing.ts';
import { mustErase } from './erasable-places.ts';
import { ERASURE, MAX_CASES } from './erase-run.ts';
import { startErasure } from './starting.ts';

/** What an erasure of a few cases takes: none is begun with less time than that. */
const RESERVE_MS = 60_000;

/** What was deleted, by a command or anybody, and is not proved to be gone from everywhere. */
export interface PurgesDue {
  readonly waiting: number;
  /** Of the one that waits longest; 0 when there is none. */
  readonly oldestSeconds: number;
  /** To begin with now: those that were tried come later each time. */
  readonly now: readonly string[];
}

export async function purgesDue({
  connection,
  clock,
}: Pick<OperateContext, 'connection' | 'clock'>): Promise<PurgesDue> {
  interface Row {
    readonly waiting: string;
    readonly oldest: Date | null;
    readonly now_due: readonly string[];
  }
  const text = 'select waiting, oldest, now_due from canonical.look_for_purges($1, $2)';
  const [row] = await connection.query<Row>(text, [`${PURGE_RETRY_MINUTES} minutes`, MAX_CASES]);
  const { waiting, oldest, now_due: now } = row!;
  const oldestSeconds = oldest === null ? 0 : Math.max(0, (clock.now() - oldest.getTime()) / 1000);
  return { waiting: Number(waiting), oldestSeconds, now };
}

/**
 * Erases what was purged by command from all that keeps former states: as one run, or some, which this call works on too. A schedule
 * asks for it every few minutes; it costs one query while nothing is due. While another erasure is under way, it is left to
 * the next look; one that has failed goes on, or nothing would be erased until somebody comes.
 */
export const eraseDue = defineOperation({
  name: 'erase.due',
  changes: false,
  request: {},
  async run({ actor, reason }, context) {
    mustErase(context);
    const due = await purgesDue(context);
    const { metrics } = instruments(ERASURE);
    metrics.addMetric('purge_due_seconds', MetricUnit.Seconds, due.oldestSeconds);
    metrics.publishStoredMetrics();
    if (await isResumed(context)) return due;
    const isInTime = () => context.clock.now() < context.deadline - RESERVE_MS;
    for (let { now } = due; now.length > 0 && isInTime(); { now } = await purgesDue(context)) {
      const cases = [...now];
      const asked = { actor, reason, request: { cases, again: false }, patienceSeconds: 0 };
      if (!(await startErasure(context, asked).catch(noneWhileActive))) break;
      await context.connection.query('select canonical.note_purges_tried($1)', [cases]);
      await advance(context, ERASURE);
    }
    return due;
  },
});

function noneWhileActive(error: unknown): undefined {
  if (!(error instanceof DistributaryError) || error.code !== 'run-active') throw error;
}

async function isResumed(context: OperateContext): Promise<boolean> {
  const failed = await context.runs.read(ERASURE);
  if (failed?.state !== 'failed') return false;
  await context.runs.change(ERASURE, failed.id, run =>
    run.state === 'failed' ? { ...run, state: 'running', wanted: 'run', updatedAt: context.clock.now() } : undefined,
  );
  await advance(context, ERASURE);
  return true;
}
